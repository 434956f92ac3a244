"""What the product asks of the forge, answer by answer, against GitLab's published descriptions (``contract/``).

The same tests run against the stand-in and, with AMCLOUD_TEST_FORGE_URL and _TOKEN (``make test-forge``), against a
real GitLab, in a project of their own that is deleted afterwards. There, more fields than described are fine: GitLab
adds some with each version; the stand-in must not send what nobody described.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from amcloud_sandbox.forge import api as registered
from amcloud_sandbox.forge import routing
from amcloud_sandbox.testing.forge import running_forge

from .contract_shapes import complaints
from .contracts import ENDPOINTS, SHAPES
from .real_gitlab import NotReadyError, ready, removed

assert registered

README = Path(routing.__file__).parent / "README.md"
CI = 'job:\n  stage: test\n  script: ["true"]\n'
TIMEOUT_S = 60


@dataclass
class Forge:
    """A forge under test: the stand-in, or a GitLab."""

    url: str
    token: str
    real: bool
    seen: dict[str, set[str]] = field(default_factory=dict)

    def ask(self, request: str, body: Any = None, *, query: str = "", **place: Any) -> Any:
        """The answer's JSON, once it is as the contract says. ``request`` is as GitLab's pages write it."""
        page, endpoint = ENDPOINTS[request]
        answer = self.call(request, body, query=query, **place)
        assert answer.status_code == endpoint["code"], f"{request}: {answer.status_code} {answer.text[:300]}"
        if endpoint.get("answer") is None:
            return None
        found = answer.json()
        problems = complaints(found, endpoint["answer"], page=page, shapes=SHAPES, strict=not self.real)
        assert not problems, f"{request}:\n" + "\n".join(problems)
        return found

    def call(self, request: str, body: Any = None, *, query: str = "", **place: Any) -> requests.Response:
        """The answer, whatever it is."""
        method, path = request.split(" ")
        for name, value in place.items():
            path = re.sub(rf":{name}(?=/|$)", requests.utils.quote(str(value), safe=""), path)
        assert ":" not in path, path
        headers = {"PRIVATE-TOKEN": self.token}
        return requests.request(
            method, f"{self.url}/api/v4{path}{query}", json=body, headers=headers, timeout=30, allow_redirects=False
        )


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    url, token = os.environ.get("AMCLOUD_TEST_FORGE_URL", ""), os.environ.get("AMCLOUD_TEST_FORGE_TOKEN", "")
    if url or token:
        try:
            ready(url.rstrip("/"), token)
        except NotReadyError as problem:
            pytest.exit(str(problem), returncode=2)
        yield Forge(url.rstrip("/"), token, real=True)
        return
    with running_forge(tmp_path_factory.mktemp("forge")) as running:
        yield Forge(running.url, running.root_token, real=False)


@dataclass(frozen=True)
class Ground:
    """A project with two branches and a merge request between them."""

    id: int
    path: str
    sha: str
    head: str
    iid: int


def made(forge: Forge, method: str, path: str, body: Any) -> Any:
    """What the tests need and the product does not ask for."""
    headers = {"PRIVATE-TOKEN": forge.token}
    answer = requests.request(method, f"{forge.url}/api/v4{path}", json=body, headers=headers, timeout=30)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
    return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def ground(forge: Forge) -> Iterator[Ground]:
    name = f"amcloud-contrat-{uuid.uuid4().hex[:8]}"
    group = os.environ.get("AMCLOUD_TEST_FORGE_NAMESPACE")  # a number; else, of a real GitLab, the account's own
    if not forge.real:
        group = made(forge, "POST", "/groups", {"name": name, "path": name})["id"]
    wanted = {"name": name, "path": name, "initialize_with_readme": True, "default_branch": "main"}
    project = made(forge, "POST", "/projects", {**wanted, **({"namespace_id": group} if group else {})})
    place = f"/projects/{project['id']}"
    try:
        first = commit(forge, project, "main", {".gitlab-ci.yml": CI, "LISEZMOI.md": "essai\n"})
        head = commit(forge, project, "essai", {"essai.txt": "un\n"}, start="main")
        body = {"source_branch": "essai", "target_branch": "main", "title": "Essai"}
        iid = made(forge, "POST", f"{place}/merge_requests", body)["iid"]
        yield Ground(project["id"], project["path_with_namespace"], first, head, iid)
    finally:
        removed(forge.url, forge.token, project["id"])


def commit(forge: Forge, project: Any, branch: str, files: dict[str, str], *, start: str = "") -> str:
    """Id of a commit pushed by git, as both forges take it. The token is in no address and no argument."""
    url = f"{forge.url}/{project['path_with_namespace']}.git"
    basic = base64.b64encode(f"oauth2:{forge.token}".encode()).decode()
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }
    with tempfile.TemporaryDirectory() as folder:
        git = ("git", "-C", folder, "-c", "user.name=Camille Exemple", "-c", "user.email=camille@cpam.example")

        def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                (*git, *arguments), env=environment, check=check, capture_output=True, text=True, timeout=120
            )

        run("init", "--quiet", f"--initial-branch={branch}")
        if run("fetch", "--quiet", url, start or branch, check=False).returncode == 0:
            run(
                "reset", "--quiet", "--hard", "FETCH_HEAD"
            )  # the branch is there: a forge may make one with the project
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        run("add", "--all")
        run("commit", "--quiet", "-m", "Essai")
        run("push", "--quiet", url, f"HEAD:refs/heads/{branch}")
        return run("rev-parse", "HEAD").stdout.strip()


def test_the_project_and_who_we_are(forge: Forge, ground: Ground) -> None:
    own = forge.ask("GET /user")
    assert "api" in forge.ask("GET /personal_access_tokens/self")["scopes"]
    assert forge.ask("GET /version")["version"]
    found = forge.ask("GET /projects/:id", id=ground.path)
    assert (found["id"], found["default_branch"], found["archived"]) == (ground.id, "main", False)
    keyset = "?order_by=id&sort=asc&pagination=keyset&per_page=1&simple=true&membership=true"
    assert forge.ask("GET /projects", query=keyset)
    (member,) = forge.ask("GET /projects/:id/members/all", id=ground.id, query=f"?user_ids[]={own['id']}")
    assert member["id"] == own["id"]
    assert forge.ask("GET /projects/:id/members/all/:user_id", id=ground.id, user_id=own["id"])["access_level"] >= 40


def test_statuses_of_a_commit(forge: Forge, ground: Ground) -> None:
    post = "POST /projects/:id/statuses/:sha"
    body = {"state": "running", "name": "amcloud/psram", "description": "é" * 100, "target_url": "https://exemple.fr/r"}
    first = forge.ask(post, body, id=ground.id, sha=ground.sha)
    assert (first["status"], first["name"], first["description"]) == ("running", "amcloud/psram", "é" * 100)
    again = forge.call(post, body, id=ground.id, sha=ground.sha)
    assert again.status_code == 400
    assert "Cannot transition status" in str(again.json()["message"])
    forge.ask(post, {**body, "state": "success"}, id=ground.id, sha=ground.sha)
    listed = forge.ask(
        "GET /projects/:id/repository/commits/:sha/statuses", id=ground.id, sha=ground.sha, query="?name=amcloud/psram"
    )
    assert [one["status"] for one in listed] == ["success"]
    refs = forge.ask("GET /projects/:id/repository/commits/:sha/refs", id=ground.id, sha=ground.sha, query="?type=all")
    assert {"type": "branch", "name": "main"} in refs


def test_a_status_where_a_merge_request_is_as_for_a_fork_s_commit(forge: Forge, ground: Ground) -> None:
    head = f"refs/merge-requests/{ground.iid}/head"
    body = {"state": "success", "name": "amcloud/psram", "ref": head}
    made = forge.ask("POST /projects/:id/statuses/:sha", body, id=ground.id, sha=ground.head)
    assert (made["ref"], made["status"]) == (head, "success")


def test_pipelines_and_their_jobs(forge: Forge, ground: Ground) -> None:
    made = forge.ask("POST /projects/:id/pipeline", {"ref": "main"}, id=ground.id)
    assert made["sha"] == ground.sha
    query = f"?sha={ground.sha}&order_by=id&sort=desc"
    listed = forge.ask("GET /projects/:id/pipelines", id=ground.id, query=query)
    assert made["id"] in [one["id"] for one in listed]
    if not forge.real:
        finished(forge, made["id"])
    assert (
        forge.ask("GET /projects/:id/pipelines/:pipeline_id", id=ground.id, pipeline_id=made["id"])["sha"] == ground.sha
    )
    assert forge.ask("GET /projects/:id/pipelines/:pipeline_id/bridges", id=ground.id, pipeline_id=made["id"]) == []
    jobs = forge.ask("GET /projects/:id/pipelines/:pipeline_id/jobs", id=ground.id, pipeline_id=made["id"])
    assert [job["name"] for job in jobs] == ["job"]
    assert forge.call(
        "GET /projects/:id/jobs/:job_id/artifacts/:artifact_path",
        id=ground.id, job_id=jobs[0]["id"], artifact_path="absent.xml",
    ).status_code == 404  # fmt: skip
    forge.ask("GET /projects/:id/jobs/:job_id/trace", id=ground.id, job_id=jobs[0]["id"])


def finished(forge: Forge, pipeline: int) -> None:
    """The stand-in's pipeline has run (there is no runner here)."""
    body = {"jobs": {"job": "success"}, "files": {"job": {"junit.xml": "<testsuites/>"}}}
    address = f"{forge.url}/-/sandbox/pipelines/{pipeline}/finish"
    requests.post(address, json=body, headers={"PRIVATE-TOKEN": forge.token}, timeout=30).raise_for_status()


