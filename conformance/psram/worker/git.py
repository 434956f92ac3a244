"""Reads a repository with git: entries of a tree, contents of blobs, state of a work tree.

Never ``git archive``: it honours ``export-ignore``, so a project could hide code from the analysis.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from psram.errors import CollectError, UsageError
from psram.worker import programs

_SETTINGS = (
    "safe.directory=*",  # the operator's mirror and a container's mount may belong to another user
    "core.fsmonitor=false",  # a repository's own settings must start nothing
    "core.hooksPath=/dev/null",
    "protocol.ext.allow=never",
    "core.quotePath=false",
)
# Memory of the git that stays while contents are read: each pushes through once, a big window brings nothing.
_FRUGAL = ("-c", "core.packedGitWindowSize=1m", "-c", "core.packedGitLimit=4m", "-c", "core.deltaBaseCacheLimit=4m")
_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}
_COMMIT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/@{}^~-]{0,199}\Z")
_LISTING_MAX_BYTES = 128 * 1024 * 1024
_BRANCHES = 5
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class TreeEntry(NamedTuple):
    """One line of ``ls-tree``. ``kind`` is ``blob`` or ``commit``; bytes of ``path`` that are not UTF-8 are escaped."""

    mode: str
    kind: str
    blob: str
    path: str


class Work(NamedTuple):
    """What differs between HEAD and the work tree, paths relative to the asked folder."""

    changed: tuple[bytes, ...]
    deleted: frozenset[bytes]


def _git(repository: Path, *arguments: str) -> list[str]:
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    return ["git", *settings, "-C", str(repository), *arguments]


def _ask(repository: Path, *arguments: str, doing: str, timeout_s: float, stdin: bytes = b"") -> bytes:
    return programs.output(
        _git(repository, *arguments),
        doing=doing,
        timeout_s=timeout_s,
        max_bytes=_LISTING_MAX_BYTES,
        env=_ENV,
        stdin=stdin,
    )


def ask(
    repository: Path,
    *arguments: str,
    doing: str,
    timeout_s: float,
    stdin: bytes = b"",
    max_bytes: int = _LISTING_MAX_BYTES,
    env: Mapping[str, str] | None = None,
    ok: tuple[int, ...] = (0,),
) -> bytes:
    """What git answers to these arguments in the repository, under the settings that keep it harmless.

    Raises:
        CollectError: it ends with a status that is not ``ok``, takes too long or says more than ``max_bytes``.
    """
    argv = _git(repository, *arguments)
    env = {**_ENV, **(env or {})}
    return programs.output(argv, doing=doing, timeout_s=timeout_s, max_bytes=max_bytes, env=env, stdin=stdin, ok=ok)


def is_repository(path: Path) -> bool:
    """Whether git knows this folder (work tree, sub-folder of one, or bare repository).

    Raises:
        AbsentError: it looks like one, and there is no git to read it.
    """
    try:
        _ask(path, "rev-parse", "--git-dir", doing="recherche du dépôt git", timeout_s=10)
    except programs.AbsentError as error:
        whole = path.absolute()
        if (whole / "objects").is_dir() or any((each / ".git").exists() for each in (whole, *whole.parents)):
            raise AbsentError(f"git n'est pas installé sur ce poste : il faut git pour lire {path}") from error
        return False
    except CollectError:
        return False
    return True


class AbsentError(UsageError):
    """There is no git on this machine."""


class Head(NamedTuple):
    """A commit, and where the asked folder is in its tree: ``prefix`` is empty at the top, else ends in ``/``.

    ``shallow``: this copy of the repository lacks earlier commits.
    """

    worktree: bool
    shallow: bool
    prefix: bytes
    commit: str
    tree: str


def head(path: Path, commit: str, *, timeout_s: float) -> Head:
    """The full commit id and its tree's, in one question to git.

    Raises:
        UsageError: no such repository or commit.
    """
    if not _COMMIT.match(commit):
        raise UsageError(f"« {commit} » n'est pas un nom de commit")
    asked = ("--is-inside-work-tree", "--is-shallow-repository", "--show-prefix")
    named = (f"{commit}^{{commit}}", f"{commit}^{{tree}}")
    try:
        answer = _ask(path, "rev-parse", *asked, *named, doing="recherche du commit", timeout_s=timeout_s)
        inside, shallow, *prefix, found, tree, _end = answer.split(b"\n")
    except (CollectError, ValueError) as error:
        if not is_repository(path):
            raise UsageError(f"« {path} » n'est pas un dépôt git") from error
        raise UsageError(_missing(path, commit)) from error
    return Head(inside == b"true", shallow == b"true", b"\n".join(prefix), found.decode(), tree.decode())


def _missing(path: Path, commit: str) -> str:
    """Why the commit is not there, and what is."""
    doing = "recherche des branches"
    heads = _ask(path, "for-each-ref", "--format=%(refname:short)", "refs/heads", doing=doing, timeout_s=10)
    branches = [name.decode("utf-8", "backslashreplace") for name in heads.splitlines()]
    if not branches:
        return "ce dépôt n'a pas encore de commit"
    named = f"branches : {', '.join(branches[:_BRANCHES])}{'…' if len(branches) > _BRANCHES else ''}"
    if commit != "HEAD":
        shallow = _ask(path, "rev-parse", "--is-shallow-repository", doing=doing, timeout_s=10).strip() == b"true"
        remedy = (
            " : cette copie est superficielle, « git fetch --unshallow » la complète"
            if shallow
            else " ; s'il est sur la forge, « git fetch » l'apporte"
        )
        return f"le commit « {commit} » n'existe pas dans ce dépôt ({named}){remedy}"
    return f"HEAD y désigne une branche qui n'existe pas ({named}) : ajoutez --commit {branches[0]}"


def is_bare(path: Path) -> bool:
    """Whether the repository here has no work tree."""
    asked = ("rev-parse", "--is-bare-repository")
    return _ask(path, *asked, doing="lecture du dépôt git", timeout_s=10).strip() == b"true"


def resolve(repository: Path, commit: str, *, timeout_s: float) -> tuple[str, str]:
    """The full commit id and its tree's.

    Raises:
        UsageError: no such repository or commit.
    """
    found = head(repository, commit, timeout_s=timeout_s)
    return found.commit, found.tree


def subtree(path: Path, commit: str, folder: bytes, *, timeout_s: float) -> str:
    """The tree of a folder of the commit, empty when the commit has no such folder."""
    try:
        asked = f"{commit}:" + folder.decode("utf-8", "surrogateescape").rstrip("/")
        answer = _ask(path, "rev-parse", "--verify", asked, doing="recherche du dossier", timeout_s=timeout_s)
    except CollectError:
        return ""
    return answer.decode().strip()


def entries(repository: Path, tree: str, *, max_files: int, timeout_s: float) -> tuple[list[TreeEntry], bool]:
    """Entries of the tree (at most ``max_files``), and whether some were left out."""
    doing = "lecture de l'arbre du commit"
    listing = _ask(repository, "ls-tree", "-r", "-z", "--full-tree", tree, doing=doing, timeout_s=timeout_s)
    lines = listing.decode("utf-8", "backslashreplace").split("\0")[:-1]
    return [_entry(line) for line in lines[:max_files]], len(lines) > max_files


def _entry(line: str) -> TreeEntry:
    head, _, path = line.partition("\t")
    mode, kind, blob = head.split(" ")
    return TreeEntry(mode, kind, blob, path)


def blobs(repository: Path, ids: Sequence[str], *, timeout_s: float) -> Iterator[tuple[str, bytes | None]]:
    """Each blob's content in the order asked; ``None`` when the repository lacks it."""
    if not ids:
        return
    doing = "lecture des fichiers"
    asked = "\n".join(ids).encode() + b"\n"
    argv = _git(repository, "cat-file", "--batch", "--buffer")
    with programs.stream(argv, doing=doing, env=_ENV, stdin=asked) as (process, _errors):
        assert process.stdout is not None
        for blob in ids:
            yield blob, _content(process.stdout, doing)


