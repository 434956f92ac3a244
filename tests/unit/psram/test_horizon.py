"""Until when a verdict holds without any code change: found on the day itself, never a day off."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from norms import COMMIT, CONFORMING, CONTEXT, DAY, FACTS, MAJOR, answering, pack, rule, violated

from psram import horizon
from psram.judge import judge
from psram.model import Context, Derogation, NextDate, Outcome, Report, ReportVerdict, Severity, Verdict
from psram.proofs import AdvisoryDatabase, Evidence, ForgeEvidence, PipelineEvidence, TestSummary
from psram.rules import Pack


def ends_on(day: date, *, before: Outcome = CONFORMING) -> object:
    """A check that conforms before a day, is violated from it, and says so."""

    def answer(context: Context) -> Outcome:
        if context.evaluated_on >= day:
            return violated("composer.lock")
        return msgspec.structs.replace(before, next_dates=(NextDate(day, "Symfony 5.4 n'est plus maintenu"),))

    return answer


def at(day: date, norms: Pack, context: Context = CONTEXT) -> Report:
    return judge(FACTS, norms, msgspec.structs.replace(context, evaluated_on=day))


def test_the_verdict_flips_on_the_announced_day_and_not_the_day_before(monkeypatch: pytest.MonkeyPatch) -> None:
    end = date(2026, 11, 30)
    answering(monkeypatch, {"CMP-004": ends_on(end), "PHP-001": CONFORMING})
    norms = pack(rule("CMP-004"), rule("PHP-001"))
    report = at(DAY, norms)
    assert report.verdict is ReportVerdict.CONFORMING
    assert report.horizon is not None
    assert (report.horizon.on, report.horizon.rules) == (end, ("CMP-004",))
    assert report.horizon.verdict is ReportVerdict.VIOLATED
    assert report.horizon.sentence == (
        "Conforme jusqu'au 2026-11-29 inclus, parce que le 2026-11-30 : CMP-004 : Symfony 5.4 n'est plus maintenu."
    )
    assert at(end - timedelta(days=1), norms).verdict is ReportVerdict.CONFORMING
    assert at(end, norms).verdict is ReportVerdict.VIOLATED


def test_a_rule_that_becomes_effective_ends_the_conformity(monkeypatch: pytest.MonkeyPatch) -> None:
    effective = DAY + timedelta(days=30)
    answering(monkeypatch, {"PHP-001": violated()})
    report = at(DAY, pack(rule("PHP-001", lifecycle={"since": "2026.1", "effective_on": effective})))
    assert report.verdict is ReportVerdict.CONFORMING
    assert report.horizon is not None
    assert report.horizon.on == effective
    assert "devient effective" in report.horizon.sentence


def test_an_expiring_derogation_ends_the_conformity(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-001": violated()})
    derogation = Derogation("drg-1", "PHP-001", "le temps de corriger", "auditeur", date(2026, 9, 1))
    report = at(DAY, pack(rule("PHP-001")), msgspec.structs.replace(CONTEXT, derogations=(derogation,)))
    assert report.horizon is not None
    assert report.horizon.on == date(2026, 9, 1)
    assert "la dérogation drg-1 expire" in report.horizon.sentence


def test_evidence_that_grows_too_old_makes_the_verdict_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"TST-001": CONFORMING})
    pipeline = PipelineEvidence(COMMIT, "success", TestSummary(1, 0, 0, 0), observed_on=DAY - timedelta(days=3))
    context = msgspec.structs.replace(CONTEXT, evidence=Evidence(pipeline=pipeline))
    norms = pack(rule("TST-001", evidence="P", needs=["tests"], lifetime={"days": 7}))
    report = at(DAY, norms, context)
    assert report.horizon is not None
    assert (report.horizon.on, report.horizon.verdict) == (DAY + timedelta(days=4), ReportVerdict.UNKNOWN)
    assert at(DAY + timedelta(days=3), norms, context).verdict is ReportVerdict.CONFORMING
    assert at(DAY + timedelta(days=4), norms, context).verdict is ReportVerdict.UNKNOWN


def test_what_the_platform_renews_by_itself_is_supposed_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every horizon would be the next refresh of the advisories, and say nothing of the application."""
    answering(monkeypatch, {"CMP-002": CONFORMING, "CMP-004": ends_on(date(2027, 5, 1))})
    evidence = Evidence(advisories=AdvisoryDatabase("sha256:0", DAY - timedelta(days=3)))
    context = msgspec.structs.replace(CONTEXT, evidence=evidence)
    norms = pack(rule("CMP-002", needs=["advisories"], lifetime={"days": 7}), rule("CMP-004"))
    report = at(DAY, norms, context)
    assert report.horizon is not None
    assert (report.horizon.on, report.horizon.rules) == (date(2027, 5, 1), ("CMP-004",))
    assert at(DAY + timedelta(days=4), norms, context).verdict is ReportVerdict.UNKNOWN


