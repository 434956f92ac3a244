"""Which pack applies on which day, at the boundaries."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from norms import CONTEXT, DAY, FACTS, answering, pack, rule, violated

from psram import packs
from psram.judge import judge
from psram.model import Verdict
from psram.timeline import Phase, applying, phase, required

START, OVERLAP, END = date(2026, 1, 1), date(2027, 1, 1), date(2027, 2, 15)
OLD = pack(name="psram-2026.1", version="2026.1.0", sealed=True, effective_on=START, deprecated_on=OVERLAP, ends_on=END)
NEW = pack(name="psram-2027.1", version="2027.1.0", sealed=True, effective_on=OVERLAP)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (START - timedelta(days=1), Phase.STABLE),
        (START, Phase.EFFECTIVE),
        (OVERLAP - timedelta(days=1), Phase.EFFECTIVE),
        (OVERLAP, Phase.DEPRECATED),
        (END - timedelta(days=1), Phase.DEPRECATED),
        (END, Phase.ENDED),
    ],
)
def test_a_pack_goes_through_its_phases_on_their_first_day(day: date, expected: Phase) -> None:
    assert phase(OLD, day) is expected


def test_a_pack_without_published_digest_is_a_draft_whatever_its_dates() -> None:
    assert phase(msgspec.structs.replace(OLD, sealed=False), DAY) is Phase.DRAFT
    assert applying([msgspec.structs.replace(OLD, sealed=False)], DAY) == ()


@pytest.mark.parametrize(
    ("day", "names", "newest"),
    [
        (START - timedelta(days=1), [], None),
        (START, ["psram-2026.1"], "psram-2026.1"),
        (OVERLAP - timedelta(days=1), ["psram-2026.1"], "psram-2026.1"),
        (OVERLAP, ["psram-2027.1", "psram-2026.1"], "psram-2027.1"),
        (END - timedelta(days=1), ["psram-2027.1", "psram-2026.1"], "psram-2027.1"),
        (END, ["psram-2027.1"], "psram-2027.1"),
    ],
)
def test_two_packs_overlap_and_the_newest_judges_new_revisions(day: date, names: list[str], newest: str | None) -> None:
    assert [p.name for p in applying([OLD, NEW], day)] == names
    found = required([NEW, OLD], day)
    assert (found.name if found else None) == newest


LIFE: dict[str, Any] = {
    "since": "2026.1",
    "effective_on": DAY + timedelta(days=10),
    "warned_on": DAY + timedelta(days=20),
    "deprecated_on": DAY + timedelta(days=30),
    "replaced_by": "PHP-011",
}


@pytest.mark.parametrize(
    ("after", "verdict", "blocks", "said"),
    [
        (9, Verdict.VIOLATED, False, "bloquera à partir du 2026-06-11"),
        (10, Verdict.VIOLATED, True, ""),
        (19, Verdict.VIOLATED, True, ""),
        (20, Verdict.VIOLATED, True, "retirée le 2026-07-01, remplacée par PHP-011"),
        (29, Verdict.VIOLATED, True, "retirée le 2026-07-01, remplacée par PHP-011"),
        (30, Verdict.NOT_APPLICABLE, False, ""),
    ],
)
def test_a_rule_counts_from_its_day_is_announced_to_end_and_ends(
    monkeypatch: pytest.MonkeyPatch, after: int, verdict: Verdict, blocks: bool, said: str
) -> None:
    answering(monkeypatch, {"PHP-001": violated()})
    context = msgspec.structs.replace(CONTEXT, evaluated_on=DAY + timedelta(days=after))
    found = judge(FACTS, pack(rule("PHP-001", lifecycle=LIFE)), context).results[0]
    assert (found.verdict, found.blocks) == (verdict, blocks)
    assert said in found.reason
    assert bool(said) == bool(found.reason)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (START - timedelta(days=1), "prend effet le 2026-01-01 : ce verdict ne compte pas encore"),
        (START, ""),
        (OVERLAP - timedelta(days=1), ""),
        (OVERLAP, "prend fin le 2027-02-15, remplacé par psram-2027.1"),
        (END, "n'a plus cours depuis le 2027-02-15, remplacé par psram-2027.1"),
    ],
)
def test_a_report_says_when_its_pack_is_not_simply_in_force(day: date, said: str) -> None:
    replaced = msgspec.structs.replace(OLD, replaced_by="psram-2027.1")
    report = judge(FACTS, replaced, msgspec.structs.replace(CONTEXT, evaluated_on=day))
    assert said in report.pack_notice
    assert bool(said) == bool(report.pack_notice)
    draft = judge(FACTS, msgspec.structs.replace(OLD, sealed=False), CONTEXT)
    assert draft.pack_notice == "Le pack psram-2026.1 est un brouillon : ses règles peuvent encore changer."


def test_the_pack_that_judges_is_the_newest_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {p.name: p for p in (OLD, NEW)}
    monkeypatch.setattr(packs, "available", lambda: tuple(known))
    monkeypatch.setattr(packs, "load", known.__getitem__)
    assert packs.current(START) == "psram-2026.1"
    assert packs.current(OVERLAP) == "psram-2027.1"
    assert packs.current(START - timedelta(days=1)) == packs.DEFAULT