class Objects:
    """Contents of a repository, one after the other, by one ``git cat-file`` that stays. To be used in a ``with``."""

    def __init__(self, repository: Path) -> None:
        self._argv = _git(repository, *_FRUGAL, "cat-file", "--batch")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            programs.end_alone(self._process)

    def start(self) -> None:
        """Start git. It stays in the group of this process, and ends with it."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=programs.environment(_ENV),
            )

    def contents(self, ids: Sequence[str]) -> Iterator[bytes | None]:
        """Each content in the order asked (a few dozens: they must fit in a pipe); ``None`` when it is missing.

        Raises:
            CollectError: git ended.
        """
        if not ids:
            return
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("\n".join([*ids, ""]).encode())
            self._process.stdin.flush()
        except OSError as error:
            raise CollectError("lecture des fichiers : git s'est arrêté") from error
        for _ in ids:
            yield _content(self._process.stdout, "lecture des fichiers")


def _content(answers: IO[bytes], doing: str) -> bytes | None:
    header = answers.readline(512).split()
    if len(header) == 2 and header[1] == b"missing":  # noqa: PLR2004  `<id> missing`
        return None
    if len(header) != 3:  # noqa: PLR2004  `<id> <type> <size>`
        raise CollectError(f"{doing} : git s'est arrêté avant la fin")
    size = int(header[2])
    content = answers.read(size)
    if len(content) != size:
        raise CollectError(f"{doing} : git s'est arrêté avant la fin")
    answers.read(1)
    return content


def prefix(path: Path) -> bytes:
    """The folder's path inside its work tree, empty at the top, else ending in ``/``."""
    return _ask(path, "rev-parse", "--show-prefix", doing="lecture du dépôt git", timeout_s=10).rstrip(b"\n")


