"""MTN-004: each scoped entity has an isolation test that passes; queries beside Doctrine are tested or justified.

Tests are seen in the repository; that they passed on this commit is what the pipeline's JUnit report says.
"""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Facts
from psram.model import Context, Finding, Giver, Outcome
from psram.tenancy import cells, vocabulary
from psram.tenancy.analysis import Analysis, of
from psram.tenancy.matrix import tests_of
from psram.tenancy.report import Cell, CellVerdict
from psram.tenancy.trials import Run, Runs

_FEW = 3


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an entity that no passing isolation test names, or a query neither tested nor justified."""
    analysis = of(facts, vocabulary.of(params))
    tests = tests_of(facts, context)
    runs = Runs(tests)
    answers = [*_entities(analysis, runs), *_queries(analysis, runs)]
    missing = [finding for verdict, finding in answers if verdict is CellVerdict.VIOLATED]
    waiting = [finding for verdict, finding in answers if verdict is CellVerdict.UNKNOWN]
    if not analysis.scoped and any(analysis.undeclared()) and not missing:
        said = "des entités déclarées cloisonnées ou partagées (MTN-002) : sans elles, rien n'est à éprouver"
        return unknown(said, waiting, giver=Giver.DEVELOPER)
    if tests is None and (answers or analysis.scoped):
        said = "le rapport JUnit du pipeline de ce commit (artifacts:reports:junit du job « tests »)"
        return unknown(said, missing, giver=Giver.PIPELINE)
    if not missing and waiting:
        return unknown("un rapport JUnit qui nomme chaque cas : celui du pipeline ne dit rien de ces tests", waiting)
    return outcome(missing)


def _entities(analysis: Analysis, runs: Runs) -> Iterator[tuple[CellVerdict, Finding]]:
    for entity in analysis.scoped:
        tables = analysis.tables_of(entity)
        trials = analysis.trials_of(entity.declaration.name, *tables)
        answer: Cell = cells.tested(trials, runs, f"{entity.short} ni sa table « {tables[0]} »")
        if answer.verdict is not CellVerdict.CONFORMING:
            yield answer.verdict, Finding(f"{entity.short} : {answer.said}", entity.file.path, entity.declaration.line)


def _queries(analysis: Analysis, runs: Runs) -> Iterator[tuple[CellVerdict, Finding]]:
    """One finding a file and kind of query: an application full of them is told where they are, not each one."""
    grouped: dict[tuple[CellVerdict, str, str], list[tuple[int, str]]] = {}
    for site in analysis.sites:
        run = cells.proven(site, analysis, runs)
        if site.to_prove and run is not Run.PASSED:
            verdict = CellVerdict.UNKNOWN if run is Run.UNTOLD else CellVerdict.VIOLATED
            grouped.setdefault((verdict, site.file.path, site.said), []).append((site.site.line, site.site.excerpt))
    for (verdict, path, said), places in sorted(grouped.items()):
        line, excerpt = places[0]
        more = f" (aussi lignes {', '.join(str(n) for n, _e in places[1:_FEW])}…)" if len(places) > 1 else ""
        count = f", {len(places)} fois{more}" if len(places) > 1 else ""
        yield verdict, Finding(f"{said}{count} : ni test d'isolation ni raison", path, line, excerpt=excerpt)
