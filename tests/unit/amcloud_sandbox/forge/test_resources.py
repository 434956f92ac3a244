"""Repository, pipelines, merge requests, webhooks, deployments: the shapes and rules that the product relies on."""

from __future__ import annotations

import base64

import pytest

from amcloud_sandbox.forge import events
from amcloud_sandbox.forge.git import NO_SHA, Change

from .conftest import CI, Desk


def test_files_and_history_are_read_from_git(desk: Desk) -> None:
    project = desk.project()
    first = desk.commit(project, {"src/a b.php": "<?php\n"}, message="Premier\n\nDétail")
    second = desk.commit(project, {"README.md": "x\n"})
    base = f"/projects/{project['id']}/repository"
    assert desk.ask("GET", f"{base}/files/src%2Fa%20b.php/raw?ref=main").content == b"<?php\n"
    content = desk.seen(f"{base}/files/README.md?ref={second}")["content"]
    assert base64.b64decode(content) == b"x\n"
    assert [row["id"] for row in desk.seen(f"{base}/commits")] == [second, first]
    found = desk.seen(f"{base}/commits/{first[:10]}")
    assert (found["title"], found["short_id"], found["stats"]["additions"]) == ("Premier", first[:8], 1)
    compared = desk.seen(f"{base}/compare?from={first}&to=main")
    assert [row["new_path"] for row in compared["diffs"]] == ["README.md"]
    assert {row["path"] for row in desk.seen(f"{base}/tree?recursive=true")} == {"README.md", "src", "src/a b.php"}
    assert desk.ask("GET", f"{base}/files/absent/raw?ref=main").json() == {"message": "404 File Not Found"}


def test_the_first_branch_becomes_protected(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    (rule,) = desk.seen(f"/projects/{project['id']}/protected_branches")
    assert (rule["name"], rule["push_access_levels"][0]["access_level"]) == ("main", 40)
    refused = desk.ask("DELETE", f"/projects/{project['id']}/repository/branches/main")
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("files", "message", "found"),
    [
        pytest.param({".gitlab-ci.yml": CI}, "Change", [("pending", None)], id="a pipeline"),
        pytest.param({".gitlab-ci.yml": CI}, "Change [ci skip]", [("skipped", None)], id="skipped on request"),
        pytest.param({"a": "x"}, "Change", [], id="no CI file"),
    ],
)
def test_a_push_makes_a_pipeline(
    desk: Desk, files: dict[str, str], message: str, found: list[tuple[str, None]]
) -> None:
    project = desk.project()
    sha = desk.commit(project, files, message=message)
    rows = desk.seen(f"/projects/{project['id']}/pipelines?sha={sha}")
    assert [
        (row["status"], desk.seen(f"/projects/{project['id']}/pipelines/{row['id']}")["yaml_errors"]) for row in rows
    ] == found


def test_a_broken_ci_file_fails_the_pipeline_and_says_why(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {".gitlab-ci.yml": "a: [\n"})
    (row,) = desk.seen(f"/projects/{project['id']}/pipelines")
    assert row["status"] == "failed"
    assert ".gitlab-ci.yml" in desk.seen(f"/projects/{project['id']}/pipelines/{row['id']}")["yaml_errors"]


@pytest.mark.parametrize(
    ("files", "ref", "problem"),
    [
        pytest.param({".gitlab-ci.yml": CI}, "absent", "Reference not found", id="no such branch"),
        pytest.param({"a": "x"}, "main", "Missing CI config file", id="no CI file"),
    ],
)
def test_a_pipeline_that_cannot_start_is_refused(desk: Desk, files: dict[str, str], ref: str, problem: str) -> None:
    project = desk.project()
    desk.commit(project, files)
    got = desk.ask("POST", f"/projects/{project['id']}/pipeline", json={"ref": ref})
    assert (got.status_code, got.json()) == (400, {"message": {"base": [problem]}})