def test_a_day_that_changes_nothing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A majeure rule that breaks within what is tolerated flips nothing; the second one does."""
    answering(monkeypatch, {"CMP-004": ends_on(date(2026, 7, 1)), "PHP-002": ends_on(date(2026, 8, 1))})
    report = at(DAY, pack(rule("CMP-004", severity=MAJOR), rule("PHP-002", severity=MAJOR)))
    assert report.horizon is not None
    assert (report.horizon.on, report.horizon.rules) == (date(2026, 8, 1), ("CMP-004", "PHP-002"))


def test_a_day_announced_only_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Majeure ninety days before the end, bloquante at the end: the second day is announced on the first."""
    warned, ended = date(2026, 8, 1), date(2026, 10, 30)

    def answer(context: Context) -> Outcome:
        if context.evaluated_on >= ended:
            return msgspec.structs.replace(violated(), severity=Severity.BLOCKING)
        if context.evaluated_on >= warned:
            return msgspec.structs.replace(violated(), next_dates=(NextDate(ended, "fin de maintenance"),))
        return Outcome(Verdict.CONFORMING, next_dates=(NextDate(warned, "fin de maintenance proche"),))

    answering(monkeypatch, {"CMP-004": answer})
    report = at(DAY, pack(rule("CMP-004", severity=MAJOR)))
    assert report.horizon is not None
    assert report.horizon.on == ended


