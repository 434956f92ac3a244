"""PHP-008: PHPStan agrees, at the level asked for, and what it is told to ignore does not grow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import data, outcome, unknown
from psram.checks.quality import reported
from psram.facts import Facts
from psram.model import Context, Finding, Giver, Outcome
from psram.proofs import QualityReport
from psram.wording import counted

_LEVEL = "parameters.level"
_IGNORED = re.compile(r"parameters\.ignoreErrors\[\d+\]")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an error of the report, a level below the pack's, or more ignored errors than accepted before."""
    report = context.evidence.report("phpstan")
    if report is None:
        return unknown("le rapport PHPStan du pipeline de ce commit", giver=Giver.PIPELINE)
    errors = int(report.totals.get("errors", 0))
    found = [Finding(f"PHPStan signale {counted(errors, 'erreur')}"), *reported(facts, report)] if errors else []
    level = _level(facts, report, params)
    found += [*_below(level, int(params["min_level"])), *_ignored(facts, context)]
    if found or level is not None:
        return outcome(found)
    return unknown(f"le niveau de PHPStan : écrivez parameters.level dans {params['settings'][1]}")


def _level(facts: Facts, report: QualityReport, params: Params) -> tuple[str, str, int] | None:
    """The level (empty when the settings say none) and where it is said; ``None`` when nothing says it."""
    for name in params["settings"]:
        for file, content in data(facts, name):
            if file.path == name:
                said = next((e for e in content.entries if e.path == _LEVEL), None)
                return ("", name, 1) if said is None else (said.value, name, said.line)
    told = report.totals.get("level")
    return None if told is None else (str(int(told)), "", 0)


def _below(level: tuple[str, str, int] | None, wanted: int) -> Iterator[Finding]:
    if level is None:
        return
    value, path, line = level
    if not value:
        yield Finding("le niveau de PHPStan n'est pas fixé (parameters.level)", path, line)
    elif value != "max" and not (value.isdecimal() and int(value[:3]) >= wanted):
        yield Finding(f"PHPStan au niveau {value[:20]} ; il en faut {wanted} au moins", path, line)


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