def test_the_configuration_as_merged(forge: Forge, ground: Ground) -> None:
    query = f"?content_ref={ground.sha}&include_jobs=true"
    found = forge.ask("GET /projects/:id/ci/lint", id=ground.id, query=query)
    assert found["valid"]
    assert [job["name"] for job in found["jobs"]] == ["job"]


def test_protections_and_deploy_tokens(forge: Forge, ground: Ground) -> None:
    made(forge, "POST", f"/projects/{ground.id}/protected_tags", {"name": "v*"})
    assert forge.ask("GET /projects/:id/protected_branches", id=ground.id)[0]["name"] == "main"
    assert forge.ask("GET /projects/:id/protected_tags", id=ground.id)[0]["name"] == "v*"
    body = {"name": "amcloud", "scopes": ["read_repository"], "expires_at": "2099-01-01"}
    token = forge.ask("POST /projects/:id/deploy_tokens", body, id=ground.id)
    listed = forge.ask("GET /projects/:id/deploy_tokens", id=ground.id)
    assert "token" not in listed[0]
    forge.ask("DELETE /projects/:id/deploy_tokens/:token_id", id=ground.id, token_id=token["id"])


def test_hooks(forge: Forge, ground: Ground) -> None:
    body = {"url": "http://192.0.2.1/webhooks/gitlab", "token": "secret", "push_events": True, "pipeline_events": True}
    hook = forge.ask("POST /projects/:id/hooks", body, id=ground.id)
    assert "secret" not in str(hook)
    changed = forge.ask(
        "PUT /projects/:id/hooks/:hook_id", {**body, "note_events": True}, id=ground.id, hook_id=hook["id"]
    )
    assert changed["note_events"]
    assert [one["id"] for one in forge.ask("GET /projects/:id/hooks", id=ground.id)] == [hook["id"]]
    forge.ask("GET /projects/:id/hooks/:hook_id/events", id=ground.id, hook_id=hook["id"])
    forge.ask("DELETE /projects/:id/hooks/:hook_id", id=ground.id, hook_id=hook["id"])


