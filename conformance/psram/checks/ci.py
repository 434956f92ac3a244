"""Reads a GitLab CI configuration from a YAML file's entries: inclusions, what is set for every job, jobs."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from psram.checks.common import read
from psram.facts import DataFacts, Entry, Facts, FileFact

ROOT: Final = ".gitlab-ci.yml"
MAX_FILES: Final = 100
_LISTS: Final = frozenset({"file"})
_INCLUDE: Final = re.compile(r"include(?:\[(\d+)\])?(?:\.([\w-]+(?:[.\[].*)?))?")
_RULE: Final = re.compile(r"workflow\.rules\[(\d+)\]\.(\w+)")
_MERGED: Final = re.compile(r"(?:^|(?<=\.))<<(?:\[\d+\])?\.")
JOB_KEYS: Final = frozenset(
    [
        "after_script",
        "allow_failure",
        "artifacts",
        "before_script",
        "cache",
        "coverage",
        "dependencies",
        "environment",
        "except",
        "extends",
        "hooks",
        "id_tokens",
        "identity",
        "image",
        "inherit",
        "interruptible",
        "manual_confirmation",
        "needs",
        "only",
        "pages",
        "parallel",
        "release",
        "resource_group",
        "retry",
        "rules",
        "run",
        "script",
        "secrets",
        "services",
        "stage",
        "start_in",
        "tags",
        "timeout",
        "trigger",
        "variables",
        "when",
    ]
)


@dataclass(slots=True)
class Include:
    """One inclusion: its fields by name (``file`` may have several values), or a single text."""

    line: int
    text: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """The field's first value, empty when it is absent."""
        return next(iter(self.fields.get(name, ())), "")

    @property
    def local(self) -> str:
        """The path of a file of this repository, empty when something else is included."""
        plain = "" if "://" in self.text else self.text
        return (self.first("local") or plain).lstrip("/")

    @property
    def ambiguous(self) -> str:
        """A field that is written twice with other values, or merged over: which one counts cannot be told."""
        return next((n for n, values in self.fields.items() if n not in _LISTS and len(set(values)) > 1), "")

    @property
    def remote(self) -> str:
        """The address of a remote inclusion."""
        return self.first("remote") or (self.text if "://" in self.text else "")


@dataclass(frozen=True, slots=True)
class Setting:
    """One scalar of the configuration; ``key`` is the first word of its path inside its job or section."""

    line: int
    key: str
    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the configuration."""

    file: FileFact
    content: DataFacts

    def includes(self) -> list[Include]:
        """Its inclusions, in order."""
        found: dict[str, Include] = {}
        for entry in self.content.entries:
            match = _INCLUDE.fullmatch(_unmerged(entry.path))
            if match is None or (not entry.value and match[2] is None):
                continue
            include = found.setdefault(match[1] or "", Include(entry.line))
            if match[2] is None:
                include.text = entry.value
            else:
                name = re.sub(r"\[\d+\]$", "", match[2])
                include.fields.setdefault(name, []).append(entry.value)
        return list(found.values())

    def obscure(self) -> list[Entry]:
        """What is written under ``include`` in a way that nobody can follow: nested lists, references."""
        inside = [e for e in self.content.entries if re.match(r"include(?![\w-])", _unmerged(e.path))]
        return [e for e in inside if _INCLUDE.fullmatch(_unmerged(e.path)) is None or "\n" in e.path]

    def section(self, name: str) -> list[Setting]:
        """What the file says under a top-level key: a job's or a global section's settings."""
        return [s for s in (_setting(e, name) for e in self.content.entries) if s is not None]

    def job(self, name: str) -> list[Setting]:
        """What the file says of a job; anything that is no keyword belongs to another job with a longer name."""
        return [s for s in self.section(name) if s.key in JOB_KEYS or not s.key]

    def workflow(self) -> dict[int, dict[str, Setting]]:
        """The rules that decide whether a pipeline is made at all, by position."""
        rules: dict[int, dict[str, Setting]] = {}
        for entry in self.content.entries:
            match = _RULE.match(_unmerged(entry.path))
            if match is not None:
                setting = Setting(entry.line, match[2], entry.path, entry.value)
                rules.setdefault(int(match[1]), {}).setdefault(match[2], setting)
        return rules


def _setting(entry: Entry, name: str) -> Setting | None:
    path = _unmerged(entry.path)
    if path == name or path.startswith(f"{name}["):
        return Setting(entry.line, "", path, entry.value)
    if not path.startswith(f"{name}."):
        return None
    inside = path[len(name) + 1 :]
    return Setting(entry.line, re.split(r"[.\[]", inside, maxsplit=1)[0], inside, entry.value)


def _unmerged(path: str) -> str:
    """The path with YAML's merge keys (``<<``) taken out: what they bring counts as written there."""
    return _MERGED.sub("", path)


def sources(facts: Facts) -> tuple[list[Source], list[tuple[Include, str]]]:
    """The root file and every file of the repository that it includes; and inclusions that match no readable file."""
    readable = {file.path: Source(file, blob.data) for file, blob in read(facts) if blob.data is not None}
    found: dict[str, Source] = {}
    lost: list[tuple[Include, str]] = []
    waiting = [readable[ROOT]] if ROOT in readable else []
    while waiting and len(found) < MAX_FILES:
        source = waiting.pop()
        if source.file.path in found:
            continue
        found[source.file.path] = source
        for include in source.includes():
            if include.local:
                inside = list(_matching(include.local, readable))
                waiting += [readable[path] for path in inside]
                if not inside:
                    lost.append((include, source.file.path))
    return list(found.values()), lost


def _matching(pattern: str, paths: Iterable[str]) -> Iterator[str]:
    """Paths that the pattern names: ``*`` stays in a folder, ``**`` crosses folders."""
    if "*" not in pattern:
        yield from (path for path in paths if path == pattern)
        return
    expression = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    yield from (path for path in paths if re.fullmatch(expression, path))


def protected(name: str, patterns: Iterable[str]) -> bool:
    """Whether a variable is one of those that the template's steps stand on."""
    return any(fnmatch.fnmatchcase(name.upper(), pattern) for pattern in patterns)