def test_a_pipeline_is_canceled_and_tried_again(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {".gitlab-ci.yml": CI})
    started = desk.made(f"/projects/{project['id']}/pipeline", ref="main", variables=[{"key": "A", "value": "1"}])
    path = f"/projects/{project['id']}/pipelines/{started['id']}"
    assert (started["source"], desk.seen(f"{path}/variables")[0]["key"]) == ("api", "A")
    assert desk.ask("POST", f"{path}/cancel").json()["status"] == "canceled"
    assert desk.ask("POST", f"{path}/retry").json()["status"] == "pending"


def test_one_open_merge_request_a_source_branch(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    desk.made(f"/projects/{project['id']}/repository/branches", branch="sujet", ref="main")
    sha = desk.commit(project, {"a": "y"}, branch="sujet")
    body = {"source_branch": "sujet", "target_branch": "main", "title": "Sujet"}
    made = desk.made(f"/projects/{project['id']}/merge_requests", **body)
    assert (made["iid"], made["sha"], made["state"]) == (1, sha, "opened")
    again = desk.ask("POST", f"/projects/{project['id']}/merge_requests", json=body)
    assert again.status_code == 409
    merged = desk.ask("PUT", f"/projects/{project['id']}/merge_requests/1/merge").json()
    assert merged["state"] == "merged"
    assert desk.seen(f"/projects/{project['id']}/repository/commits/main")["id"] == merged["merge_commit_sha"]


def test_a_note_is_edited_in_place(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    desk.made(f"/projects/{project['id']}/repository/branches", branch="sujet", ref="main")
    desk.commit(project, {"a": "y"}, branch="sujet")
    desk.made(f"/projects/{project['id']}/merge_requests", source_branch="sujet", target_branch="main", title="Sujet")
    notes = f"/projects/{project['id']}/merge_requests/1/notes"
    note = desk.made(notes, body="<!-- amcloud --> refusée")
    edited = desk.ask("PUT", f"{notes}/{note['id']}", json={"body": "<!-- amcloud --> conforme"})
    assert edited.status_code == 200
    assert [row["body"] for row in desk.seen(notes)] == ["<!-- amcloud --> conforme"]


def test_a_push_event_has_gitlab_s_shape(desk: Desk) -> None:
    project = desk.project()
    first = desk.commit(project, {"a": "x"})
    second = desk.commit(project, {"a": "y", "b": "z"})
    row = desk.forge.store.one("select * from projects")
    assert row is not None
    payload = events.push(desk.forge, row, Change("refs/heads/main", first, second), desk.forge.user(1))
    assert (payload["object_kind"], payload["before"], payload["after"], payload["checkout_sha"]) == (
        "push",
        first,
        second,
        second,
    )
    assert payload["project"]["path_with_namespace"] == "cpam-bas-rhin/suivi"
    (commit,) = payload["commits"]
    assert (commit["id"], commit["added"], commit["modified"], payload["total_commits_count"]) == (
        second,
        ["b"],
        ["a"],
        1,
    )


def test_a_deleted_branch_has_forty_zeros_and_no_checkout(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    row = desk.forge.store.one("select * from projects")
    assert row is not None
    payload = events.push(desk.forge, row, Change("refs/heads/main", sha, NO_SHA), desk.forge.user(1))
    assert (payload["after"], payload["checkout_sha"], payload["commits"]) == (NO_SHA, None, [])


def test_a_deployment_makes_its_environment(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    body = {"environment": "acceptance", "sha": sha, "ref": "main", "tag": False, "status": "running"}
    made = desk.made(f"/projects/{project['id']}/deployments", **body)
    assert (made["environment"]["name"], made["status"]) == ("acceptance", "running")
    moved = desk.ask("PUT", f"/projects/{project['id']}/deployments/{made['id']}", json={"status": "success"})
    assert moved.json()["status"] == "success"
    again = desk.ask("PUT", f"/projects/{project['id']}/deployments/{made['id']}", json={"status": "failed"})
    assert again.status_code == 400
    (place,) = desk.seen(f"/projects/{project['id']}/environments")
    assert desk.seen(f"/projects/{project['id']}/environments/{place['id']}")["last_deployment"]["sha"] == sha


def test_a_hook_never_shows_its_token(desk: Desk) -> None:
    project = desk.project()
    made = desk.made(f"/projects/{project['id']}/hooks", url="http://h.example/x", token="s3cret", pipeline_events=True)
    assert "token" not in made
    assert (made["push_events"], made["pipeline_events"], made["alert_status"]) == (True, True, "executable")
    assert desk.ask("POST", f"/projects/{project['id']}/hooks", json={"url": "ftp://h"}).status_code == 422


def test_variables_of_a_project_are_kept_once(desk: Desk) -> None:
    project = desk.project()
    path = f"/projects/{project['id']}/variables"
    desk.made(path, key="A", value="1", masked=True)
    again = desk.ask("POST", path, json={"key": "A", "value": "2"})
    assert (again.status_code, again.json()) == (400, {"message": {"key": ["(A) has already been taken"]}})
    assert desk.ask("PUT", f"{path}/A", json={"value": "3"}).json()["value"] == "3"


def test_an_issue_is_followed_by_labels_comments_and_events(desk: Desk) -> None:
    project = desk.project()
    base = f"/projects/{project['id']}/issues"
    issue = desk.made(base, title="Une contestation", description="clef-1", labels="contestation")
    camille = desk.user("camille")
    desk.made(f"/projects/{project['id']}/members", user_id=camille.seen("/user")["id"], access_level=30)
    camille.made(f"{base}/{issue['iid']}/notes", body="Voyons.")
    (note,) = desk.seen(f"{base}/{issue['iid']}/notes?sort=asc")
    assert (note["body"], note["author"]["username"], note["noteable_iid"]) == ("Voyons.", "camille", issue["iid"])
    answer = desk.ask("PUT", f"{base}/{issue['iid']}", json={"add_labels": "retenue", "state_event": "close"}).json()
    assert (answer["labels"], answer["state"], answer["user_notes_count"]) == (["contestation", "retenue"], "closed", 1)
    (found,) = desk.seen(f"{base}?labels=contestation&search=clef-1&state=all")
    assert found["updated_at"] >= issue["updated_at"]
    row = desk.forge.store.one("select * from issues")
    said = desk.forge.store.one("select * from issue_notes")
    user = desk.forge.user(1)
    owner = desk.forge.store.one("select * from projects")
    assert row and said and owner
    told = events.issue_note(desk.forge, owner, row, said, user)
    assert (told["object_kind"], told["object_attributes"]["noteable_type"]) == ("note", "Issue")
    assert told["issue"]["description"] == "clef-1"
    assert events.issue(desk.forge, owner, row, user, action="close")["object_attributes"]["action"] == "close"


def test_a_comment_changes_its_merge_request(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    desk.commit(project, {"a": "y"}, branch="essai")
    base = f"/projects/{project['id']}/merge_requests"
    request = desk.made(base, title="t", source_branch="essai", target_branch="main")
    desk.made(f"{base}/{request['iid']}/notes", body="x")
    assert desk.seen(f"{base}/{request['iid']}")["updated_at"] > request["updated_at"]


def test_what_curl_sends_as_a_form_is_understood(desk: Desk) -> None:
    project = desk.project()
    base = f"/projects/{project['id']}/issues"
    answer = desk.ask("POST", base, data={"title": "é /x & y", "labels": "a,b"})
    assert (answer.status_code, answer.json()["title"], answer.json()["labels"]) == (201, "é /x & y", ["a", "b"])
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    broken = desk.http.post(f"/api/v4{base}", headers={"PRIVATE-TOKEN": desk.token, **kind}, content=b"title=\xff")
    assert broken.status_code == 400
