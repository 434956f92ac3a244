"""PHP-008: PHPStan agrees, at the level asked for, and what it is told to ignore does not grow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import data, outcome, unknown
from psram.checks.quality import reported
from psram.facts import Facts
from psram.model import Context, Finding, Outcome

_LEVEL = "parameters.level"
_IGNORED = re.compile(r"parameters\.ignoreErrors\[\d+\]")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an error of the report, a level below the pack's, or more ignored errors than accepted before."""
    report = context.evidence.report("phpstan")
    if report is None:
        return unknown("le rapport PHPStan du pipeline de ce commit")
    errors = int(report.totals.get("errors", 0))
    found = [*_level(facts, params), *_ignored(facts, context)]
    if errors:
        found += [Finding(f"PHPStan signale {errors} erreur(s)"), *reported(facts, report)]
    return outcome(found)


def _level(facts: Facts, params: Params) -> Iterator[Finding]:
    wanted = int(params["min_level"])
    for name in params["settings"]:
        for file, content in data(facts, name):
            if file.path != name:
                continue
            level = next((e for e in content.entries if e.path == _LEVEL), None)
            if level is None:
                yield Finding("le niveau de PHPStan n'est pas fixé (parameters.level)", name, 1)
            elif level.value != "max" and not (level.value.isdecimal() and int(level.value[:3]) >= wanted):
                yield Finding(f"PHPStan au niveau {level.value} ; il en faut {wanted} au moins", name, level.line)
            return
    yield Finding(f"aucun réglage de PHPStan ({', '.join(params['settings'][:2])}) dans le dépôt")


def ignored_errors(facts: Facts) -> int:
    """How many errors PHPStan's settings tell it to ignore, counts included."""
    total = 0
    for _file, content in data(facts, "", ".neon", ".neon.dist"):
        times: dict[str, int] = {}
        for entry in content.entries:
            item = _IGNORED.match(entry.path)
            if item is not None:
                counted = entry.path == f"{item[0]}.count" and entry.value.isdecimal()
                times[item[0]] = int(entry.value[:9]) if counted else times.get(item[0], 1)
        total += sum(times.values())
    return total


def _ignored(facts: Facts, context: Context) -> Iterator[Finding]:
    accepted = context.evidence.accepted
    if accepted is None or accepted.baseline is None:
        return
    now = ignored_errors(facts)
    if now > accepted.baseline:
        yield Finding(f"{now} erreurs ignorées par PHPStan, {accepted.baseline} au dernier commit accepté")
