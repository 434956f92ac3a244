"""TST-001: tests were run on this very commit, and all passed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Facts
from psram.model import Context, Finding, Giver, Outcome, PipelineEvidence, Severity, TestSummary
from psram.wording import counted


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a failing, empty or mostly skipped run; unknown without a trusted report of this commit.

    A run that only shrunk is milder: going back to an earlier revision takes its later tests away too.
    """
    pipeline = context.evidence.pipeline
    accepted = context.evidence.accepted
    if pipeline is None or pipeline.tests is None or pipeline.commit != facts.commit or not pipeline.trusted:
        return unknown(_missing(facts, pipeline), giver=Giver.PIPELINE)
    problems = tuple(_problems(pipeline.tests, float(params["max_skipped_ratio"])))
    if problems or accepted is None:
        return outcome(problems)
    gone = tuple(_gone(pipeline.tests, accepted.tests))
    return msgspec.structs.replace(outcome(gone), milder=Severity.MAJOR if gone else None)


def _missing(facts: Facts, pipeline: PipelineEvidence | None) -> str:
    if pipeline is None:
        return "le rapport JUnit du pipeline de ce commit, que la forge fournit quand il est terminé"
    if pipeline.commit != facts.commit:
        return f"un pipeline de ce commit : celui fourni est du commit {pipeline.commit[:12]}"
    if not pipeline.trusted:
        return "un rapport lu par la plateforme elle-même sur la forge"
    return pipeline.problem or "le rapport JUnit du pipeline (artifacts:reports:junit du job « tests »)"


def _gone(tests: TestSummary, before: int | None) -> Iterator[Finding]:
    if before is not None and tests.tests < before:
        yield Finding(f"{counted(tests.tests, 'test')}, {before} au dernier commit accepté : des tests ont disparu")


def _problems(tests: TestSummary, max_skipped_ratio: float) -> Iterator[Finding]:
    if tests.tests - tests.skipped <= 0:
        yield Finding("aucun test n'a été exécuté")
        return
    broken = tests.failures + tests.errors
    if broken:
        names = ", ".join(tests.failed_names[:3])
        yield Finding(f"{counted(broken, 'test')} sur {tests.tests} en échec" + (f" : {names}" if names else ""))
    if tests.skipped > tests.tests * max_skipped_ratio:
        yield Finding(
            f"{counted(tests.skipped, 'test')} sur {tests.tests} non exécutés, plus de {max_skipped_ratio:.0%}"
        )
