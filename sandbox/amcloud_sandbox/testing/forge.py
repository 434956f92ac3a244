"""A running forge on a free port, for tests: real git, real HTTP, no runner.

with running_forge(tmp_path) as forge:
    project = forge.project("cpam-bas-rhin/suivi-courriers")
    sha = forge.commit("cpam-bas-rhin/suivi-courriers", {"composer.json": "{}"})
    forge.finish_pipeline(project.id, sha, image={"image": …, "digest": …, "revision": sha})
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gitlab
import requests
import uvicorn

from amcloud_sandbox.forge.app import build
from amcloud_sandbox.forge.config import Config
from amcloud_sandbox.forge.state import Forge, open_forge

ROOT_TOKEN, RUNNER_TOKEN = "glpat-root-for-tests", "runner-for-tests"
IMAGE_JOB = "build-image"  # `image` is a keyword of GitLab CI: no job may be called so
CI_FILE = "stages: [tests, image]\ntests: {stage: tests, script: [true]}\nbuild-image: {stage: image, script: [true]}\n"
START_TIMEOUT_S = 10.0


@dataclass(slots=True)
class RunningForge:
    """One forge and the folder it works in. ``state`` is the server's own state, for tests of the server."""

    url: str
    folder: Path
    state: Forge
    root_token: str = ROOT_TOKEN
    runner_token: str = RUNNER_TOKEN
    _tokens: dict[str, str] = field(default_factory=dict)

    def client(self, token: str | None = None) -> gitlab.Gitlab:
        """python-gitlab, signed in with ``token`` (root's when None)."""
        return gitlab.Gitlab(self.url, private_token=token or self.root_token, timeout=10)

    def user(self, username: str) -> str:
        """A token (scope ``api``) of the user, made when absent."""
        if username not in self._tokens:
            account: Any = self.client().users.create(
                {
                    "username": username,
                    "name": username,
                    "email": f"{username}@forge.example",
                    "force_random_password": True,
                }
            )
            self._tokens[username] = account.personal_access_tokens.create({"name": "test", "scopes": ["api"]}).token
        return self._tokens[username]

    def project(self, path: str, *, visibility: str = "private", maintainers: tuple[str, ...] = ()) -> Any:
        """The project at ``path`` (python-gitlab's object for root), with its groups, made when absent."""
        client = self.client()
        group_id: int | None = None
        *groups, name = path.split("/")
        for depth in range(len(groups)):
            group_id = _group(client, "/".join(groups[: depth + 1]), group_id)
        try:
            project: Any = client.projects.get(path)
        except gitlab.GitlabGetError as error:
            if error.response_code != requests.codes.not_found:
                raise
            project = client.projects.create(
                {"name": name, "path": name, "namespace_id": group_id, "visibility": visibility}
            )
        for username in maintainers:
            self.user(username)
            user_id = client.users.list(username=username, get_all=False)[0].id
            project.members.create({"user_id": user_id, "access_level": gitlab.const.AccessLevel.MAINTAINER})
        return project

    def commit(
        self,
        path: str,
        files: Mapping[str, str | bytes | None],
        *,
        message: str = "Change",
        branch: str = "main",
        token: str | None = None,
        clean: bool = False,
    ) -> str:
        """Full id of a commit with ``files`` (None removes one) made on ``branch`` of the project and pushed by git.

        ``clean``: the commit holds these files only.
        """
        work = self.folder / "work" / path
        if not work.exists():
            self.project(path)
            work.mkdir(parents=True)
            git(work, "init", "--quiet", "--initial-branch=main")
        heads = git(work, "branch", "--format=%(refname:short)").split()
        if branch in heads:
            git(work, "checkout", "--quiet", branch)
        elif heads:
            git(work, "checkout", "--quiet", "-b", branch)
        if clean and heads:
            git(work, "rm", "-r", "--quiet", "--ignore-unmatch", ".")
        for name, content in files.items():
            _write(work / name, content)
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--allow-empty", "-m", message)
        self.push(work, path, f"HEAD:refs/heads/{branch}", token=token)
        return git(work, "rev-parse", "HEAD")

    def commit_folder(self, path: str, folder: Path, *, message: str = "Import", branch: str = "main") -> str:
        """Full id of a commit that holds exactly the files of ``folder``, pushed to the project."""
        found = sorted(
            file for file in folder.rglob("*") if file.is_file() and ".git" not in file.relative_to(folder).parts
        )
        files = {str(file.relative_to(folder)): file.read_bytes() for file in found}
        return self.commit(path, files, message=message, branch=branch, clean=True)

    def push(self, work: Path, path: str, *refspecs: str, token: str | None = None) -> None:
        """The refs are pushed to the project by git over HTTP.

        Raises:
            subprocess.CalledProcessError: refused.
        """
        git(work, "push", "--quiet", self.git_url(path, token), *refspecs)

    def git_url(self, path: str, token: str | None = None) -> str:
        """The repository's address with the token inside (for tests only)."""
        return f"{self.url.replace('://', f'://oauth2:{token or self.root_token}@')}/{path}.git"

    def finish_pipeline(
        self,
        project: int | str,
        sha: str,
        *,
        jobs: Mapping[str, str] | None = None,
        image: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The newest CI pipeline of the commit ends with these job states (``success`` unless given).

        ``image``: content of the artifact ``image.json`` of the job that builds it.
        """
        found: Any = self.client().projects.get(project).pipelines.list(sha=sha, get_all=True)
        pipeline = next(item for item in found if item.source != "external")
        body: dict[str, Any] = {"jobs": dict(jobs or {"tests": "success", IMAGE_JOB: "success"})}
        if image is not None:
            body["files"] = {IMAGE_JOB: {"image.json": dict(image)}}
        answer: dict[str, Any] = self.internal("POST", f"/pipelines/{pipeline.id}/finish", body)
        return answer

    def fail(self, *faults: Mapping[str, Any]) -> None:
        """Only these switches are on; see ``amcloud_sandbox.forge.faults`` for the kinds. None: all is well again."""
        self.internal("PUT", "/faults", [dict(fault) for fault in faults])

    def requests(self, path: str = "*", method: str | None = None, *, since: int = 0) -> list[dict[str, Any]]:
        """Requests that the forge got, by pattern on the decoded path."""
        query = f"?since={since}&path={path}" + (f"&method={method}" if method else "")
        return list(self.internal("GET", f"/requests{query}")["requests"])

    def wait_deliveries(self) -> None:
        """Returns once every queued webhook was sent."""
        assert self.internal("POST", "/deliveries/wait")["idle"]

    def internal(self, method: str, path: str, body: Any = None) -> Any:
        """Answer of one of the sandbox's own addresses."""
        headers = {"PRIVATE-TOKEN": self.root_token, "X-Runner-Token": self.runner_token}
        answer = requests.request(method, f"{self.url}/-/sandbox{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def git(folder: Path, *arguments: str) -> str:
    """Standard output of git in ``folder``, with a fixed identity and no configuration of the user's.

    Raises:
        subprocess.CalledProcessError: git refused; its output is in ``stderr``.
    """
    identity = {"GIT_AUTHOR_NAME": "Camille Exemple", "GIT_AUTHOR_EMAIL": "camille@cpam.example"}
    env = {
        **os.environ,
        **identity,
        **{key.replace("AUTHOR", "COMMITTER"): value for key, value in identity.items()},
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def _write(path: Path, content: str | bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _group(client: gitlab.Gitlab, path: str, parent_id: int | None) -> int:
    try:
        return int(client.groups.get(path, with_projects=False).id)
    except gitlab.GitlabGetError:
        name = path.rpartition("/")[2]
        return int(
            client.groups.create({"name": name, "path": name, **({"parent_id": parent_id} if parent_id else {})}).id
        )


@contextmanager
def running_forge(folder: Path, **settings: Any) -> Iterator[RunningForge]:
    """A forge that serves on a free port of 127.0.0.1 with its data in ``folder``, ended with the block.

    ``settings``: fields of :class:`amcloud_sandbox.forge.config.Config` (``activity_interval_s``, ``hook_backoff_s``…).
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = Config(data=folder / "forge", url=url, root_token=ROOT_TOKEN, runner_token=RUNNER_TOKEN, **settings)
    state = open_forge(config)
    server = uvicorn.Server(
        uvicorn.Config(
            build(state), log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="forge")
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the forge did not start")
        time.sleep(0.01)
    try:
        yield RunningForge(url, folder, state)
    finally:
        state.hang_up()
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
        state.close()