def test_merge_requests_notes_labels_and_issues(forge: Forge, ground: Ground) -> None:
    query = "?state=opened&order_by=updated_at&sort=desc"
    (request,) = forge.ask("GET /projects/:id/merge_requests", id=ground.id, query=query)
    assert (request["iid"], request["sha"]) == (ground.iid, ground.head)
    place = {"id": ground.id, "merge_request_iid": ground.iid}
    assert forge.ask("GET /projects/:id/merge_requests/:merge_request_iid/commits", **place)[0]["id"] == ground.head
    notes = "/projects/:id/merge_requests/:merge_request_iid/notes"
    note = forge.ask(f"POST {notes}", {"body": "un"}, **place)
    assert forge.ask(f"PUT {notes}/:note_id", {"body": "deux"}, **place, note_id=note["id"])["body"] == "deux"
    assert [one["body"] for one in forge.ask(f"GET {notes}", **place) if not one["system"]] == ["deux"]
    forge.ask(f"DELETE {notes}/:note_id", **place, note_id=note["id"])
    forge.ask("POST /projects/:id/labels", {"name": "amcloud", "color": "#1f75cb"}, id=ground.id)
    assert "amcloud" in [one["name"] for one in forge.ask("GET /projects/:id/labels", id=ground.id)]
    issue = forge.ask("POST /projects/:id/issues", {"title": "Contestation", "labels": "amcloud"}, id=ground.id)
    at = {"id": ground.id, "issue_iid": issue["iid"]}
    forge.ask("POST /projects/:id/issues/:issue_iid/notes", {"body": "réponse"}, **at)
    assert [one["body"] for one in forge.ask("GET /projects/:id/issues/:issue_iid/notes", **at)][-1:] == ["réponse"]
    assert forge.ask("PUT /projects/:id/issues/:issue_iid", {"state_event": "close"}, **at)["state"] == "closed"
    assert forge.ask("GET /projects/:id/issues", id=ground.id, query="?labels=amcloud")[0]["iid"] == issue["iid"]


