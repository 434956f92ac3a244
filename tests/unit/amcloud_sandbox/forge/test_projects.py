"""Projects, who sees them, and how the API says no."""

from __future__ import annotations

import pytest

from .conftest import Desk


def test_without_a_token_the_api_says_401(desk: Desk) -> None:
    got = Desk(desk.forge, desk.http, "").ask("GET", "/user")
    assert (got.status_code, got.json()) == (401, {"message": "401 Unauthorized"})


def test_a_wrong_or_revoked_token_is_401(desk: Desk) -> None:
    user = desk.user("camille")
    token = user.seen("/personal_access_tokens/self")
    assert desk.ask("DELETE", f"/personal_access_tokens/{token['id']}").status_code == 204
    for wrong in (user, Desk(desk.forge, desk.http, "glpat-unknown")):
        assert wrong.ask("GET", "/version").status_code == 401


def test_a_read_only_token_may_not_write(desk: Desk) -> None:
    reader = desk.user("lecture", scopes=("read_api",))
    assert reader.seen("/user")["username"] == "lecture"
    got = reader.ask("POST", "/groups", json={"name": "a", "path": "a"})
    assert (got.status_code, got.json()["error"]) == (403, "insufficient_scope")


def test_a_private_project_is_hidden_from_strangers(desk: Desk) -> None:
    project = desk.project()
    stranger = desk.user("inconnu")
    got = stranger.ask("GET", f"/projects/{project['id']}")
    assert (got.status_code, got.json()) == (404, {"message": "404 Project Not Found"})
    assert stranger.seen("/projects") == []


@pytest.mark.parametrize(
    ("level", "branch", "status"), [(20, "essai", 403), (30, "essai", 201), (30, "main", 403), (40, "main", 201)]
)
def test_a_status_needs_the_developer_level_and_of_a_protected_branch_the_right_to_move_it(
    desk: Desk, level: int, branch: str, status: int
) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    sha = desk.commit(project, {"a": "y"}, branch=branch)
    member = desk.user("membre")
    desk.made(f"/projects/{project['id']}/members", user_id=member.seen("/user")["id"], access_level=level)
    got = member.ask("POST", f"/projects/{project['id']}/statuses/{sha}", json={"state": "success"})
    assert got.status_code == status


def test_who_may_only_merge_to_a_protected_branch_may_post_statuses_and_start_pipelines_there(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {".gitlab-ci.yml": "a: {script: [true]}"})
    member = desk.user("membre")
    desk.made(f"/projects/{project['id']}/members", user_id=member.seen("/user")["id"], access_level=30)
    refused = member.ask("POST", f"/projects/{project['id']}/pipeline", json={"ref": "main"})
    assert refused.status_code == 400 and "sufficient permission" in refused.json()["message"]["base"][0]
    desk.ask("DELETE", f"/projects/{project['id']}/protected_branches/main")
    desk.made(f"/projects/{project['id']}/protected_branches", name="main", push_access_level=40, merge_access_level=30)
    member.made(f"/projects/{project['id']}/statuses/{sha}", state="success")
    member.made(f"/projects/{project['id']}/pipeline", ref="main")


