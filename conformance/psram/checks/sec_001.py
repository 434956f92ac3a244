"""SEC-001: no secret in the tree nor in its history. What was found is never shown nor kept."""

from __future__ import annotations

from collections.abc import Iterator

from psram import fictitious
from psram.checks import Params
from psram.checks.common import at, hostile, ignored, outcome, pattern, unknown
from psram.facts import Facts, Gap, History, Kind
from psram.index import beside_code
from psram.model import Context, Finding, Giver, Outcome
from psram.roles import Role


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a file made to hold secrets, by a content that looks like a real one, and by what history keeps."""
    found = [*_named(facts, params), *_contained(facts, params), *_past(facts, params, context)]
    stopped = tuple(hostile(facts, Role.TEXT))
    if not found and stopped:
        return unknown("la lecture de ces fichiers : simplifiez-les ou retirez-les", stopped)
    part = _unread(facts.history)
    return part if part is not None and not found else outcome(found)


def _unread(history: History | None) -> Outcome | None:
    """Undecided where something of the history was not read; whoever can have the rest read is named."""
    if history is None or history.complete:
        return None
    said = f"l'historique entier, lu ici en partie ({history.problem})"
    if history.gap in (Gap.HOSTILE, Gap.BEYOND):  # no other reading will know more
        return unknown(f"{said} ; une dérogation à cette règle le remplace", giver=Giver.AUDITOR)
    return unknown(said, confirm=True)


def _named(facts: Facts, params: Params) -> Iterator[Finding]:
    forbidden = pattern(tuple(params["forbidden_names"]))
    for file in facts.files:
        if file.kind is not Kind.SUBMODULE and forbidden.match(file.path.rpartition("/")[2]):
            yield Finding("ce fichier est fait pour contenir des secrets", file.path)


def _contained(facts: Facts, params: Params) -> Iterator[Finding]:
    declared = fictitious.declared(facts)
    for file, blob in beside_code(facts):
        if not blob.secrets or ignored(file.path, params):
            continue
        for mark in blob.secrets:
            known = mark.detail in params["published"] or declared.covers(file.path, mark, params)
            if not known:
                said = f"{mark.name} dans le dépôt (empreinte {mark.detail}){declared.remark(file.path, mark)}"
                yield at(file, mark, said)


def _past(facts: Facts, params: Params, context: Context) -> Iterator[Finding]:
    """What earlier commits hold: whoever has the repository has it, though the tree no longer does."""
    if facts.history is None:
        return
    declared, revoked = fictitious.declared(facts), fictitious.revoked(facts, context.evaluated_on)
    for past in facts.history.secrets:
        mark = past.mark
        known = mark.detail in params["published"] or mark.detail in revoked
        if not known and not declared.covers(past.path, mark, params) and not ignored(past.path, params):
            said = f"{mark.name} dans l'historique, commit {past.commit[:12]} (empreinte {mark.detail})"
            yield Finding(said, past.path, mark.line, excerpt=f"{past.commit}:{mark.excerpt}")