@contextlib.contextmanager
def work(path: Path, inside: bytes, *, timeout_s: float) -> Iterator[Callable[[], Work]]:
    """Begins to look; what is given waits for the answer.

    It is what the work tree under ``path`` (``inside`` it) changes, adds (ignored files excepted) and removes.
    """
    asked = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
    argv = _git(path, *asked, "--", ".")
    doing = "lecture des fichiers non validés"
    with programs.begun(argv, doing=doing, timeout_s=timeout_s, max_bytes=_LISTING_MAX_BYTES, env=_ENV) as said:
        yield lambda: _work(path, inside, said())


def _work(path: Path, inside: bytes, answer: bytes) -> Work:
    cut = len(inside)
    changed: list[bytes] = []
    deleted: set[bytes] = set()
    for line in answer.split(b"\0")[:-1]:
        state, name = line[:2], line[3 + cut :]
        if (
            b"D" in state
            and not (path / name.decode("utf-8", "surrogateescape")).is_symlink()
            and not (path / name.decode("utf-8", "surrogateescape")).exists()
        ):
            deleted.add(name)
        else:
            changed.append(name)
    return Work(tuple(changed), frozenset(deleted))


def clone(url: str, folder: Path, *, commit: str, timeout_s: float) -> None:
    """Copy what is needed of a repository into ``folder``, bare: its branches' last commits, or one full commit id.

    Raises:
        CollectError: unreachable, refused, too long.
    """
    env = {
        **_ENV,
        "GIT_ALLOW_PROTOCOL": "file:https:http",
        "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
        "GIT_HTTP_LOW_SPEED_TIME": "20",
        "GIT_ASKPASS": "/bin/true",
    }

    def run(*arguments: str) -> None:
        programs.output(["git", *arguments], doing="copie du dépôt", timeout_s=timeout_s, max_bytes=65536, env=env)

    if _FULL_ID.fullmatch(commit):
        run("init", "--quiet", "--bare", "--", str(folder))
        run("-C", str(folder), "fetch", "--quiet", "--depth=1", "--end-of-options", url, commit)
    else:
        run("clone", "--quiet", "--bare", "--depth=1", "--no-single-branch", "--", url, str(folder))
