"""A forge that serves: git pushes and clones, python-gitlab, curl, webhooks, failures as clients feel them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gitlab
import pytest
import requests

from amcloud_sandbox.testing.forge import CI_FILE, IMAGE_JOB, RunningForge, git, running_forge

PROJECT = "cpam-bas-rhin/suivi-courriers"


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[RunningForge]:
    with running_forge(tmp_path, hook_backoff_s=30.0, hook_timeout_s=2.0) as found:
        yield found


class Receiver:
    """Gets webhooks and answers each with ``status``."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def events(self) -> list[str]:
        """The kinds of events so far."""
        return [headers["X-Gitlab-Event"] for headers, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_a_push_is_told_to_the_hook_and_starts_a_pipeline(forge: RunningForge, receiver: Receiver) -> None:
    project = forge.project(PROJECT, maintainers=("developpeur",))
    project.hooks.create({"url": receiver.url, "token": "s3cret", "push_events": True, "pipeline_events": True})
    sha = forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE}, token=forge.user("developpeur"))
    forge.wait_deliveries()
    assert sorted(receiver.events()) == ["Pipeline Hook", "Push Hook"]
    headers, body = next(item for item in receiver.got if item[0]["X-Gitlab-Event"] == "Push Hook")
    assert headers["X-Gitlab-Token"] == "s3cret"
    assert {"X-Gitlab-Event-UUID", "Idempotency-Key"} <= set(headers)
    assert (body["checkout_sha"], body["user_username"], body["project"]["path_with_namespace"]) == (
        sha,
        "developpeur",
        PROJECT,
    )
    (pipeline,) = project.pipelines.list(sha=sha, get_all=True)
    assert (pipeline.status, pipeline.ref, pipeline.source) == ("pending", "main", "push")


def test_the_delivery_log_keeps_what_was_sent_and_answered(forge: RunningForge, receiver: Receiver) -> None:
    project = forge.project(PROJECT)
    hook = project.hooks.create({"url": receiver.url, "token": "s3cret"})
    receiver.status = 503
    sha = forge.commit(PROJECT, {"a": "x"})
    forge.wait_deliveries()
    path = f"/projects/{project.id}/hooks/{hook.id}/events"
    (entry,) = forge.client().http_get(path)
    assert (entry["response_status"], entry["trigger"], entry["request_data"]["after"]) == ("503", "push_hooks", sha)
    assert entry["request_headers"]["X-Gitlab-Token"] == "[REDACTED]"
    receiver.status = 200
    forge.client().http_post(f"{path}/{entry['id']}/resend")
    assert receiver.got[0][0]["Idempotency-Key"] == receiver.got[1][0]["Idempotency-Key"]


def test_a_hook_that_keeps_failing_is_paused(forge: RunningForge, receiver: Receiver) -> None:
    project = forge.project(PROJECT)
    hook = project.hooks.create({"url": receiver.url})
    receiver.status = 500
    for number in range(6):
        forge.commit(PROJECT, {"a": str(number)})
        forge.wait_deliveries()
    assert len(receiver.got) == 4
    assert project.hooks.get(hook.id).alert_status == "temporarily_disabled"


@pytest.mark.parametrize(
    ("fault", "deliveries"),
    [("webhook-lost", 0), ("webhook-duplicated", 2), ("webhook-delayed", 1)],
)
def test_webhooks_are_lost_doubled_or_late(
    forge: RunningForge, receiver: Receiver, fault: str, deliveries: int
) -> None:
    project = forge.project(PROJECT)
    project.hooks.create({"url": receiver.url})
    forge.fail({"kind": fault, "path": PROJECT, "delay_s": 0.3})
    forge.commit(PROJECT, {"a": "x"})
    if fault == "webhook-delayed":
        assert receiver.got == []
    forge.wait_deliveries()
    assert len(receiver.got) == deliveries


