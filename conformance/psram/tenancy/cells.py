"""What each cell of the matrix says, from the same analysis as the rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from psram.tenancy.access import Danger, Site
from psram.tenancy.analysis import Analysis
from psram.tenancy.entities import Entity
from psram.tenancy.guards import evidence, problems
from psram.tenancy.report import Cell, CellVerdict, Column, Proof, ProofKind
from psram.tenancy.schema import Place, Table
from psram.tenancy.trials import Run, Runs, Trial
from psram.wording import counted

MAX_PROOFS: Final = 5
_OK, _NO, _UNKNOWN, _NONE = (
    CellVerdict.CONFORMING,
    CellVerdict.VIOLATED,
    CellVerdict.UNKNOWN,
    CellVerdict.NOT_APPLICABLE,
)


def cell(column: Column, verdict: CellVerdict, said: str, proofs: Iterable[Proof] = ()) -> Cell:
    """A cell whose proofs are bounded."""
    listed = tuple(proofs)
    return Cell(column, verdict, said, listed[:MAX_PROOFS], len(listed))


def migration(place: Place) -> Proof:
    """A migration's statement as a proof."""
    return Proof(ProofKind.MIGRATION, place.shown, place.path, place.line)


def column(analysis: Analysis, entity: Entity, table: Table | None) -> Cell:
    """Whether the entity and its table carry the organisation."""
    words = analysis.words
    declared = Proof(ProofKind.SOURCE, f"class {entity.short}", entity.file.path, entity.declaration.line)
    if not analysis.is_scoped(entity):
        return cell(Column.COLUMN, _NO, "ni « use TenantScoped; » ni #[SharedEntity]", [declared])
    if table is None:
        return cell(Column.COLUMN, _NO, f"aucune migration ne crée « {analysis.tables_of(entity)[0]} »", [declared])
    if not analysis.schema.tenant(table.name):
        return cell(
            Column.COLUMN, _NO, f"la colonne {words.column} manque à « {table.name} »", [migration(table.place)]
        )
    return cell(Column.COLUMN, _OK, words.column, [declared, migration(table.column_place or table.place)])


def filtered(analysis: Analysis, entity: Entity) -> Cell:
    """Whether the kit's filter adds the organisation to the entity's queries."""
    if not analysis.is_scoped(entity):
        return cell(Column.FILTER, _NO, "le filtre ne couvre que les entités TenantScoped")
    if analysis.switches:
        return cell(Column.FILTER, _NO, analysis.switches[0].said, map(query, analysis.switches))
    if analysis.bundle is None:
        return cell(Column.FILTER, _NO, "le Starter Kit n'est pas activé dans config/bundles.php")
    file, mark = analysis.bundle
    return cell(
        Column.FILTER, _OK, "activé par le Starter Kit", [Proof(ProofKind.SOURCE, mark.name, file.path, mark.line)]
    )


def policy(analysis: Analysis, name: str, table: Table | None) -> Cell:
    """Whether PostgreSQL itself limits the table's rows."""
    if table is None:
        return cell(Column.POLICY, _NO, f"aucune migration ne crée « {name} »")
    found = list(problems(table, analysis.words, tenant=analysis.schema.tenant(table.name)))
    proofs = [migration(place) for place in evidence(table)]
    if found:
        return cell(Column.POLICY, _NO, " ; ".join(found), proofs or [migration(table.place)])
    if analysis.schema.doubts:
        first = analysis.schema.doubts[0]
        return cell(Column.POLICY, _UNKNOWN, f"{first.place.path} : {first.text}", [migration(first.place)])
    return cell(Column.POLICY, _OK, "activée, forcée, limitée à l'organisme courant", proofs)


def tested(trials: list[Trial], runs: Runs, what: str) -> Cell:
    """Whether an isolation test of ``what`` passed on this commit."""
    if not trials:
        return cell(Column.TEST, _NO, f"aucun test d'isolation ne nomme {what}")
    proofs = [Proof(ProofKind.SOURCE, t.case, t.file.path, t.method.line) for t in trials]
    outcomes = [runs.of(t) for t in trials]
    passed = [p for p, run in zip(proofs, outcomes, strict=True) if run is Run.PASSED]
    if passed:
        shown = [Proof(ProofKind.JUNIT, p.said, p.path, p.line) for p in passed]
        said = counted(len(passed), "test d'isolation réussi", "tests d'isolation réussis")
        return cell(Column.TEST, _OK, f"{said} sur ce commit", shown)
    if Run.FAILED in outcomes:
        return cell(Column.TEST, _NO, "le test d'isolation échoue sur ce commit", proofs)
    if Run.UNTOLD in outcomes:
        return cell(Column.TEST, _UNKNOWN, "test présent ; le pipeline de ce commit ne l'a pas encore confirmé", proofs)
    return cell(Column.TEST, _NO, "le test d'isolation n'a rien vérifié sur ce commit (absent, ignoré ou vide)", proofs)


def native(analysis: Analysis, tables: Iterable[str], runs: Runs) -> Cell:
    """Whether every query on these tables is limited, then proven by a test or justified."""
    return queries(analysis.sites_of(tables), analysis, runs)


def queries(sites: list[Site], analysis: Analysis, runs: Runs) -> Cell:
    """The cell of these places."""
    if not sites:
        return cell(Column.NATIVE_SQL, _NONE, "aucune requête hors de Doctrine")
    leaks = [s for s in sites if s.danger in (Danger.LEAK, Danger.SWITCH)]
    if leaks:
        return cell(Column.NATIVE_SQL, _NO, f"peut fuir : {leaks[0].query}", map(query, leaks))
    open_sites = [(s, proven(s, analysis, runs)) for s in sites]
    missing = [s for s, run in open_sites if run not in (Run.PASSED, Run.UNTOLD)]
    if missing:
        return cell(Column.NATIVE_SQL, _NO, f"ni test ni raison : {missing[0].query}", map(query, missing))
    waiting = [s for s, run in open_sites if run is Run.UNTOLD]
    if waiting:
        return cell(
            Column.NATIVE_SQL, _UNKNOWN, "test présent ; pas encore confirmé par le pipeline", map(query, waiting)
        )
    justified = sum(bool(s.site.reason) for s in sites)
    tested = counted(len(sites) - justified, "testée")
    said = f"{counted(len(sites), 'requête')}, {tested}, {counted(justified, 'justifiée')}"
    return cell(Column.NATIVE_SQL, _OK, said, map(query, sites))


def proven(site: Site, analysis: Analysis, runs: Runs) -> Run:
    """Whether a comment justifies the place, else what the pipeline says of the isolation tests that name its class."""
    if site.site.reason:
        return Run.PASSED
    owner = site.site.symbol.partition("::")[0].lower()
    outcomes = {runs.of(t) for t in analysis.trials_of(owner)} if owner else set()
    order = (Run.PASSED, Run.UNTOLD, Run.FAILED, Run.SKIPPED, Run.ABSENT)
    return next((run for run in order if run in outcomes), Run.ABSENT)


def query(site: Site) -> Proof:
    """A place of the code as a proof: what it sends, and the reason given for it."""
    reason = f" (justifié : {site.site.reason})" if site.site.reason else ""
    return Proof(ProofKind.QUERY, f"{site.query}{reason}", site.file.path, site.site.line)