def test_environments_and_deployments(forge: Forge, ground: Ground) -> None:
    body = {"name": "amcloud/acceptance", "external_url": "https://exemple.fr/"}
    place = forge.ask("POST /projects/:id/environments", body, id=ground.id)
    forge.ask("PUT /projects/:id/environments/:environment_id", {"external_url": "https://exemple.fr/b"},
              id=ground.id, environment_id=place["id"])  # fmt: skip
    wanted = {"environment": body["name"], "sha": ground.sha, "ref": "main", "tag": False, "status": "running"}
    deployed = forge.ask("POST /projects/:id/deployments", wanted, id=ground.id)
    done = forge.ask("PUT /projects/:id/deployments/:deployment_id", {"status": "success"},
                     id=ground.id, deployment_id=deployed["id"])  # fmt: skip
    assert (done["status"], done["sha"]) == ("success", ground.sha)
    assert (
        forge.ask("GET /projects/:id/deployments", id=ground.id, query="?order_by=id&sort=desc")[0]["id"]
        == deployed["id"]
    )
    assert forge.ask("GET /projects/:id/environments", id=ground.id)[0]["external_url"] == "https://exemple.fr/b"
    stopped = forge.ask(
        "POST /projects/:id/environments/:environment_id/stop", {}, id=ground.id, environment_id=place["id"]
    )
    assert stopped["state"] in {"stopped", "stopping"}


def test_files(forge: Forge, ground: Ground) -> None:
    request = "GET /projects/:id/repository/files/:file_path/raw"
    answer = forge.call(request, id=ground.id, file_path=".gitlab-ci.yml", query=f"?ref={ground.sha}")
    assert (answer.status_code, answer.text) == (200, CI)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/rien", 404), ("/projects/:id/rien", 404), ("/projects/:id/pipelines/0/rien", 404), ("/projects/0", 404),
        ("/projects/:id/merge_requests/99999", 404), ("/projects/:id/repository/commits/" + "0" * 40, 404),
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_with_gitlab_s_words(forge: Forge, ground: Ground, path: str, code: int) -> None:
    answer = forge.call(f"GET {path.replace(':id', str(ground.id))}")
    assert answer.status_code == code
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.json()) <= {"error", "message"}


def test_a_wrong_token_is_401_with_gitlab_s_words(forge: Forge, ground: Ground) -> None:
    stranger = Forge(forge.url, "glpat-inconnu", real=forge.real)
    answer = stranger.call("GET /projects/:id", id=ground.id)
    assert (answer.status_code, answer.json()) == (401, {"message": "401 Unauthorized"})


def test_lists_are_paged_with_gitlab_s_headers(forge: Forge, ground: Ground) -> None:
    answer = forge.call("GET /projects/:id/repository/commits", id=ground.id, query="?per_page=1")
    assert {"x-page", "x-per-page", "x-next-page", "link"} <= {name.lower() for name in answer.headers}


def test_every_route_of_the_stand_in_is_described_or_said_to_be_the_sandbox_s_own() -> None:
    described = {re.sub(r":\w+", "*", request) for request in ENDPOINTS}
    routes = {re.sub(r"\{[^}]*\}", "*", f"{method} {path}") for method, path, _ in routing.table()}
    told = README.read_text(encoding="utf-8").partition("## Routes that the product does not ask for")[2]
    own = {re.sub(r":\w+", "*", line[3:-1]) for line in told.splitlines() if line.startswith("* `")}
    assert described <= routes
    assert routes - described == own


def test_what_the_stand_in_leaves_out_is_said_in_its_page() -> None:
    text = README.read_text(encoding="utf-8")
    for name, shape in SHAPES.items():
        for left_out in shape.get("not_modelled", ()):
            assert re.search(rf"\| `{name}` \|.*`{left_out}`", text), f"{name}.{left_out}"
            assert left_out not in {field.removesuffix("*") for field in shape["fields"]}
