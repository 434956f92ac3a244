"""The git client against real repositories over HTTP."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from amcloud.clients import source as source_module
from amcloud.clients.source import GitSource
from amcloud.errors import ForgeUnavailableError, RepositoryRefusedError
from amcloud_sandbox.testing.forge import RunningForge, git

PROJECT = "cpam-bas-rhin/suivi-courriers"


@pytest.fixture
def source(forge: RunningForge, tmp_path: Path) -> GitSource:
    return GitSource(forge.url, tmp_path / "git")


def show(repository: Path, what: str) -> bytes:
    return subprocess.run(["git", "-C", repository, "show", what], capture_output=True, check=True).stdout


def test_refs_and_content_of_a_private_project(forge: RunningForge, source: GitSource, token: str) -> None:
    commit = forge.commit(PROJECT, {"composer.json": "{}\n"})
    assert source.refs(PROJECT, token)["refs/heads/main"] == commit
    repository = source.fetch(PROJECT, commit, token)
    assert show(repository, f"{commit}:composer.json") == b"{}\n"
    assert source.fetch(PROJECT, commit, None) == repository  # it is here: nobody is asked again


def test_an_older_commit_is_fetched_by_its_name(forge: RunningForge, source: GitSource, token: str) -> None:
    old = forge.commit(PROJECT, {"a": "1"})
    new = forge.commit(PROJECT, {"a": "2"})
    repository = source.fetch(PROJECT, new, token)
    assert source.fetch(PROJECT, old, token) == repository
    assert (show(repository, f"{old}:a"), show(repository, f"{new}:a")) == (b"1", b"2")


def test_a_half_filled_mirror_is_completed(forge: RunningForge, source: GitSource, token: str) -> None:
    commit = forge.commit(PROJECT, {"b": "entier"})
    repository = source.fetch(PROJECT, commit, token)
    for pack in (repository / "objects" / "pack").glob("*"):
        pack.unlink()
    (repository / "shallow").unlink(missing_ok=True)
    assert show(source.fetch(PROJECT, commit, token), f"{commit}:b") == b"entier"


@pytest.mark.parametrize(
    ("project", "given"),
    [
        pytest.param(PROJECT, None, id="private, without a token"),
        pytest.param(PROJECT, "glpat-faux", id="private, wrong token"),
        pytest.param("cpam-bas-rhin/inconnu", "mine", id="absent"),
        pytest.param("../../etc/passwd", "mine", id="a path that climbs"),
        pytest.param("--upload-pack=touch /tmp/x", "mine", id="an option"),
        pytest.param("a/b\nc", "mine", id="a line break"),
    ],
)
def test_what_this_credential_does_not_open_is_refused(
    source: GitSource, token: str, project: str, given: str | None
) -> None:
    with pytest.raises(RepositoryRefusedError) as caught:
        source.refs(project, token if given == "mine" else given)
    assert token not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_project_is_refused_with_what_to_do(forge: RunningForge, source: GitSource) -> None:
    forge.project("cpam-bas-rhin/vide", maintainers=("organisation",))
    with pytest.raises(RepositoryRefusedError, match="poussez"):
        source.refs("cpam-bas-rhin/vide", forge.user("organisation"))


def test_a_commit_that_is_too_big_is_refused(
    forge: RunningForge, source: GitSource, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "FILE_MAX_BYTES", 1024 * 1024)
    work, bare = tmp_path / "work", forge.state.config.repository(forge.project(PROJECT).id)
    work.mkdir()
    git(work, "init", "--quiet")
    (work / "noise.bin").write_bytes(os.urandom(3 * 1024 * 1024))
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "-m", "Gros")
    git(bare, "fetch", "--quiet", str(work), "HEAD:refs/heads/gros")
    commit = git(work, "rev-parse", "HEAD")
    with pytest.raises(RepositoryRefusedError, match="1 Mio"):
        source.fetch(PROJECT, commit, token)


def commits(repository: Path, commit: str) -> int:
    argv = ["git", "-C", str(repository), "rev-list", "--count", commit]
    return int(subprocess.run(argv, capture_output=True, check=True).stdout)


def packed(repository: Path) -> int:
    return sum(path.stat().st_size for path in (repository / "objects" / "pack").glob("*.pack"))


def test_the_commits_before_it_come_too_and_a_later_push_brings_only_what_is_new(
    forge: RunningForge, source: GitSource, token: str
) -> None:
    project = "cpam-bas-rhin/historique"
    forge.project(project, maintainers=("organisation",))
    forge.commit(project, {"gros.bin": os.urandom(300_000)})
    forge.commit(project, {"gros.bin": None, "a": "1"})
    commit = forge.commit(project, {"a": "2"})
    repository = source.fetch(project, commit, token)
    assert commits(repository, commit) == 3
    before = packed(repository)
    assert before > 300_000, "what an earlier commit held is here as well"
    later = forge.commit(project, {"a": "3"})
    assert commits(source.fetch(project, later, token), later) == 4
    assert packed(repository) - before < 5_000


def test_a_history_that_is_too_big_comes_in_parts_after_the_commit(
    forge: RunningForge, source: GitSource, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "FILE_MAX_BYTES", 1024 * 1024)
    monkeypatch.setattr(source_module, "DEEPEN_S", 0.0)
    project = "cpam-bas-rhin/lourd"
    forge.project(project, maintainers=("organisation",))
    for _ in range(3):
        forge.commit(project, {"gros.bin": os.urandom(600_000)})
    commit = forge.commit(project, {"gros.bin": None, "a": "1"})
    repository = source.fetch(project, commit, token)
    assert (show(repository, f"{commit}:a"), commits(repository, commit)) == (b"1", 1)
    monkeypatch.setattr(source_module, "DEEPEN_S", 60.0)
    source.fetch(project, commit, token)
    assert (commits(repository, commit), (repository / "shallow").exists()) == (4, False)
    later = forge.commit(project, {"a": "2"})
    assert show(source.fetch(project, later, token), f"{later}:a") == b"2"
    assert commits(repository, later) == 5


def test_a_history_that_does_not_fit_the_mirror_stays_in_part(
    forge: RunningForge, source: GitSource, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "FILE_MAX_BYTES", 1024 * 1024)
    monkeypatch.setattr(source_module, "PROJECT_MAX_BYTES", 2 * 1024 * 1024)
    project = "cpam-bas-rhin/tres-lourd"
    forge.project(project, maintainers=("organisation",))
    for _ in range(5):
        forge.commit(project, {"gros.bin": os.urandom(600_000)})
    commit = forge.commit(project, {"gros.bin": None, "a": "1"})
    for _ in range(2):
        repository = source.fetch(project, commit, token)
        assert show(repository, f"{commit}:a") == b"1"
        assert 1 < commits(repository, commit) < 6
        assert (repository / "shallow").exists()


def test_a_branch_that_was_rewritten_is_read_as_it_is_now(forge: RunningForge, source: GitSource, token: str) -> None:
    project = "cpam-bas-rhin/reecrit"
    made = forge.project(project, maintainers=("organisation",))
    old = forge.commit(project, {"secret": "x"})
    source.fetch(project, old, token)
    made.protectedbranches.delete("main")
    work = forge.folder / "work" / project
    git(work, "checkout", "--quiet", "--orphan", "autre")
    git(work, "rm", "-r", "--quiet", "-f", ".")
    (work / "a").write_text("propre")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "-m", "Réécrit")
    forge.push(work, project, "+HEAD:refs/heads/main")
    new = git(work, "rev-parse", "HEAD")
    repository = source.fetch(project, new, token)
    assert (show(repository, f"{new}:a"), commits(repository, new)) == (b"propre", 1)


def test_a_commit_that_the_forge_does_not_have_is_asked_again_later(source: GitSource, token: str) -> None:
    with pytest.raises((ForgeUnavailableError, RepositoryRefusedError)):
        source.fetch(PROJECT, "f" * 40, token)


@pytest.fixture
def broken() -> Iterator[str]:
    """A server that answers 500 to everything."""

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_forge_in_trouble_is_unavailable(broken: str, tmp_path: Path) -> None:
    for url in (broken, "http://127.0.0.1:1", "http://inexistant.invalid"):
        with pytest.raises(ForgeUnavailableError):
            GitSource(url, tmp_path).refs(PROJECT, "jeton-secret")


def test_the_token_is_in_no_argument_and_no_file(
    forge: RunningForge, source: GitSource, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    real = subprocess.Popen

    def spied(argv: list[str], **options: object) -> object:
        seen.append(argv)
        return real(argv, **options)  # type: ignore[call-overload]  # passed through

    monkeypatch.setattr(source_module.subprocess, "Popen", spied)
    source.fetch(PROJECT, forge.commit(PROJECT, {"c": "3"}), token)
    assert seen
    assert not any(token in part for argv in seen for part in argv)
    assert not any(token.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
