"""What several checks need: outcomes from findings, files of a kind, paths left out."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from psram.facts import DataFacts, Entry, Facts, FileFact, Mark, Skip
from psram.index import beside_code
from psram.memo import of_facts
from psram.model import Finding, Giver, Outcome, Severity, Verdict
from psram.roles import Role, roles

_ENDING: Final = re.compile(r"\*\.[^.*?\[\]]+")


def outcome(
    findings: Iterable[Finding], *, severity: Severity | None = None, prevents: bool = False, more: int = 0
) -> Outcome:
    """Violated when there is a finding, else conforming; ``more`` are counted beyond those given."""
    found = tuple(findings)
    if not found:
        return Outcome(Verdict.CONFORMING)
    return Outcome(Verdict.VIOLATED, found, severity=severity, prevents=prevents, more=more)


def unknown(
    missing: str, findings: Iterable[Finding] = (), *, confirm: bool = False, giver: Giver | None = None
) -> Outcome:
    """Could not find out, with the evidence that is missing and who can give it (else the platform or developer)."""
    giver = giver or (Giver.PLATFORM if confirm else Giver.DEVELOPER)
    return Outcome(Verdict.UNKNOWN, tuple(findings), missing_evidence=missing, confirm=confirm, giver=giver)


def at(file: FileFact, mark: Mark, message: str) -> Finding:
    """A finding at a mark."""
    return Finding(message, file.path, mark.line, excerpt=mark.excerpt)


def hostile(facts: Facts, role: Role) -> Iterator[Finding]:
    """Files read in this role whose content stopped the analysis: nothing is known of them."""
    for file in _stopped(facts):
        if role in roles(file.path):
            yield Finding("arrête l'analyse (trop de calcul ou de mémoire) : nul ne l'a lu", file.path)


@of_facts
def _stopped(facts: Facts) -> tuple[FileFact, ...]:
    return tuple(file for file in facts.files if file.skipped is Skip.HOSTILE)


class Names:
    """Shell patterns of file names; those that only say an ending (``*.zip``) cost one look-up together."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._endings = frozenset(p[2:] for p in patterns if _ENDING.fullmatch(p))
        others = (fnmatch.translate(p) for p in patterns if not _ENDING.fullmatch(p))
        self._others = re.compile("|".join(others) or r"(?!)")

    def match(self, name: str) -> bool:
        """Whether one of the patterns matches the whole name."""
        _start, dot, ending = name.rpartition(".")
        return (bool(dot) and ending in self._endings) or self._others.match(name) is not None


@functools.lru_cache(maxsize=64)
def pattern(names: tuple[str, ...]) -> Names:
    """What tells the names that any of these shell patterns matches."""
    return Names(names)


def data(facts: Facts, prefix: str, *suffixes: str) -> Iterator[tuple[FileFact, DataFacts]]:
    """Data files (YAML, dotenv, Dockerfile) under a prefix and with one of these endings."""
    for file, blob in beside_code(facts):
        if blob.data is not None and file.path.startswith(prefix) and file.path.endswith(suffixes or ("",)):
            yield file, blob.data


def entries(facts: Facts, prefix: str, *suffixes: str) -> Iterator[tuple[FileFact, Entry]]:
    """Entries of these data files."""
    for file, content in data(facts, prefix, *suffixes):
        for entry in content.entries:
            yield file, entry


def ignored(path: str, params: Mapping[str, Any]) -> bool:
    """Whether the rule's data leaves this path out (``ignore``: files, or folders ending in ``/``)."""
    ignore = params.get("ignore", ())
    return bool(ignore) and (path in ignore or path.startswith(_folders(tuple(ignore))))


@functools.lru_cache(maxsize=64)
def _folders(ignore: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(item for item in ignore if item.endswith("/"))
