"""MTN-005: no organisation is hard-coded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, entries, ignored, outcome
from psram.facts import BlobFacts, Facts, Mark
from psram.index import contents
from psram.model import Context, Finding, Outcome

_ORGANISATION = re.compile(r"organi[sz]", re.IGNORECASE)


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an organisation's code or name in code, templates or configuration."""
    codes = frozenset(o.code for o in context.organisations)
    labels = frozenset(o.label for o in context.organisations if o.label)
    return outcome(dict.fromkeys([*_literals(facts, params, codes), *_configuration(facts, params, labels)]))


def _literals(facts: Facts, params: Params, codes: frozenset[str]) -> Iterator[Finding]:
    """One finding a file and organisation, at its first place."""
    searched = tuple(params["searched"])
    for file, blob in contents(facts):
        if not (blob.literals or (blob.php is not None and blob.php.marks)):
            continue
        if not file.path.startswith(searched) or ignored(file.path, params):
            continue
        found: dict[str, list[Mark]] = {}
        for mark in _marks(blob):
            if mark.kind == "label" or mark.name in codes or mark.detail == "organisation":
                found.setdefault(mark.name, []).append(mark)
        for name, marks in found.items():
            times = f" ({len(marks)} fois)" if len(marks) > 1 else ""
            yield at(file, marks[0], f"l'organisme « {name} » est écrit en dur{times}")


def _marks(blob: BlobFacts) -> Iterator[Mark]:
    php = blob.php.marks if blob.php is not None else ()
    for mark in (*php, *blob.literals):
        if mark.kind in ("code", "label"):
            yield mark


def _configuration(facts: Facts, params: Params, labels: frozenset[str]) -> Iterator[Finding]:
    pattern = re.compile(params["label_pattern"], re.IGNORECASE)
    for file, entry in entries(facts, "config/", ".yaml", ".yml"):
        named = pattern.search(entry.value)
        coded = re.fullmatch(r"\d{3}", entry.value) and _ORGANISATION.search(entry.path)
        if named or coded or entry.value in labels:
            yield Finding(
                f"l'organisme « {named[0] if named else entry.value} » est écrit en dur", file.path, entry.line
            )
