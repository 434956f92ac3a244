"""A rehearsal compares two packs on the same facts: who is newly refused, by which rule, in which organisation."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from amcloud.cli import rehearsal, rehearsal_text
from amcloud.cli.rehearsal import Change, Known, Line
from psram import packs
from psram.collect.memory import collect_files
from psram.model import Context, Stage, Track, Verdict
from psram.rules import Pack, Severity

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
PACK = packs.load()
LOOSE = {"src/A.php": b"<?php\n\nnamespace App;\n\nfinal class A\n{\n}\n"}


def graver(*ids: str, name: str = "psram-2027.1") -> Pack:
    """Only these rules block."""
    return with_severity(
        PACK, {rule.id: Severity.BLOCKING if rule.id in ids else Severity.INFO for rule in PACK.rules}, name
    )


def with_severity(pack: Pack, severities: dict[str, Severity], name: str) -> Pack:
    def changed(rule: Any) -> Any:
        severity = {"labellisation": severities[rule.id], "homologation": severities[rule.id]}
        return msgspec.structs.replace(rule, severity=severity, requires=(), graver=())

    return msgspec.structs.replace(pack, name=name, rules=tuple(changed(rule) for rule in pack.rules))


def known(files: dict[str, bytes], name: str = "cpam-exemple/app", organisation: str = "cpam-exemple") -> Known:
    return Known(name, organisation, collect_files(files, commit="1" * 40), CONTEXT)


@pytest.mark.parametrize(
    ("before", "after", "change", "fresh"),
    [
        ((), (), Change.SAME, ()),
        ((), ("PHP-004",), Change.REFUSED, ("PHP-004",)),
        (("PHP-004",), ("PHP-004",), Change.SAME, ()),
        (("PHP-004",), (), Change.ACCEPTED, ()),
        (("PHP-004",), ("PHP-004", "CMP-001"), Change.HARDER, ("CMP-001",)),
        ((), ("PHP-007",), Change.SAME, ()),
    ],
)
def test_what_changes_for_one_application(
    before: tuple[str, ...], after: tuple[str, ...], change: Change, fresh: tuple[str, ...]
) -> None:
    line = rehearsal.line(known(LOOSE), graver(*after), graver(*before, name="psram-2026.1"))
    assert line.change is change
    assert tuple(rule.rule for rule in line.rules) == fresh


def test_an_application_that_stays_refused_says_what_is_newly_blocking_and_what_is_lifted() -> None:
    before = graver("PHP-004", "CMP-001", name="psram-2026.1")
    both = rehearsal.line(known(LOOSE), graver("CMP-001", "CMP-003"), before)
    assert (both.change, [rule.rule for rule in both.rules], both.lifted) == (Change.SAME, [], ("PHP-004",))
    said = rehearsal_text.text(rehearsal.summary([both], before, before, "2026-06-01"), full=False)
    assert "= cpam-exemple/app  non conforme ; plus refusée par PHP-004" in said
    other = rehearsal.line(known(LOOSE), graver("CMP-001"), graver("PHP-004", name="psram-2026.1"))
    assert (other.change, other.lifted) == (Change.HARDER, ("PHP-004",))
    said = rehearsal_text.text(rehearsal.summary([other], before, before, "2026-06-01"), full=False)
    assert "CMP-001" in said
    assert "; plus refusée par PHP-004" in said


def test_a_rule_that_blocked_by_number_and_now_by_itself_is_newly_blocking() -> None:
    severities = {rule.id: Severity.MAJOR if rule.id == "PHP-004" else Severity.INFO for rule in PACK.rules}
    many = with_severity(PACK, severities, "psram-2026.1")
    many = msgspec.structs.replace(many, major_threshold={"homologation": 0, "labellisation": 0})
    line = rehearsal.line(known(LOOSE), graver("PHP-004"), many)
    assert line.before == line.after == "non_conforme"
    assert (line.change, [rule.rule for rule in line.rules]) == (Change.HARDER, ["PHP-004"])


def test_a_new_refusal_names_its_first_place_and_its_work() -> None:
    line = rehearsal.line(known(LOOSE), graver("PHP-004"), graver())
    assert line.rules[0].first == "src/A.php:1"
    assert line.rules[0].places == 1
    assert line.hours == line.rules[0].hours > 0


def test_what_only_the_platform_confirms_refuses_nobody_unless_its_evidence_is_there() -> None:
    files = {"composer.json": b"{}", "composer.lock": b"{}"}
    draft = graver("GOV-001")
    laptop = rehearsal.line(known(files), draft, graver())
    assert laptop.change is Change.SAME
    decided = msgspec.structs.replace(known(files), decided=True)
    assert rehearsal.line(decided, draft, graver()).change is not Change.SAME


def lines() -> list[Line]:
    draft, current = graver("PHP-004"), graver(name="psram-2026.1")
    made = [rehearsal.line(known(LOOSE, f"cpam-b/app{n:03}", "cpam-b"), draft, current) for n in range(3)]
    made += [rehearsal.line(known(LOOSE, "cpam-a/autre", "cpam-a"), draft, current)]
    made += [rehearsal.line(known({"a.txt": b""}, "cpam-a/calme", "cpam-a"), draft, current)]
    return [*made, rehearsal.unread(rehearsal.Unread("casse", "depots", "« casse » n'est pas un dépôt git"))]


def test_totals_are_by_rule_and_by_organisation_the_most_concerned_first() -> None:
    done = rehearsal.summary(lines(), graver("PHP-004"), graver(name="psram-2026.1"), "2026-06-01")
    assert done.counts == {
        "nouveau refus": 4,
        "nouveau doute": 0,
        "refus aggravé": 0,
        "refus levé": 0,
        "inchangé": 1,
        "illisible": 1,
    }
    assert [(total.name, total.applications) for total in done.rules] == [("PHP-004", 4)]
    assert [(total.name, total.applications) for total in done.organisations] == [("cpam-b", 3), ("cpam-a", 1)]
    assert done.hours == pytest.approx(sum(each.hours for each in done.applications))


def test_the_order_of_reading_changes_nothing() -> None:
    packs_given = graver("PHP-004"), graver(name="psram-2026.1")
    first = rehearsal.summary(lines(), *packs_given, "2026-06-01")
    assert rehearsal.summary(reversed(lines()), *packs_given, "2026-06-01") == first


def test_the_text_names_who_is_refused_and_fits_a_screen() -> None:
    many = [msgspec.structs.replace(each, name=f"{each.name}{n}") for n in range(40) for each in lines()]
    done = rehearsal.summary(many, graver("PHP-004"), graver(name="psram-2026.1"), "2026-06-01")
    said = rehearsal_text.text(done, full=False)
    assert len(said.splitlines()) <= 24
    assert said.startswith("psram-2027.1 contre psram-2026.1, au 2026-06-01 : 240 applications\n160 nouveaux refus ; ")
    assert "✘ cpam-a/autre0" in said
    assert "--full" in said
    everything = rehearsal_text.text(done, full=True)
    assert everything.count("✘ ") == 160
    assert "! casse" in everything


def test_no_work_is_no_line() -> None:
    done = rehearsal.summary(lines(), graver("PHP-004"), graver(name="psram-2026.1"), "2026-06-01")
    assert "Travail que ce pack demanderait en plus : environ " in rehearsal_text.text(done, full=False)
    assert "Travail" not in rehearsal_text.text(msgspec.structs.replace(done, hours=0.0), full=False)


def test_names_of_repositories_cannot_draw_on_the_terminal() -> None:
    line = rehearsal.unread(rehearsal.Unread("a\x1b[31m\nb", "c\x1b[0m", "x\x07"))
    said = rehearsal_text.text(rehearsal.summary([line], PACK, PACK, "2026-06-01"), full=True)
    assert "\x1b" not in said
    assert "\x07" not in said


def test_a_rule_that_is_not_evaluated_makes_no_refusal_graver() -> None:
    before = graver("CMP-001")
    draft = msgspec.structs.replace(graver("CMP-001", "CMP-002"), rules=_requiring("CMP-002", "CMP-001"))
    line = rehearsal.line(known(LOOSE), draft, before)
    assert {rule.rule: rule.verdict for rule in line.rules} in ({}, {"CMP-002": Verdict.NOT_EVALUATED})
    assert line.change is Change.SAME


def _requiring(rule_id: str, required: str) -> Any:
    rules = graver("CMP-001", "CMP-002").rules
    return tuple(msgspec.structs.replace(r, requires=(required,)) if r.id == rule_id else r for r in rules)
