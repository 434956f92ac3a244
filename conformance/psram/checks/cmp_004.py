"""CMP-004: PHP, the framework and the libraries are on branches that somebody maintains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from psram import versions
from psram.checks import Params
from psram.checks.cmp_005 import within_sources
from psram.checks.locked import at_package, day, named, unreadable
from psram.facts import Facts, LockedPackage
from psram.model import Context, Finding, NextDate, Outcome, Severity, Verdict

_PHP: Final = "php"
_LONG_AGO: Final = date(1970, 1, 1)


class _Branch(NamedTuple):
    """The support that a version has: the row of the table whose end is the furthest; ``None`` has no end yet."""

    product: str
    version: str
    ends: date | None
    maintainer: str
    rows: int


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated where maintenance has ended (blocking, but for development packages) or ends soon (majeure)."""
    missing = unreadable(facts)
    if missing is not None:
        return missing
    warn = timedelta(days=int(params["warn_days"]))
    found: list[Finding] = []
    dates: set[NextDate] = set()
    ended = False
    for package in _products(facts):
        branch = _branch(package, params, context)
        if branch is None:
            continue
        finding = _finding(package, branch, context.evaluated_on, warn)
        if finding is not None:
            found.append(finding)
            ended = ended or (not package.dev and _over(branch, context.evaluated_on))
        dates.update(_dates(package, branch, warn))
    verdict = Verdict.VIOLATED if found else Verdict.CONFORMING
    later = tuple(sorted(d for d in dates if d.on > context.evaluated_on))
    severity = Severity.BLOCKING if ended else None
    return Outcome(verdict, tuple(dict.fromkeys(found)), severity=severity, next_dates=later)


def _products(facts: Facts) -> Iterator[LockedPackage]:
    """PHP itself, then the locked packages."""
    platform = facts.composer.platform_php
    if platform:
        yield LockedPackage(_PHP, platform, line=facts.composer.lines.get("platform", 1))
    yield from facts.composer.packages


def _branch(package: LockedPackage, params: Params, context: Context) -> _Branch | None:
    """Its branch; ``None`` for what the table does not follow. A version in no row is on no maintained branch."""
    followed = [p for p in params["products"] if named(package.name, p["packages"], p.get("except", ()))]
    if not followed or not _numbers(package.version):
        return None  # not followed, or a branch of development, which CMP-006 refuses
    name = str(followed[0]["name"])
    rows = [row for row in followed[0]["branches"] if _matches(row, package, context)]
    if not rows:
        newest = max(followed[0]["branches"], key=lambda row: _numbers(str(row["branch"])))
        if _numbers(package.version) > _numbers(str(newest["branch"])):
            return None  # newer than the table: the table is what is late
        return _Branch(name, package.version, _LONG_AGO, "", 0)
    best = max(rows, key=lambda row: day(row["ends"]) or date.max)
    return _Branch(name, str(best["branch"]), day(best["ends"]), str(best["maintainer"]), len(rows))


def _matches(row: Mapping[str, Any], package: LockedPackage, context: Context) -> bool:
    """Whether the row speaks of that version; a distribution's row, of what the platform itself distributes only."""
    branch = str(row["branch"])
    distributed = row.get("kind") == "distribution"
    if distributed and package.name != _PHP and not within_sources(package.dist_url, context):
        return False
    if distributed and "version" in row:
        return package.version.removeprefix("v") == str(row["version"])
    return versions.allows(f"{branch}.*", package.version) is True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d{1,9}", version)[:2])


def _over(branch: _Branch, today: date) -> bool:
    return branch.ends is not None and today > branch.ends


def _finding(package: LockedPackage, branch: _Branch, today: date, warn: timedelta) -> Finding | None:
    kind = " (développement)" if package.dev else ""
    what = f"{branch.product} {package.version}{kind}"
    what = what if package.name == _PHP else f"{what} ({package.name})"
    if branch.ends is None or today <= branch.ends - warn:
        return None
    if not branch.rows:
        said = f"{what} : cette branche n'est plus maintenue par personne"
    elif today > branch.ends:
        said = f"{what} : maintenance de la branche {branch.version} terminée le {branch.ends} ({branch.maintainer})"
    else:
        said = f"{what} : la branche {branch.version} n'est maintenue que jusqu'au {branch.ends} ({branch.maintainer})"
    if package.name == _PHP:
        return Finding(said, "composer.json", package.line, excerpt=f"php {branch.version}")
    return at_package(package, said, branch.version)


def _dates(package: LockedPackage, branch: _Branch, warn: timedelta) -> Iterator[NextDate]:
    if branch.ends is None or not branch.rows:
        return
    what = f"{branch.product} {branch.version}"
    who = branch.maintainer
    yield NextDate(branch.ends - warn + timedelta(days=1), f"la maintenance de {what} finit le {branch.ends} ({who})")
    yield NextDate(branch.ends + timedelta(days=1), f"{what} n'est plus maintenu ({who})")
