"""CMP-002: no locked version is known to be vulnerable, by a database that is not outdated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from psram import versions
from psram.checks import Params
from psram.checks.cmp_005 import within_sources
from psram.checks.common import outcome, unknown
from psram.checks.locked import at_package, unreadable
from psram.facts import Facts, LockedPackage
from psram.model import Advisory, AdvisoryDatabase, Context, Finding, Giver, Outcome, Severity

_BELOW: Final = re.compile(r"(?:^|[\s,])<\s*(\d[\w.-]*)\s*$")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a version that an advisory affects; unknown when the database is damaged, too old or silent on it."""
    missing = unreadable(facts)
    if missing is not None:
        return missing
    database = context.evidence.advisories
    if database is None or database.problem:
        said = "la base d'avis de sécurité, que la plateforme tient à jour" if database is None else database.problem
        return unknown(said, giver=Giver.PLATFORM, confirm=True)
    age = (context.evaluated_on - database.dated).days
    note = _note(database, age, int(params["stale_days"]))
    found, minor, doubts = _sorted(facts, database, context)
    if found:
        return msgspec.structs.replace(outcome([*found, *minor]), note=note)
    if age > int(params["refused_days"]):
        return unknown(f"une base d'avis plus récente : {note}", giver=Giver.PLATFORM, confirm=True)
    if doubts:
        return unknown("une version que l'on puisse comparer aux avis publiés", doubts)
    return msgspec.structs.replace(outcome(minor), milder=Severity.MAJOR if minor else None, note=note)


def _note(database: AdvisoryDatabase, age: int, stale_days: int) -> str:
    """What the reader must know of the database: said only where it is older than it should be."""
    if age <= stale_days:
        return ""
    return f"la base d'avis de sécurité fournie date du {database.dated}, il y a {age} jours"


def _sorted(
    facts: Facts, database: AdvisoryDatabase, context: Context
) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Findings of hosted packages, of development ones, and packages whose version cannot be compared."""
    found: list[Finding] = []
    minor: list[Finding] = []
    doubts: list[Finding] = []
    for package, advisory in _concerned(facts, database):
        answers = [versions.allows(constraint, package.version) for constraint in advisory.affected]
        if _corrected(package, advisory, context):
            continue
        if True in answers:
            (minor if package.dev else found).append(_finding(package, advisory))
        elif None in answers:
            said = f"{package.name} {package.version} : version impossible à comparer à l'avis {advisory.id}"
            doubts.append(at_package(package, said, advisory.id))
    return found, minor, doubts


def _concerned(facts: Facts, database: AdvisoryDatabase) -> Iterator[tuple[LockedPackage, Advisory]]:
    for package in facts.composer.packages:
        for advisory in database.entries:
            if advisory.package == package.name:
                yield package, advisory


def _corrected(package: LockedPackage, advisory: Advisory, context: Context) -> bool:
    """Whether the platform's own package of that very version holds the fix; another source's does not."""
    return advisory.corrected_in == package.version and within_sources(package.dist_url, context)


def _finding(package: LockedPackage, advisory: Advisory) -> Finding:
    kind = " (développement)" if package.dev else ""
    title = f" « {advisory.title} »" if advisory.title else ""
    said = f"{package.name} {package.version}{kind} : {advisory.id}{title}, {_way_out(package, advisory)}"
    return at_package(package, said, advisory.id)


def _way_out(package: LockedPackage, advisory: Advisory) -> str:
    """The first version that is not affected any more, where the advisory's own bound tells it."""
    touching = [c for c in advisory.affected if versions.allows(c, package.version)]
    bound = _BELOW.search(touching[0])
    return f"corrigée en {bound[1]}" if bound else f"versions touchées : {' ou '.join(touching)[:120]}"
