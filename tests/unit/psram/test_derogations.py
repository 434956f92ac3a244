"""A derogation settles what it names, until its date, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from norms import CONTEXT, DAY, FACTS, answering, pack, rule, violated

from psram.judge import judge
from psram.model import Derogation, Outcome, Report, Verdict

END = DAY + timedelta(days=1)


def derogation(name: str = "drg-1", **fields: Any) -> Derogation:
    return msgspec.structs.replace(Derogation(name, "PHP-001", "en cours", "auditeur", END), **fields)


def judged(monkeypatch: pytest.MonkeyPatch, *derogations: Derogation, outcome: Outcome | None = None) -> Report:
    answering(monkeypatch, {"PHP-001": outcome or violated("a.php", "lib/b.php")})
    return judge(FACTS, pack(rule("PHP-001")), msgspec.structs.replace(CONTEXT, derogations=derogations))


def test_one_for_the_whole_rule_settles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    report = judged(monkeypatch, derogation())
    assert report.results[0].verdict is Verdict.DEROGATED
    assert report.results[0].findings_total == 2
    assert report.results[0].derogation == f"drg-1 (jusqu'au {END})"
    assert report.derogations_used == ("drg-1",)


@pytest.mark.parametrize(
    ("paths", "covers"),
    [
        pytest.param(("a.php", "lib/b.php"), True, id="both files"),
        pytest.param(("a.php", "lib/"), True, id="a file and a folder"),
        pytest.param(("a.php",), False, id="one of two"),
        pytest.param(("a.php", "lib"), False, id="a folder must end in a slash"),
        pytest.param(("a.php", "li/"), False, id="a beginning is not a folder"),
    ],
)
def test_paths_must_cover_every_finding(monkeypatch: pytest.MonkeyPatch, paths: tuple[str, ...], covers: bool) -> None:
    report = judged(monkeypatch, derogation(paths=paths))
    assert (report.results[0].verdict is Verdict.DEROGATED) is covers
    assert report.derogations_unused == (() if covers else ("drg-1",))


def test_two_narrow_ones_add_up_and_a_third_is_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = judged(monkeypatch).results[0].findings[1].fingerprint
    narrow = derogation("drg-1", paths=("a.php",)), derogation("drg-2", fingerprints=(fingerprint,))
    report = judged(monkeypatch, *narrow, derogation("drg-3", paths=("c.php",)))
    assert report.results[0].verdict is Verdict.DEROGATED
    assert (report.derogations_used, report.derogations_unused) == (("drg-1", "drg-2"), ("drg-3",))


def test_it_counts_the_day_before_its_end_and_not_on_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, derogation(expires_on=END)).results[0].verdict is Verdict.DEROGATED
    assert judged(monkeypatch, derogation(expires_on=DAY)).results[0].verdict is Verdict.VIOLATED
    assert judged(monkeypatch, derogation(expires_on=date(2020, 1, 1))).derogations_unused == ("drg-1",)


def test_a_narrow_one_does_not_settle_a_violation_without_place(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Outcome(Verdict.VIOLATED)
    assert judged(monkeypatch, derogation(paths=("a.php",)), outcome=bare).results[0].verdict is Verdict.VIOLATED


def test_an_undecided_rule_can_be_derogated_and_a_conforming_one_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Outcome(Verdict.UNKNOWN, missing_evidence="x")
    assert judged(monkeypatch, derogation(), outcome=unknown).results[0].verdict is Verdict.DEROGATED
    assert judged(monkeypatch, derogation(), outcome=Outcome(Verdict.CONFORMING)).derogations_unused == ("drg-1",)


def test_a_derogated_requirement_lets_its_dependants_be_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-001": violated(prevents=True), "SYM-002": violated()})
    norms = pack(rule("PHP-001"), rule("SYM-002", requires=["PHP-001"]))
    plain = judge(FACTS, norms, CONTEXT)
    assert plain.results[1].verdict is Verdict.NOT_EVALUATED
    assert "PHP-001" in plain.results[1].missing_evidence
    settled = judge(FACTS, norms, msgspec.structs.replace(CONTEXT, derogations=(derogation(),)))
    assert settled.results[1].verdict is Verdict.VIOLATED
