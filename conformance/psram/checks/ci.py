"""Reads a GitLab CI configuration from a YAML file's entries: inclusions, what is set for every job, jobs."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from psram.facts import DataFacts, Entry, Facts, FileFact
from psram.index import beside_code

ROOT: Final = ".gitlab-ci.yml"
MAX_INCLUDES: Final = 150
"""GitLab's own bound."""
MAX_ENTRIES: Final = 60_000
_TOP: Final = re.compile(r"\.?[^.\[]*")
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


class Source:
    """One file of the configuration, its entries by top-level key."""

    def __init__(self, file: FileFact, content: DataFacts) -> None:
        self.file = file
        self.content = content
        self._sections: dict[str, list[tuple[str, Entry]]] = {}
        for entry in content.entries:
            path = _unmerged(entry.path)
            top = _TOP.match(path)
            self._sections.setdefault(top[0] if top else "", []).append((path, entry))

    def includes(self) -> list[Include]:
        """Its inclusions, in order."""
        found: dict[str, Include] = {}
        for path, entry in self._sections.get("include", ()):
            match = _INCLUDE.fullmatch(path)
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
        return [entry for path, entry in self._sections.get("include", ()) if _INCLUDE.fullmatch(path) is None]

    def section(self, name: str) -> list[Setting]:
        """What the file says under a top-level key: a job's or a global section's settings."""
        found = []
        for path, entry in self._sections.get(name, ()):
            if path.startswith(f"{name}."):
                inside = path[len(name) + 1 :]
                found.append(Setting(entry.line, re.split(r"[.\[]", inside, maxsplit=1)[0], inside, entry.value))
            else:
                found.append(Setting(entry.line, "", path, entry.value))
        return found

    def job(self, name: str) -> list[Setting]:
        """What the file says of a job; anything that is no keyword belongs to another job with a longer name."""
        return [s for s in self.section(name) if s.key in JOB_KEYS or not s.key]

    def workflow(self) -> dict[int, dict[str, Setting]]:
        """The rules that decide whether a pipeline is made at all, by position."""
        rules: dict[int, dict[str, Setting]] = {}
        for path, entry in self._sections.get("workflow", ()):
            match = _RULE.match(path)
            if match is not None:
                rules.setdefault(int(match[1]), {}).setdefault(
                    match[2], Setting(entry.line, match[2], path, entry.value)
                )
        return rules


def _unmerged(path: str) -> str:
    """The path with YAML's merge keys (``<<``) taken out: what they bring counts as written there."""
    return _MERGED.sub("", path) if "<<" in path else path


@dataclass(slots=True)
class Configuration:
    """The root file and the files of the repository that it includes.

    ``lost`` are inclusions that match no readable file, with the file that holds them; ``problem`` says in French what
    could not be followed.
    """

    sources: list[Source] = field(default_factory=list)
    lost: list[tuple[Include, str]] = field(default_factory=list)
    problem: str = ""


def configuration(facts: Facts) -> Configuration:
    """What the repository says of its pipelines, followed through its own files."""
    readable = {file.path: (file, blob.data) for file, blob in beside_code(facts) if blob.data is not None}
    found = Configuration()
    seen: set[str] = set()
    waiting = [ROOT] if ROOT in readable else []
    included = size = 0
    while waiting and not found.problem:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        source = Source(*readable[path])
        found.sources.append(source)
        size += len(source.content.entries)
        for include in source.includes():
            included += 1
            if include.local and included <= MAX_INCLUDES:
                inside = list(_matching(include.local, readable))
                waiting += inside
                if not inside:
                    found.lost.append((include, path))
        if included > MAX_INCLUDES or len(seen) > MAX_INCLUDES or size > MAX_ENTRIES:
            found.problem = (
                f"la configuration est démesurée : plus de {MAX_INCLUDES} inclusions ou {MAX_ENTRIES} valeurs"
            )
    return found


def _matching(pattern: str, paths: Iterable[str]) -> Iterator[str]:
    """Paths that the pattern names: ``*`` stays in a folder, unless the pattern has a ``**``, which crosses them."""
    if "*" not in pattern:
        yield from (path for path in paths if path == pattern)
    elif "**" in pattern:
        yield from (path for path in paths if fnmatch.fnmatchcase(path, pattern))
    else:
        asked = pattern.split("/")
        for path in paths:
            parts = path.split("/")
            if len(parts) == len(asked) and all(map(fnmatch.fnmatchcase, parts, asked)):
                yield path


def protected(name: str, patterns: Iterable[str]) -> bool:
    """Whether a variable is one of those that the template's steps stand on."""
    return any(fnmatch.fnmatchcase(name.upper(), pattern) for pattern in patterns)
