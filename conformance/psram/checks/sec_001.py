"""SEC-001: no secret in the tree. What was found is never shown nor kept."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, ignored, outcome, read
from psram.facts import Facts, Kind
from psram.model import Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a file made to hold secrets and by a content that looks like a real one."""
    return outcome([*_named(facts, params), *_contained(facts, params)])


def _named(facts: Facts, params: Params) -> Iterator[Finding]:
    for file in facts.files:
        name = file.path.rpartition("/")[2]
        if file.kind is not Kind.SUBMODULE and any(fnmatch.fnmatchcase(name, p) for p in params["forbidden_names"]):
            yield Finding("ce fichier est fait pour contenir des secrets", file.path)


def _contained(facts: Facts, params: Params) -> Iterator[Finding]:
    for file, blob in read(facts):
        if not ignored(file.path, params):
            for mark in blob.secrets:
                yield at(file, mark, f"{mark.name} dans le dépôt")
