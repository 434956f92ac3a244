"""RGPD-003: no real personal data in the repository, tests and fixtures included. Values are never shown."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from psram import fictitious, privacy
from psram.checks import Params
from psram.checks.common import at, ignored, outcome
from psram.facts import Facts, FileFact, Mark
from psram.index import beside_code, marks
from psram.model import Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by numbers whose control key is right, personal addresses in samples, and data sent to the log."""
    found = outcome([*_numbers(facts, params), *_addresses(facts, params), *dict.fromkeys(_logged(facts, params))])
    return msgspec.structs.replace(found, note=fictitious.problem(facts))


def _numbers(facts: Facts, params: Params) -> Iterator[Finding]:
    declared = fictitious.declared(facts)
    for file, mark in _marks(facts, "personal", params):
        if not _nobodys(mark, params) and not declared.covers(file.path, mark, params):
            said = f"{mark.name} dont la clé de contrôle est juste{declared.remark(file.path, mark)}"
            yield at(file, mark, said)


def _nobodys(mark: Mark, params: Params) -> bool:
    """Whether the pack says that such a value belongs to nobody: published as an example, or never attributed."""
    digest, *features = mark.detail.split(" ")
    return digest in params["published"] or not set(features).isdisjoint(params["reserved"])


def _addresses(facts: Facts, params: Params) -> Iterator[Finding]:
    declared = fictitious.declared(facts)
    for file, mark in _marks(facts, "email", params):
        if not _for_tests(mark.name, params) and not declared.covers(file.path, mark, params):
            said = f"adresse électronique d'une personne, dans le domaine {mark.name}"
            yield at(file, mark, said + declared.remark(file.path, mark))


def _for_tests(domain: str, params: Params) -> bool:
    return any(domain == item or domain.endswith("." + item) for item in params["test_domains"])


def _marks(facts: Facts, kind: str, params: Params) -> Iterator[tuple[FileFact, Mark]]:
    for file, blob in beside_code(facts):
        for mark in blob.personal if kind == "personal" else blob.emails:
            if not ignored(file.path, params):
                yield file, mark


def _logged(facts: Facts, params: Params) -> Iterator[Finding]:
    """What is written into a log under the name of personal data: by the map of the entities, or by itself."""
    path = str(params["map"])
    mapped = privacy.personal_names(facts, params, path)
    for file, mark in marks(facts, "log-key"):
        if ignored(file.path, params) or file.path.startswith("tests/"):
            continue
        if mark.name in mapped or privacy.telling(mark.name, params["never_logged"]):
            yield at(file, mark, f"« {mark.name} » est écrit dans le journal : une donnée personnelle n'y va jamais")