def test_one_commit_is_fetched_by_its_sha_without_history(forge: RunningForge, tmp_path: Path) -> None:
    first = forge.commit(PROJECT, {"a": "1"})
    forge.commit(PROJECT, {"a": "2"})
    work = tmp_path / "clone"
    work.mkdir()
    git(work, "init", "--quiet")
    git(work, "fetch", "--quiet", "--depth=1", forge.git_url(PROJECT), first)
    assert git(work, "log", "--format=%H", "FETCH_HEAD") == first
    assert git(work, "show", "FETCH_HEAD:a") == "1"


def test_a_push_larger_than_any_buffer_arrives_whole(forge: RunningForge) -> None:
    """The server reads the whole request before it answers; it hung beyond some 64 KB when it did not."""
    sha = forge.commit(PROJECT, {"noise.bin": os.urandom(1024 * 1024)})
    answer = requests.get(
        f"{forge.url}/api/v4/projects/{PROJECT.replace('/', '%2F')}/repository/commits/{sha}",
        headers={"PRIVATE-TOKEN": forge.root_token},
        timeout=5,
    )
    assert answer.json()["id"] == sha


@pytest.mark.parametrize(
    ("token", "code", "words"),
    [
        pytest.param(None, 401, "Access denied", id="no token"),
        pytest.param("wrong", 401, "Unauthorized", id="wrong token"),
        pytest.param("stranger", 404, "could not be found", id="a stranger's token"),
    ],
)
def test_git_refuses_who_may_not_read(forge: RunningForge, token: str | None, code: int, words: str) -> None:
    forge.commit(PROJECT, {"a": "1"})
    found = forge.user("inconnu") if token == "stranger" else token
    auth = ("oauth2", found) if found else None
    got = requests.get(f"{forge.url}/{PROJECT}.git/info/refs?service=git-upload-pack", auth=auth, timeout=10)
    assert got.status_code == code
    assert words in got.text


def test_a_developer_pushes_a_branch_but_not_the_protected_one(forge: RunningForge) -> None:
    project = forge.project(PROJECT)
    forge.commit(PROJECT, {"a": "1"})
    token = forge.user("camille")
    user_id = forge.client().users.list(username="camille", get_all=True)[0].id
    project.members.create({"user_id": user_id, "access_level": 30})
    forge.commit(PROJECT, {"a": "2"}, branch="sujet", token=token)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        forge.commit(PROJECT, {"a": "3"}, branch="main", token=token)
    assert "not allowed to push code to protected branches" in refused.value.stderr


def test_a_protected_tag_is_made_by_maintainers_alone_and_never_moved(forge: RunningForge) -> None:
    project = forge.project(PROJECT, maintainers=("mainteneuse",))
    forge.commit(PROJECT, {"a": "1"})
    project.protectedtags.create({"name": "v*", "create_access_level": 40})
    forge.user("developpeuse")
    developer = forge.client().users.list(username="developpeuse", get_all=False)[0]
    project.members.create({"user_id": developer.id, "access_level": 30})
    work = forge.folder / "work" / PROJECT
    with pytest.raises(subprocess.CalledProcessError) as refused:
        forge.push(work, PROJECT, "HEAD:refs/tags/v1", token=forge.user("developpeuse"))
    assert "not allowed to create this tag" in refused.value.stderr
    forge.push(work, PROJECT, "HEAD:refs/tags/essai", token=forge.user("developpeuse"))
    forge.push(work, PROJECT, "HEAD:refs/tags/v1", token=forge.user("mainteneuse"))
    forge.commit(PROJECT, {"a": "2"})
    with pytest.raises(subprocess.CalledProcessError) as moved:
        forge.push(work, PROJECT, "+HEAD:refs/tags/v1", token=forge.user("mainteneuse"))
    assert "cannot be updated" in moved.value.stderr


def test_a_protected_branch_is_not_rewritten(forge: RunningForge) -> None:
    forge.commit(PROJECT, {"a": "1"})
    work = forge.folder / "work" / PROJECT
    git(work, "commit", "--quiet", "--amend", "-m", "Rewritten")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        forge.push(work, PROJECT, "+HEAD:refs/heads/main")
    assert "not allowed to force push" in refused.value.stderr


