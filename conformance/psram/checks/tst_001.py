"""TST-001: tests were run on this very commit, and all passed."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Facts
from psram.model import Context, Finding, Outcome, TestSummary


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a failing, empty or mostly skipped run; unknown without a trusted report of this commit."""
    pipeline = context.evidence.pipeline
    if pipeline is None:
        return unknown("le rapport JUnit du pipeline de ce commit, que la forge fournit quand il est terminé")
    if pipeline.commit != facts.commit:
        return unknown(f"un pipeline de ce commit : celui fourni est du commit {pipeline.commit[:12]}")
    if pipeline.problem or not pipeline.trusted:
        return unknown(pipeline.problem or "un rapport lu par la plateforme elle-même sur la forge")
    if pipeline.tests is None:
        return unknown("le rapport JUnit du pipeline (artifacts:reports:junit du job « tests »)")
    return outcome(_problems(pipeline.tests, float(params["max_skipped_ratio"])))


def _problems(tests: TestSummary, max_skipped_ratio: float) -> Iterator[Finding]:
    if tests.tests - tests.skipped <= 0:
        yield Finding("aucun test n'a été exécuté")
        return
    broken = tests.failures + tests.errors
    if broken:
        names = ", ".join(tests.failed_names[:3])
        yield Finding(f"{broken} test(s) sur {tests.tests} en échec" + (f" : {names}" if names else ""))
    if tests.skipped > tests.tests * max_skipped_ratio:
        yield Finding(f"{tests.skipped} test(s) sur {tests.tests} ignorés, plus de {max_skipped_ratio:.0%}")
