"""What several checks need: outcomes from findings, files of a kind, paths left out."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from psram.facts import BlobFacts, DataFacts, Entry, Facts, FileFact, Kind, Mark, Skip
from psram.memo import of_facts
from psram.model import Finding, Giver, Outcome, Severity, Verdict
from psram.roles import Role, roles


def outcome(findings: Iterable[Finding], *, severity: Severity | None = None, prevents: bool = False) -> Outcome:
    """Violated when there is a finding, else conforming."""
    found = tuple(findings)
    if not found:
        return Outcome(Verdict.CONFORMING)
    return Outcome(Verdict.VIOLATED, found, severity=severity, prevents=prevents)


def unknown(
    missing: str, findings: Iterable[Finding] = (), *, confirm: bool = False, giver: Giver | None = None
) -> Outcome:
    """Could not find out, with the evidence that is missing and who can give it (else the platform or developer)."""
    giver = giver or (Giver.PLATFORM if confirm else Giver.DEVELOPER)
    return Outcome(Verdict.UNKNOWN, tuple(findings), missing_evidence=missing, confirm=confirm, giver=giver)


def at(file: FileFact, mark: Mark, message: str) -> Finding:
    """A finding at a mark."""
    return Finding(message, file.path, mark.line, excerpt=mark.excerpt)


def read(facts: Facts) -> Iterator[tuple[FileFact, BlobFacts]]:
    """Files whose content has facts, in order of path."""
    return iter(_readable(facts))


@of_facts
def _readable(facts: Facts) -> tuple[tuple[FileFact, BlobFacts], ...]:
    kinds = (Kind.FILE, Kind.EXECUTABLE)
    files = (f for f in facts.files if f.skipped is None and f.kind in kinds and f.blob in facts.blobs)
    return tuple((file, facts.blobs[file.blob]) for file in files)


def hostile(facts: Facts, role: Role) -> Iterator[Finding]:
    """Files read in this role whose content stopped the analysis: nothing is known of them."""
    for file in _stopped(facts):
        if role in roles(file.path):
            yield Finding("arrête l'analyse (trop de calcul ou de mémoire) : nul ne l'a lu", file.path)


@of_facts
def _stopped(facts: Facts) -> tuple[FileFact, ...]:
    return tuple(file for file in facts.files if file.skipped is Skip.HOSTILE)


@functools.lru_cache(maxsize=64)
def pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """One expression that fully matches the names that any of these shell patterns matches."""
    return re.compile("|".join(map(fnmatch.translate, names)) or r"(?!)")


def data(facts: Facts, prefix: str, *suffixes: str) -> Iterator[tuple[FileFact, DataFacts]]:
    """Data files (YAML, dotenv, Dockerfile) under a prefix and with one of these endings."""
    for file, blob in read(facts):
        if blob.data is not None and file.path.startswith(prefix) and file.path.endswith(suffixes or ("",)):
            yield file, blob.data


def entries(facts: Facts, prefix: str, *suffixes: str) -> Iterator[tuple[FileFact, Entry]]:
    """Entries of these data files."""
    for file, content in data(facts, prefix, *suffixes):
        for entry in content.entries:
            yield file, entry


def ignored(path: str, params: Mapping[str, Any]) -> bool:
    """Whether the rule's data leaves this path out (``ignore``: files, or folders ending in ``/``)."""
    files, folders = _left_out(tuple(params.get("ignore", ())))
    return path in files or path.startswith(folders)


@functools.lru_cache(maxsize=64)
def _left_out(ignore: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    return frozenset(ignore), tuple(item for item in ignore if item.endswith("/"))
