"""Evidence has a floor, a commit and a lifetime: what does not suffice leaves a rule undecided, and says who helps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from norms import COMMIT, CONFORMING, CONTEXT, DAY, FACTS, answering, pack, rule

from psram.judge import judge
from psram.model import RuleResult, Verdict
from psram.proofs import (
    AdvisoryDatabase,
    Declaration,
    Evidence,
    ForgeEvidence,
    Giver,
    PipelineEvidence,
    QualityReport,
    TestSummary,
)

GREEN = TestSummary(tests=3, failures=0, errors=0, skipped=0)
PIPELINE = PipelineEvidence(COMMIT, "success", GREEN)
PHPSTAN = QualityReport("phpstan", COMMIT)
FULL = Evidence(
    pipeline=PIPELINE,
    declaration=Declaration("essai", observed_on=DAY),
    forge=ForgeEvidence("g/essai", 1, observed_on=DAY),
    quality=(PHPSTAN, QualityReport("phpcs", COMMIT), QualityReport("cobertura", COMMIT)),
    advisories=AdvisoryDatabase("sha256:0", DAY),
)
CLASSES = {
    "pipeline": "O",
    "tests": "P",
    "declaration": "D",
    "forge": "O",
    "advisories": "O",
    "phpcs": "P",
    "phpstan": "P",
    "cobertura": "P",
}


def result(monkeypatch: pytest.MonkeyPatch, source: str, given: Evidence, /, **fields: Any) -> RuleResult:
    answering(monkeypatch, {"PIP-001": CONFORMING})
    asked = rule("PIP-001", **{"evidence": CLASSES[source], "needs": [source], **fields})
    return judge(FACTS, pack(asked), msgspec.structs.replace(CONTEXT, evidence=given)).results[0]


@pytest.mark.parametrize("source", CLASSES)
def test_evidence_that_suffices_lets_the_check_answer(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    assert result(monkeypatch, source, FULL).verdict is Verdict.CONFORMING


@pytest.mark.parametrize("source", CLASSES)
def test_absent_evidence_is_undecided_refuses_and_says_who_gives_it(
    monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    found = result(monkeypatch, source, Evidence())
    assert found.verdict is Verdict.UNKNOWN
    assert found.blocks
    assert found.missing_evidence
    assert found.giver in ("pipeline", "plateforme")


def test_the_sentence_says_what_is_missing_and_who_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {})
    asked = rule("TST-001", evidence="P", needs=["tests"])
    said = judge(FACTS, pack(asked), CONTEXT).sentence
    assert "rapport JUnit" in said
    assert "à fournir par : pipeline" in said


@pytest.mark.parametrize(
    ("source", "changes", "giver"),
    [
        pytest.param("pipeline", {"pipeline": PipelineEvidence("2" * 40, "success")}, Giver.PIPELINE, id="pipeline"),
        pytest.param("tests", {"pipeline": PipelineEvidence("2" * 40, "success", GREEN)}, Giver.PIPELINE, id="tests"),
        pytest.param("phpstan", {"quality": (QualityReport("phpstan", ""),)}, Giver.PIPELINE, id="phpstan"),
    ],
)
def test_evidence_of_another_commit_is_none(
    monkeypatch: pytest.MonkeyPatch, source: str, changes: dict[str, Any], giver: Giver
) -> None:
    found = result(monkeypatch, source, msgspec.structs.replace(FULL, **changes))
    assert (found.verdict, found.giver) == (Verdict.UNKNOWN, giver.value)
    assert "est du commit" in found.missing_evidence


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        pytest.param("pipeline", {"pipeline": PipelineEvidence(COMMIT, "success", trusted=False)}, id="pipeline"),
        pytest.param("tests", {"pipeline": PipelineEvidence(COMMIT, "success", GREEN, trusted=False)}, id="tests"),
        pytest.param("phpcs", {"quality": (QualityReport("phpcs", COMMIT, trusted=False),)}, id="phpcs"),
    ],
)
def test_a_report_that_somebody_handed_over_is_below_the_floor(
    monkeypatch: pytest.MonkeyPatch, source: str, changes: dict[str, Any]
) -> None:
    found = result(monkeypatch, source, msgspec.structs.replace(FULL, **changes))
    assert (found.verdict, found.giver) == (Verdict.UNKNOWN, "plateforme")
    lower = result(monkeypatch, source, msgspec.structs.replace(FULL, **changes), evidence="D")
    assert lower.verdict is Verdict.CONFORMING


def test_a_declaration_does_not_replace_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    assert result(monkeypatch, "declaration", FULL, evidence="S").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("age", "verdict"), [(6, Verdict.CONFORMING), (7, Verdict.UNKNOWN), (400, Verdict.UNKNOWN)])
def test_outdated_evidence_is_undecided_from_its_very_day(
    monkeypatch: pytest.MonkeyPatch, age: int, verdict: Verdict
) -> None:
    evidence = Evidence(advisories=AdvisoryDatabase("sha256:0", DAY - timedelta(days=age)))
    found = result(monkeypatch, "advisories", evidence, lifetime={"days": 7})
    assert found.verdict is verdict
    if verdict is Verdict.UNKNOWN:
        assert str(DAY - timedelta(days=age)) in found.missing_evidence
        assert found.giver == "plateforme"


def test_a_problem_while_reading_evidence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Evidence(forge=ForgeEvidence(problem="la forge a répondu 403", observed_on=date(2026, 6, 1)))
    assert result(monkeypatch, "forge", broken).missing_evidence == "la forge a répondu 403"


def test_what_only_the_platform_lacks_here_is_to_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    assert result(monkeypatch, "declaration", Evidence()).to_confirm
    assert not result(monkeypatch, "tests", Evidence()).to_confirm


def test_evidence_of_unknown_age_is_not_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    found = result(monkeypatch, "forge", Evidence(forge=ForgeEvidence("g/essai")), lifetime={"days": 7})
    assert found.verdict is Verdict.UNKNOWN
    assert "n'est pas connue" in found.missing_evidence