def test_a_push_to_a_project_that_is_not_there_makes_none(forge: RunningForge, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "new")
    git(tmp_path / "new", "commit", "--quiet", "--allow-empty", "-m", "x")
    with pytest.raises(subprocess.CalledProcessError):
        forge.push(tmp_path / "new", "cpam-bas-rhin/absent", "HEAD:refs/heads/main")
    assert forge.client().projects.list(get_all=True) == []


def test_git_follows_a_renamed_project(forge: RunningForge, tmp_path: Path) -> None:
    project = forge.project(PROJECT)
    sha = forge.commit(PROJECT, {"a": "1"})
    project.path = "nouveau-nom"
    project.save()
    git(tmp_path, "clone", "--quiet", forge.git_url(PROJECT), "clone")
    assert git(tmp_path / "clone", "rev-parse", "HEAD") == sha


def test_a_large_push_arrives_whole(forge: RunningForge) -> None:
    content = bytes(range(256)) * 20_000  # beyond git's postBuffer when it does not compress: chunked
    sha = forge.commit(PROJECT, {f"{number}.bin": content + bytes([number]) for number in range(3)})
    raw = forge.project(PROJECT).files.raw("2.bin", ref=sha)
    assert raw == content + bytes([2])


def test_a_pipeline_ends_with_its_image_without_a_runner(forge: RunningForge) -> None:
    project = forge.project(PROJECT)
    sha = forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE})
    image = {"image": f"localhost:5000/{PROJECT}", "digest": "sha256:" + "1" * 64, "revision": sha}
    forge.finish_pipeline(PROJECT, sha, image=image)
    (pipeline,) = project.pipelines.list(sha=sha, get_all=True)
    assert pipeline.status == "success"
    job = next(job for job in pipeline.jobs.list(get_all=True) if job.name == IMAGE_JOB)
    assert json.loads(project.jobs.get(job.id).artifact("image.json")) == image


def test_curl_speaks_to_it_as_to_gitlab(forge: RunningForge) -> None:
    forge.commit(PROJECT, {"a": "x"})
    argv = ["curl", "--silent", "--include", "--header", f"PRIVATE-TOKEN: {forge.root_token}"]
    path = PROJECT.replace("/", "%2F")
    done = subprocess.run(
        [*argv, f"{forge.url}/api/v4/projects/{path}/repository/branches"], capture_output=True, text=True, check=True
    )
    head, _, body = done.stdout.partition("\n\n")
    assert "x-total: 1" in head.lower()
    assert [row["name"] for row in json.loads(body)] == ["main"]


def test_clients_feel_a_hang_a_reset_and_a_cut_answer(forge: RunningForge) -> None:
    address, headers = f"{forge.url}/api/v4/version", {"PRIVATE-TOKEN": forge.root_token}
    forge.fail({"kind": "hang"})
    with pytest.raises(requests.ReadTimeout):
        requests.get(address, headers=headers, timeout=0.3)
    forge.fail({"kind": "reset"})
    with pytest.raises(requests.ConnectionError):
        requests.get(address, headers=headers, timeout=5)
    forge.fail({"kind": "truncated"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(address, headers=headers, timeout=5)
    forge.fail()
    assert requests.get(address, headers=headers, timeout=5).json()["version"]


def test_python_gitlab_reads_every_page(forge: RunningForge) -> None:
    project: Any = forge.project(PROJECT)
    sha = forge.commit(PROJECT, {"a": "x"})
    statuses = project.commits.get(sha).statuses
    for number in range(45):
        statuses.create({"state": "success", "name": f"n{number}"})
    assert len(statuses.list(iterator=True)) == 45
    assert len({status.name for status in statuses.list(get_all=True)}) == 45
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        statuses.create({"state": "running", "name": "x"})
        statuses.create({"state": "running", "name": "x"})
    assert refused.value.response_code == 400