def test_a_fork_proposes_its_commits_to_the_project_that_it_was_copied_from(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    group = desk.made("/groups", name="ailleurs", path="ailleurs")
    fork = desk.made(f"/projects/{project['id']}/fork", namespace_id=group["id"])
    assert fork["forked_from_project"]["id"] == project["id"] and not fork["empty_repo"]
    first = desk.commit(fork, {"a": "y"}, branch="essai")
    body = {"source_branch": "essai", "target_branch": "main", "title": "Essai", "target_project_id": project["id"]}
    request = desk.made(f"/projects/{fork['id']}/merge_requests", **body)
    told = (request["project_id"], request["source_project_id"], request["target_project_id"], request["sha"])
    assert told == (project["id"], fork["id"], project["id"], first)
    second = desk.commit(fork, {"a": "z"}, branch="essai")
    (listed,) = desk.seen(f"/projects/{project['id']}/merge_requests?state=opened")
    assert listed["sha"] == second
    commits = desk.seen(f"/projects/{project['id']}/merge_requests/{request['iid']}/commits")
    assert [one["id"] for one in commits] == [second, first]
    alone = desk.ask("POST", f"/projects/{project['id']}/statuses/{second}", json={"state": "success"})
    assert (alone.status_code, alone.json()) == (404, {"message": "404 References for commit Not Found"})
    head = f"refs/merge-requests/{request['iid']}/head"
    desk.made(f"/projects/{project['id']}/statuses/{second}", state="success", ref=head)
    stranger = desk.ask(
        "POST", f"/projects/{project['id']}/merge_requests", json={**body, "target_project_id": fork["id"]}
    )
    assert stranger.status_code == 404


def test_a_group_s_member_reaches_its_projects(desk: Desk) -> None:
    project = desk.project()
    member = desk.user("membre")
    group = project["namespace"]["id"]
    desk.made(f"/groups/{group}/members", user_id=member.seen("/user")["id"], access_level=40)
    own = member.seen("/user")["id"]
    (alone,) = desk.seen(f"/projects/{project['id']}/members/all?user_ids[]={own}")
    assert (alone["id"], alone["access_level"]) == (own, 40)
    seen = member.seen("/projects/cpam-bas-rhin%2Fsuivi")
    assert seen["permissions"]["group_access"]["access_level"] == 40
    assert [row["id"] for row in member.seen("/projects?membership=true")] == [project["id"]]


def test_a_renamed_project_redirects_reads_and_refuses_writes(desk: Desk) -> None:
    project = desk.project()
    assert desk.ask("PUT", f"/projects/{project['id']}", json={"path": "nouveau"}).status_code == 200
    read = desk.ask("GET", "/projects/cpam-bas-rhin%2Fsuivi/hooks?page=1", follow_redirects=False)
    assert (read.status_code, read.headers["location"]) == (301, f"/api/v4/projects/{project['id']}/hooks?page=1")
    written = desk.ask("POST", "/projects/cpam-bas-rhin%2Fsuivi/hooks", json={"url": "http://h.example"})
    assert (written.status_code, written.json()["message"]) == (
        405,
        "Non GET methods are not allowed for moved projects",
    )


def test_a_deleted_project_is_404(desk: Desk) -> None:
    project = desk.project()
    assert desk.ask("DELETE", f"/projects/{project['id']}").status_code == 202
    assert desk.ask("GET", f"/projects/{project['id']}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        pytest.param(
            "/projects", {}, {"error": "name, path are missing, at least one parameter must be provided"}, id="no name"
        ),
        pytest.param("/groups", {"name": "a"}, {"error": "path is missing"}, id="no path"),
        pytest.param("/projects", {"name": "x"}, {"message": {"namespace": ["is not valid"]}}, id="personal namespace"),
    ],
)
def test_missing_parameters_are_named(desk: Desk, path: str, body: dict[str, str], answer: object) -> None:
    got = desk.ask("POST", path, json=body)
    assert (got.status_code, got.json()) == (400, answer)


def test_a_path_already_taken_is_refused(desk: Desk) -> None:
    project = desk.project()
    again = desk.ask(
        "POST", "/projects", json={"name": "suivi", "path": "suivi", "namespace_id": project["namespace"]["id"]}
    )
    assert (again.status_code, again.json()["message"]["path"]) == (400, ["has already been taken"])


def test_an_unknown_route_is_404_as_on_gitlab(desk: Desk) -> None:
    got = desk.ask("GET", "/projects/1/nothing_of_the_kind")
    assert (got.status_code, got.json()) == (404, {"error": "404 Not Found"})


def test_a_body_that_is_not_json_is_400(desk: Desk) -> None:
    headers = {"PRIVATE-TOKEN": desk.token, "Content-Type": "application/json"}
    got = desk.http.post("/api/v4/groups", content=b"{", headers=headers)
    assert (got.status_code, got.json()) == (400, {"error": "There was a problem in the JSON you submitted"})


