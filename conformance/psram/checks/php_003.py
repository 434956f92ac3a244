"""PHP-003: phpcs finds little to say about the style of the code. The report is the pipeline's."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.checks.quality import reported
from psram.facts import Facts
from psram.model import Context, Finding, Outcome
from psram.roles import Role, roles
from psram.wording import counted


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by more errors a hundred PHP files than the pack tolerates."""
    report = context.evidence.report("phpcs")
    files = sum(1 for f in facts.files if Role.PHP in roles(f.path) and f.skipped is None)
    if report is None or not files:
        return unknown("le rapport phpcs du pipeline de ce commit")
    errors = int(report.totals.get("errors", 0))
    tolerated = files * float(params["errors_per_100_files"]) / 100
    if errors <= tolerated:
        return outcome([])
    said = f"{counted(errors, 'erreur de style', 'erreurs de style')} dans {counted(files, 'fichier')} PHP"
    said += f" ; au plus {int(tolerated)}"
    return outcome([Finding(said, excerpt="mesure"), *reported(facts, report)])
