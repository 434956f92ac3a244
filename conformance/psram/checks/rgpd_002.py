"""RGPD-002: every persistent property is classified, as personal data or not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram import privacy
from psram.checks import Params
from psram.checks.common import ignored, outcome
from psram.facts import Facts, Mark, Member
from psram.index import data_code
from psram.model import Context, Finding, Outcome
from psram.privacy import Classification

_DURATION = re.compile(r"P(?=\d)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?")
_Map = dict[tuple[str, str], Classification]


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a property that nothing classifies, a category that is unknown, or a duration that is none."""
    path = str(params["map"])
    return outcome([*privacy.file_problems(facts, path), *_properties(facts, params, privacy.by_file(facts, path))])


def _properties(facts: Facts, params: Params, told: _Map) -> Iterator[Finding]:
    for file, php in data_code(facts):
        if not php.members or ignored(file.path, params):
            continue
        classes = {d.name: d.attributes for d in php.declarations}
        for member in php.members:
            problem = _problem(member, classes.get(member.owner, ()), told, params) if privacy.counted(member) else ""
            if problem:
                said = f"{member.owner.rpartition(chr(92))[2]}::${member.name} {problem}"
                yield Finding(said, file.path, member.line, excerpt=f"{member.owner}::{member.name}")


def _problem(member: Member, of_class: tuple[Mark, ...], told: _Map, params: Params) -> str:
    own = privacy.by_attribute(member.attributes, params) or told.get((member.owner, member.name))
    if own is not None:
        return _badly_said(own, params)
    word = privacy.telling(member.name, params["telling"])
    if word:
        return f"n'est pas classée, et « {word} » désigne le plus souvent une donnée personnelle"
    rest = privacy.by_attribute(of_class, params) or told.get((member.owner, "*"))
    if rest is None:
        return "n'est pas classée : donnée personnelle ou non ?"
    return _badly_said(rest, params)


def _badly_said(said: Classification, params: Params) -> str:
    if said.category == privacy.NONE:
        return "" if said.reason.strip() else "est dite sans donnée personnelle, mais sans raison"
    if said.category not in params["categories"]:
        return f"porte la catégorie « {said.category} » (admises : {', '.join(params['categories'])})"
    if not _DURATION.fullmatch(said.retention):
        return "n'a pas de durée de conservation (« P5Y » pour cinq ans)"
    return ""
