"""Refuses a pack that could not be judged with, saying which rule is wrong and how."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram import applicability, checks, fixes, path
from psram.errors import PackError
from psram.rules import DecidedBy, Pack, Rule, Track

_ID: Final = re.compile(r"[A-Z]{3,4}-[0-9]{3}")


def verify(pack: Pack) -> None:
    """Refuse an incoherent pack.

    A sealed pack must also be one that this engine can judge: every check exists and reads every parameter given. A
    draft may be ahead of the engine: its rules without check are then undecided.

    Raises:
        PackError: with the first problem found.
    """
    problem = next(_problems(pack), "")
    if not problem and pack.sealed:
        problem = next(unjudgeable(pack), "")
    if problem:
        raise PackError(problem)


def _problems(pack: Pack) -> Iterator[str]:
    ids = frozenset(rule.id for rule in pack.rules)
    if not ids:
        yield f"le pack {pack.name} n'a aucune règle (fichiers rules/*.yaml) : il ne refuserait rien"
    for rule in pack.rules:
        for said in _rule_problems(rule, pack, ids):
            yield f"la règle {rule.id} {said}"
    ends = pack.ends_on or pack.deprecated_on
    if pack.effective_on is not None and ends is not None and ends < pack.effective_on:
        yield f"le pack {pack.name} prend fin avant de prendre effet"
    circle = requirement_circle(pack)
    if circle:
        yield f"les règles {', '.join(circle)} dépendent les unes des autres en cercle"


def _rule_problems(rule: Rule, pack: Pack, ids: frozenset[str]) -> Iterator[str]:
    if not _ID.fullmatch(rule.id):
        yield "n'a pas un identifiant de la forme ABC-123"
    if pack.families and rule.family not in pack.families:
        yield f"est d'une famille que le pack ne nomme pas ({rule.family})"
    unknown = [required for required in rule.requires if required not in ids]
    if unknown:
        yield f"dépend de {', '.join(unknown)}, que ce pack ne contient pas"
    for track in (Track.LABELLISATION, Track.HOMOLOGATION):
        if track not in rule.severity:
            yield f"ne dit pas sa gravité pour la filière {track}"
    unclear = [key for key in rule.severity if not _names_a_place(key)]
    if unclear:
        yield f"dit une gravité pour « {unclear[0]} », ni filière ni filière/étape"
    if rule.decided_by is DecidedBy.ENGINE and not (rule.examples.good and rule.examples.bad):
        yield "n'a pas d'exemple bon et mauvais"
    if rule.remediation.effort not in path.efforts(pack):
        yield f"dit un effort inconnu « {rule.remediation.effort} »"
    for condition in (rule.applies, *(g.when for g in rule.graver)):
        if said := applicability.problem(condition):
            yield f"a une {said}" if said.startswith("condition") else f"compte un {said}"
    if any(g.when.fact for g in rule.graver):
        yield "s'aggrave selon un fait : seules la filière, l'étape et la criticité le peuvent"
    yield from _lifecycle_problems(rule)


def _names_a_place(key: str) -> bool:
    track, _, stage = key.partition("/")
    return track in (Track.LABELLISATION, Track.HOMOLOGATION, Track.HORS_STANDARD) and (
        stage in ("", "development", "acceptance", "production") and not key.endswith("/")
    )


def _lifecycle_problems(rule: Rule) -> Iterator[str]:
    life = rule.lifecycle
    given = [day for day in (life.effective_on, life.warned_on, life.deprecated_on) if day is not None]
    if given != sorted(given):
        yield "a un cycle de vie en désordre : effet, annonce puis retrait"
    if rule.lifetime != "commit" and rule.lifetime.days < 1:
        yield "a une durée de preuve nulle ou négative"
    if rule.lifetime != "commit" and not rule.needs and rule.decided_by is DecidedBy.ENGINE:
        yield "donne une durée à une preuve qu'elle ne nomme pas (needs)"


def requirement_circle(pack: Pack) -> tuple[str, ...]:
    """The rules that wait for one another; empty when none do."""
    waiting = {rule.id: rule for rule in pack.rules}
    while waiting:
        ready = [rule.id for rule in waiting.values() if not any(required in waiting for required in rule.requires)]
        if not ready:
            return tuple(sorted(waiting))
        for rule_id in ready:
            del waiting[rule_id]
    return ()


def unjudgeable(pack: Pack) -> Iterator[str]:
    """Why this engine cannot judge with the pack: checks or corrections that it lacks, parameters that none reads."""
    for rule in pack.rules:
        if rule.decided_by is DecidedBy.GATE:
            continue
        try:
            read = checks.parameters(rule.id)
        except LookupError:
            yield f"la règle {rule.id} n'a pas de vérification dans ce moteur"
            continue
        unread = sorted(rule.params.keys() - read)
        if unread:
            yield f"la règle {rule.id} a un paramètre que sa vérification ne lit pas : {', '.join(unread)}"
        if rule.remediation.patch and fixes.find(rule.remediation.patch) is None:
            yield f"la règle {rule.id} nomme une correction que ce moteur n'a pas : {rule.remediation.patch}"
