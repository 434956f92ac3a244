"""Bare repositories of the stand-in, read and changed with git itself. Every call is bounded in time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GIT_TIMEOUT_S = 60
NO_SHA = "0" * 40
FORMAT = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01"
PRE_RECEIVE = """#!/bin/sh
# The server says which branches this pusher may not touch (AMCLOUD_FORGE_LOCKED) or not rewrite (AMCLOUD_FORGE_FF),
# which tags it may not make (AMCLOUD_FORGE_TAGS) or nobody may move (AMCLOUD_FORGE_FIXED): patterns, `*` for anything.
set -f
refused() { echo "GitLab: $1" >&2; exit 1; }
among() { for pattern in $2; do case "$1" in $pattern) return 0 ;; esac; done; return 1; }
absent() { case "$1" in *[!0]*) return 1 ;; esac; return 0; }
while read -r old new ref; do
  among "$ref" "$AMCLOUD_FORGE_LOCKED" &&
    refused "You are not allowed to push code to protected branches on this project."
  among "$ref" "$AMCLOUD_FORGE_TAGS" && refused "You are not allowed to create this tag as it is protected."
  if among "$ref" "$AMCLOUD_FORGE_FIXED" && ! absent "$old"; then refused "Protected tags cannot be updated."; fi
  if among "$ref" "$AMCLOUD_FORGE_FF"; then
    if absent "$new"; then refused "You cannot delete a protected branch."; fi
    absent "$old" || git merge-base --is-ancestor "$old" "$new" ||
      refused "You are not allowed to force push code to a protected branch on this project."
  fi
done
"""


class GitError(Exception):
    """git refused: its error output."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; times are ISO 8601 with the author's offset."""

    id: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored: str
    committer_name: str
    committer_email: str
    committed: str
    message: str

    @property
    def title(self) -> str:
        """First line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Change:
    """One ref that a push moved; forty zeros stand for "absent"."""

    ref: str
    before: str
    after: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What git sees: no configuration of this machine's users, never a prompt."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        # The repositories may belong to another account than the server's (data folder made by a first run as root).
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        **(extra or {}),
    }


def git(repo: Path, *args: str, stdin: bytes | None = None, limit: int | None = None) -> bytes:
    """Standard output of ``git -C repo args`` (its first ``limit`` bytes).

    Raises:
        GitError: git failed or took more than a minute.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env=environment(),
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError("git: timeout") from error
    if done.returncode:
        raise GitError(done.stderr.decode("utf-8", "replace").strip())
    return done.stdout if limit is None else done.stdout[:limit]


def create(repo: Path, *, default_branch: str, hooks: Path) -> None:
    """``repo`` is an empty bare repository that serves any reachable commit by its sha, as GitLab does."""
    repo.mkdir(parents=True)
    git(repo, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", ".")
    for key, value in (
        ("http.receivepack", "true"),
        ("uploadpack.allowReachableSHA1InWant", "true"),
        ("uploadpack.allowFilter", "true"),
        ("receive.denyDeleteCurrent", "ignore"),
        ("receive.autogc", "false"),
        ("gc.auto", "0"),
        ("core.hooksPath", str(hooks)),
    ):
        git(repo, "config", key, value)


def install_hooks(folder: Path) -> None:
    """``folder`` holds the hooks that every repository runs."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pre-receive"
    script.write_text(PRE_RECEIVE, encoding="utf-8")
    script.chmod(0o755)


def refs(repo: Path) -> dict[str, str]:
    """Branches and tags with the object each names (an annotated tag's own object, not its commit)."""
    lines = git(repo, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags").decode()
    return {ref: sha for sha, _, ref in (line.partition(" ") for line in lines.splitlines())}


def is_empty(repo: Path) -> bool:
    """Whether the repository has no branch; looks at files only, lists of projects ask it often."""
    packed = repo / "packed-refs"
    loose = any(path.is_file() for path in (repo / "refs" / "heads").rglob("*"))
    return not loose and not (packed.is_file() and " refs/heads/" in packed.read_text(errors="replace"))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """What moved between two readings of :func:`refs`, by name."""
    return tuple(
        Change(ref, before.get(ref, NO_SHA), after.get(ref, NO_SHA))
        for ref in sorted({*before, *after})
        if before.get(ref) != after.get(ref)
    )


def resolve(repo: Path, revision: str) -> str | None:
    """Full id of the commit that ``revision`` (sha, branch, tag) names; None when there is none."""
    if not revision or revision.startswith("-") or any(char.isspace() or not char.isprintable() for char in revision):
        return None
    try:
        return (
            git(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
        )
    except GitError:
        return None


def log(repo: Path, *arguments: str, skip: int = 0, count: int = 100) -> list[Commit]:
    """Commits in git's order; empty when a revision is unknown."""
    try:
        out = git(repo, "log", f"--format={FORMAT}", f"--skip={skip}", f"--max-count={count}", *arguments)
    except GitError:
        return []
    return [_commit(chunk) for chunk in out.decode("utf-8", "replace").split("\x01") if chunk.strip()]


def _commit(chunk: str) -> Commit:
    fields = chunk.lstrip("\n").split("\x00", 8)
    author, committer = fields[2:5], fields[5:8]
    message = fields[8].rstrip("\n") + "\n"
    return Commit(fields[0], tuple(fields[1].split()), *author, *committer, message)  # type: ignore[call-arg]  # 3 + 3


def commit(repo: Path, revision: str) -> Commit | None:
    """The commit that ``revision`` names, None when there is none."""
    sha = resolve(repo, revision)
    return next(iter(log(repo, sha, count=1)), None) if sha else None


def branches_containing(repo: Path, sha: str) -> list[str]:
    """Names of the branches whose history holds ``sha``."""
    out = git(repo, "for-each-ref", "--contains", sha, "--format=%(refname:lstrip=2)", "refs/heads").decode()
    return out.splitlines()


def merge_base(repo: Path, one: str, other: str) -> str | None:
    """Best common ancestor, None when the histories are unrelated."""
    try:
        return git(repo, "merge-base", one, other).decode().strip() or None
    except GitError:
        return None


def blob(repo: Path, revision: str, path: str) -> bytes | None:
    """Content of the file ``path`` at ``revision``; None when it is absent or no file."""
    sha = resolve(repo, revision)
    if sha is None:
        return None
    try:
        return git(repo, "cat-file", "blob", f"{sha}:{path}")
    except GitError:
        return None


def touched(repo: Path, sha: str) -> Mapping[str, Sequence[str]]:
    """Files that the commit ``added``, ``modified`` and ``removed``, against its first parent."""
    out = git(repo, "diff-tree", "--root", "--no-commit-id", "--name-status", "--no-renames", "-r", "-z", "-m", sha)
    fields = out.decode("utf-8", "replace").split("\x00")
    found: dict[str, list[str]] = {"added": [], "modified": [], "removed": []}
    for letter, path in zip(fields[::2], fields[1::2], strict=False):
        found[{"A": "added", "D": "removed"}.get(letter[:1], "modified")].append(path)
    return found
