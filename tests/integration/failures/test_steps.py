"""A pipeline's step whose registry or Composer repository does not answer says so, in the line that AM Cloud knows."""

from __future__ import annotations

import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from amcloud.clients.pipelines import announced_fault

STEPS = Path(__file__).parents[3] / "pipelines" / "steps"
NOBODY = "127.0.0.1:9"
TEMPORARY = 75


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.server.status))  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Any:
    """A service that answers with one status; its address."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status = request.param
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """``script`` with the functions of the steps; composer fails, as without network."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "composer").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tools / "composer").chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-euc", f". {STEPS / 'lib.sh'}\n{script}"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("service", "down"), [(200, False), (401, False), (503, True)], indirect=["service"])
def test_a_registry_that_refuses_is_there_and_one_in_trouble_is_not(tmp_path: Path, service: str, down: bool) -> None:
    done = shell(tmp_path, f"registry_down {service}/groupe/app:1")
    assert (done.returncode == 0) is down


def test_a_registry_that_nobody_answers_for_is_down(tmp_path: Path) -> None:
    done = shell(tmp_path, f'if registry_down {NOBODY}/groupe/app; then unavailable "le registre {NOBODY}"; fi')
    assert done.returncode == TEMPORARY
    assert announced_fault(done.stderr.encode()) == f"le registre {NOBODY} ne répondait pas"


def test_a_composer_repository_that_does_not_answer_is_not_the_application_s_fault(tmp_path: Path) -> None:
    manifest = f'{{"repositories": [{{"type": "composer", "url": "http://{NOBODY}"}}]}}'
    (tmp_path / "composer.json").write_text(manifest, encoding="utf-8")
    (tmp_path / "composer.lock").write_text("{}", encoding="utf-8")
    done = shell(tmp_path, "composer_install --no-dev")
    assert done.returncode == TEMPORARY and "dépôt Composer" in announced_fault(done.stderr.encode())


@pytest.mark.parametrize("service", [200], indirect=True)
def test_what_composer_refuses_of_a_repository_that_answers_is(tmp_path: Path, service: str) -> None:
    manifest = f'{{"repositories": [{{"type": "composer", "url": "http://{service}"}}]}}'
    (tmp_path / "composer.json").write_text(manifest, encoding="utf-8")
    (tmp_path / "composer.lock").write_text("{}", encoding="utf-8")
    done = shell(tmp_path, "composer_install")
    assert done.returncode == 1 and announced_fault(done.stderr.encode()) == ""