def test_a_rule_that_is_dropped_can_make_it_conforming(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = DAY + timedelta(days=10)
    answering(monkeypatch, {"PHP-001": violated()})
    report = at(DAY, pack(rule("PHP-001", lifecycle={"since": "2026.1", "deprecated_on": dropped})))
    assert report.horizon is not None
    assert report.horizon.sentence.startswith(f"Conforme à partir du {dropped}")


def test_without_any_date_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-001": CONFORMING})
    report = at(DAY, pack(rule("PHP-001")))
    assert report.horizon is not None
    assert report.horizon.on is None
    assert "Aucune date" in report.horizon.sentence


def test_only_checks_that_announced_a_day_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(context: Context) -> Outcome:
        asked.append(context.evaluated_on.isoformat())
        return CONFORMING

    answering(monkeypatch, {"CMP-004": ends_on(date(2027, 1, 1)), "PHP-001": counted})
    at(DAY, pack(rule("CMP-004"), rule("PHP-001")))
    assert asked == [DAY.isoformat()]


days = st.dates(DAY - timedelta(days=3), DAY + timedelta(days=12))


@given(
    ends=st.lists(days, min_size=1, max_size=4),
    effective=st.none() | days,
    derogated=st.none() | days,
    majors=st.integers(0, 4),
)
def test_no_day_before_the_horizon_blocks_otherwise_and_that_day_does(
    ends: list[date], effective: date | None, derogated: date | None, majors: int
) -> None:
    """The solver, which asks again only what announced a day, agrees with judging afresh on every single day."""
    with pytest.MonkeyPatch.context() as patched:
        answering(patched, {f"CMP-{n:03}": ends_on(end) for n, end in enumerate(ends)})
        rules = [
            rule(
                f"CMP-{n:03}",
                **({"severity": MAJOR} if n < majors else {}),
                lifecycle={"since": "1", "effective_on": effective if n == 0 else None},
            )
            for n in range(len(ends))
        ]
        norms = pack(*rules)
        drg = () if derogated is None else (Derogation("d", f"CMP-{len(ends) - 1:03}", "j", "a", derogated),)
        context = msgspec.structs.replace(CONTEXT, derogations=drg)
        report = at(DAY, norms, context)
        today = {r.rule_id for r in report.blocking()}
        fresh = [DAY + timedelta(days=n) for n in range(1, 14)]
        first = next((d for d in fresh if {r.rule_id for r in at(d, norms, context).blocking()} != today), None)
        assert report.horizon is not None
        assert report.horizon.on == first


def test_while_evidence_is_missing_it_speaks_of_what_could_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Outcome(Verdict.UNKNOWN, missing_evidence="le rapport JUnit")
    answering(monkeypatch, {"CMP-004": ends_on(date(2026, 11, 30)), "TST-001": missing})
    report = at(DAY, pack(rule("CMP-004"), rule("TST-001")))
    assert report.horizon is not None
    assert report.horizon.sentence.startswith("Ce qui a pu être vérifié reste conforme jusqu'au 2026-11-29 inclus")


def test_the_end_of_the_pack_is_the_last_day_that_it_speaks_of(monkeypatch: pytest.MonkeyPatch) -> None:
    end = date(2026, 9, 1)
    answering(monkeypatch, {"CMP-004": ends_on(date(2026, 11, 30))})
    report = at(DAY, pack(rule("CMP-004"), ends_on=end, replaced_by="psram-2027.1"))
    assert report.horizon is not None
    assert (report.horizon.on, report.horizon.verdict) == (end, ReportVerdict.UNKNOWN)
    assert "jusqu'au 2026-08-31 inclus" in report.horizon.sentence
    assert "remplacé par psram-2027.1" in report.horizon.sentence
    earlier = at(DAY, pack(rule("CMP-004"), ends_on=date(2026, 12, 1))).horizon
    assert earlier is not None
    assert earlier.rules == ("CMP-004",)


@pytest.mark.parametrize("day", [date.max, date.max - timedelta(days=1), date(1, 1, 1)])
def test_absurd_dates_are_survived(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    answering(monkeypatch, {"CMP-004": ends_on(date(2027, 5, 1)), "PHP-001": violated()})
    derogation = Derogation("d", "PHP-001", "j", "a", day)
    evidence = Evidence(advisories=AdvisoryDatabase("sha256:0", day), forge=ForgeEvidence(observed_on=day))
    context = msgspec.structs.replace(CONTEXT, derogations=(derogation,), evidence=evidence)
    report = at(DAY, pack(rule("CMP-004"), rule("PHP-001")), context)
    assert report.horizon is not None
    assert report.horizon.on == date(2027, 5, 1)
    assert at(day, pack(rule("CMP-004"), rule("PHP-001")), context).horizon is not None


def test_the_search_is_bounded_and_says_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-001": CONFORMING})
    days = [DAY + timedelta(days=n) for n in range(1, horizon.MAX_DAYS + 10)]
    many = tuple(Derogation(f"d{n}", "PHP-001", "j", "a", day) for n, day in enumerate(days))
    report = at(DAY, pack(rule("PHP-001")), msgspec.structs.replace(CONTEXT, derogations=many))
    assert report.horizon is not None
    assert report.horizon.on is None
    assert f"avant le {days[horizon.MAX_DAYS]}" in report.horizon.sentence
