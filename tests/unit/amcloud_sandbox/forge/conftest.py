"""A forge in memory of this process: state in a temporary folder, requests through Starlette's test client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from amcloud_sandbox.forge import git
from amcloud_sandbox.forge.app import build
from amcloud_sandbox.forge.config import Config
from amcloud_sandbox.forge.git import NO_SHA, Change
from amcloud_sandbox.forge.pushes import received
from amcloud_sandbox.forge.state import Forge, open_forge

ROOT = "glpat-root"
CI = "tests: {script: [true]}\n"


@dataclass(frozen=True)
class Desk:
    """The forge and one way to ask it things."""

    forge: Forge
    http: TestClient
    token: str = ROOT

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """The API's answer to this desk's user."""
        headers = {"PRIVATE-TOKEN": self.token} if self.token else {}
        return self.http.request(method, f"/api/v4{path}", headers=headers, **arguments)

    def made(self, path: str, /, **body: Any) -> Any:
        """JSON of what was made."""
        answer = self.ask("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def seen(self, path: str) -> Any:
        """JSON of what is there."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def user(self, name: str, *, scopes: tuple[str, ...] = ("api",)) -> Desk:
        """The same forge as another user sees it."""
        user = self.made("/users", username=name, name=name, email=f"{name}@forge.example", password="unused-here")
        token = self.made(f"/users/{user['id']}/personal_access_tokens", name="t", scopes=list(scopes))["token"]
        return Desk(self.forge, self.http, token)

    def project(self, path: str = "cpam-bas-rhin/suivi", **settings: Any) -> Any:
        """A new project in a new group."""
        group, _, name = path.partition("/")
        parent = self.made("/groups", name=group, path=group)
        return self.made("/projects", name=name, path=name, namespace_id=parent["id"], **settings)

    def commit(self, project: Any, files: dict[str, str], *, branch: str = "main", message: str = "Change") -> str:
        """A commit on the branch, recorded as a push by root."""
        repo = self.forge.config.repository(project["id"])
        before = git.refs(repo).get(f"refs/heads/{branch}", NO_SHA)
        lines = [f"commit refs/heads/{branch}\ncommitter A <a@cpam.example> 1767225600 +0000\n{_data(message)}"]
        lines += [f"from {before}\n"] if before != NO_SHA else []
        lines += [f"M 100644 inline {name}\n{_data(text)}" for name, text in files.items()]
        git.git(repo, "fast-import", "--quiet", stdin="".join(lines).encode())
        after = git.refs(repo)[f"refs/heads/{branch}"]
        row = self.forge.store.one("select * from projects where id = ?", project["id"])
        assert row is not None
        received(self.forge, row, (Change(f"refs/heads/{branch}", before, after),), self.forge.user(1))
        return after


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Root's desk at an empty forge."""
    forge = open_forge(Config(data=tmp_path, url="http://forge.example", root_token=ROOT, runner_token="runner"))
    forge.store.run("pragma synchronous=off")  # no test outlives the power
    with TestClient(build(forge), base_url="http://forge.example") as http:
        yield Desk(forge, http)
    forge.close()
