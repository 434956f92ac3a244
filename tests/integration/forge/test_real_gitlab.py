"""Before a real GitLab is asked anything, a wrong address, token or account is told with what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amcloud_sandbox.testing.forge import RunningForge, running_forge

from .real_gitlab import NotReadyError, ready, removed


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    with running_forge(tmp_path_factory.mktemp("forge")) as running:
        yield running


def test_an_account_that_may_make_projects_with_the_scope_api_is_enough(forge: RunningForge) -> None:
    assert ready(forge.url, forge.user("responsable"))


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [
        pytest.param("", "glpat-x", "URL et TOKEN vont ensemble", id="no address"),
        pytest.param("URL", "", "URL et TOKEN vont ensemble", id="no token"),
        pytest.param("gitlab.exemple.fr", "glpat-x", "n'est pas une adresse", id="no scheme"),
        pytest.param("http://127.0.0.1:9", "glpat-x", "ne répond pas (ConnectionError)", id="nobody there"),
        pytest.param("URL/api/v4", "glpat-x", "sans /api/v4", id="the API's own address"),
        pytest.param("URL", "glpat-inconnu", "ne connaît pas ce jeton", id="an unknown token"),
    ],
)
def test_what_is_wrong_is_said(forge: RunningForge, url: str, token: str, words: str) -> None:
    with pytest.raises(NotReadyError) as told:
        ready(url.replace("URL", forge.url), token)
    assert words in str(told.value)


def test_a_token_with_too_little_scope_is_told_what_it_has(forge: RunningForge) -> None:
    forge.user("responsable")
    account: Any = forge.client().users.list(username="responsable", get_all=False)[0]
    narrow = account.personal_access_tokens.create({"name": "étroit", "scopes": ["read_api"]}).token
    with pytest.raises(NotReadyError, match=r"portée « api » \(il a : read_api\)"):
        ready(forge.url, narrow)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param({"kind": "html"}, "n'a pas l'API v4 de GitLab", id="a proxy's page"),
        pytest.param({"kind": "status", "status": 404}, "n'a pas l'API v4 de GitLab", id="another service"),
        pytest.param({"kind": "status", "status": 403}, "il lui faut la portée « api »", id="403"),
    ],
)
def test_what_is_not_gitlab_is_said(forge: RunningForge, fault: dict[str, Any], words: str) -> None:
    forge.fail({**fault, "path": "/api/*"})
    try:
        with pytest.raises(NotReadyError, match=words):
            ready(forge.url, forge.user("responsable"))
    finally:
        forge.fail()


def test_the_project_of_the_tests_is_removed(forge: RunningForge) -> None:
    made = forge.project("cpam-bas-rhin/essai")
    removed(forge.url, forge.root_token, made.id)
    with pytest.raises(Exception, match="404"):
        forge.client().projects.get(made.id)
    removed(forge.url, forge.root_token, made.id)


def test_the_command_ends_at_once_with_the_sentence_and_without_the_token(forge: RunningForge) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(Path(__file__).with_name("test_contract.py")),
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    environment = {
        "PATH": "/usr/bin:/bin",
        "AMCLOUD_TEST_FORGE_URL": forge.url,
        "AMCLOUD_TEST_FORGE_TOKEN": "glpat-secret",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "ne connaît pas ce jeton" in done.stdout + done.stderr
    assert "glpat-secret" not in done.stdout + done.stderr
    assert "passed" not in done.stdout