def test_projects_come_by_keyset(desk: Desk) -> None:
    first = desk.project("a/un")
    for name in ("deux", "trois"):
        desk.made("/projects", name=name, path=name, namespace_id=first["namespace"]["id"])
    seen, url = [], "http://forge.example/api/v4/projects?pagination=keyset&order_by=id&sort=asc&per_page=2"
    while url:
        answer = desk.http.get(url, headers={"PRIVATE-TOKEN": desk.token})
        assert "X-Total" not in answer.headers
        seen += [row["path"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    assert seen == ["un", "deux", "trois"]


def test_activity_moves_at_most_once_an_hour(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    assert desk.seen(f"/projects/{project['id']}")["last_activity_at"] == project["last_activity_at"]
    old = "2020-01-01T00:00:00.000Z"
    desk.forge.store.update("projects", project["id"], last_activity_at=old)
    desk.commit(project, {"a": "y"})
    moved = desk.seen(f"/projects/{project['id']}")["last_activity_at"]
    assert moved > old
    assert [row["id"] for row in desk.seen("/projects?last_activity_after=2024-01-01T00:00:00Z")] == [project["id"]]
    assert desk.seen("/projects?last_activity_after=2999-01-01T00:00:00Z") == []


def test_protected_tags_are_listed_with_gitlab_s_fields_and_their_names_may_be_patterns(desk: Desk) -> None:
    project = desk.project()
    desk.commit(project, {"a": "x"})
    path = f"/projects/{project['id']}"
    made = desk.made(f"{path}/protected_tags", name="v*", create_access_level=40)
    assert made == {
        "name": "v*",
        "create_access_levels": [
            {"id": 1, "access_level": 40, "access_level_description": "Maintainers", "deploy_key_id": None,
             "user_id": None, "group_id": None}
        ],
    }  # fmt: skip
    assert desk.seen(f"{path}/protected_tags") == [made]
    assert desk.seen(f"{path}/protected_tags/v*") == made
    desk.made(f"{path}/repository/tags", tag_name="v1.0.0", ref="main")
    desk.made(f"{path}/repository/tags", tag_name="essai", ref="main")
    assert {tag["name"]: tag["protected"] for tag in desk.seen(f"{path}/repository/tags")} == {
        "v1.0.0": True,
        "essai": False,
    }
    assert desk.ask("POST", f"{path}/protected_tags", json={"name": "v*"}).status_code == 409
    assert desk.ask("DELETE", f"{path}/protected_tags/v*").status_code == 204
    assert desk.seen(f"{path}/protected_tags") == []


def test_the_merged_ci_configuration_tells_its_includes_and_jobs(desk: Desk) -> None:
    template = desk.project("amcloud/pipelines")
    desk.commit(
        template,
        {"a.yml": "spec:\n  inputs:\n    ref: {default: v1}\n---\n.base: {stage: tests}\n"
                  "tests: {extends: .base, script: ['run $[[ inputs.ref ]]']}\n"},
    )  # fmt: skip
    project = desk.project()
    sha = desk.commit(
        project,
        {".gitlab-ci.yml": "include: [{project: amcloud/pipelines, ref: main, file: a.yml}]\n"
                           "tests: {allow_failure: true}\ncourriel: {script: [mail], when: never}\n"},
    )  # fmt: skip
    seen = desk.seen(f"/projects/{project['id']}/ci/lint?content_ref={sha}&include_jobs=true")
    assert seen["valid"] and seen["errors"] == []
    (include,) = seen["includes"]
    assert include["location"] == "a.yml"
    assert include["extra"] == {"project": "amcloud/pipelines", "ref": "main"}
    jobs = {job["name"]: job for job in seen["jobs"]}
    assert set(jobs) == {"tests", "courriel"}
    assert (jobs["tests"]["script"], jobs["tests"]["stage"]) == (["run v1"], "tests")
    assert (jobs["tests"]["allow_failure"], jobs["courriel"]["when"]) == (True, "never")


def test_a_ci_configuration_that_includes_what_is_not_there_is_not_valid(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {".gitlab-ci.yml": "include: [{project: a/b, ref: v9, file: x.yml}]\n"})
    seen = desk.seen(f"/projects/{project['id']}/ci/lint?content_ref={sha}")
    assert not seen["valid"]
    assert seen["errors"] == ["Project `a/b` reference `v9` does not exist!"]
