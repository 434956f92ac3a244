"""The text for people: one screen whatever there is to say, what stands in the way first, nothing lost silently."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import msgspec
import pytest

from psram import packs, reports
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Finding, Report, RuleResult, Stage, Track, Verdict
from psram.reports import Presentation
from psram.reports.screen import Line, drawn, height
from psram.rules import Moment, Severity

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
BAD = b"<?php\nclass X {}\nvar_dump($_GET);\n@f();\nexec('x');\n"
UNTIDY = {
    **{f"src/A{number}.php": BAD + b"// %d\n" % number for number in range(50)},
    "composer.json": b"{}",
    ".env": b"APP_SECRET=abc\n",
    ".env.local": b"",
}


def report(files: dict[str, bytes]) -> Report:
    return judge(collect_files(files, commit="1" * 40), packs.load(), CONTEXT)


def text(made: Report, **shown: object) -> str:
    return reports.write("texte", made, msgspec.convert(shown, Presentation)).decode()


def result(rule_id: str, *, findings: int = 1, **changes: Any) -> RuleResult:
    found = tuple(
        Finding(f"constat {n} " + "mot " * 30, f"src/F{n}.php", n + 1, f"{rule_id}{n}") for n in range(findings)
    )
    made = RuleResult(
        rule_id,
        "Un titre assez long pour une règle des normes",
        "PHP",
        Severity.BLOCKING,
        Moment.SOURCE,
        Verdict.VIOLATED,
        blocks=True,
        findings=found,
        findings_total=findings,
        remedy="Un remède dit en une phrase. " * 6,
    )
    return msgspec.structs.replace(made, **changes)


def with_results(*results: RuleResult) -> Report:
    return msgspec.structs.replace(report({}), results=results, path=None, horizon=None)


@pytest.mark.parametrize("rules", [0, 1, 2, 3, 5, 8, 14, 40])
@pytest.mark.parametrize("findings", [1, 4, 200])
@pytest.mark.parametrize("room", [24, 50])
def test_any_report_fits_the_screen(rules: int, findings: int, room: int) -> None:
    made = with_results(*(result(f"PHP-{number:03}", findings=findings) for number in range(rules)))
    lines = text(made, width=80, height=room, footer=("Ensuite : amcloud check --explain PHP-001",)).splitlines()
    assert len(lines) < room
    assert all(len(line) <= 80 for line in lines)
    assert lines[-1].startswith("Ensuite : ")


def test_what_is_left_out_is_counted_and_the_option_that_shows_it_named() -> None:
    made = with_results(*(result(f"PHP-{number:03}", findings=7) for number in range(40)))
    said = text(made, width=80)
    shown = len(re.findall(r"^✘ ", said, re.MULTILINE))
    assert f"… et {40 - shown} autres règles" in said
    assert "--full" in said
    everything = text(made, full=True)
    assert everything.count("✘ ") == 40
    assert everything.count("constat 6") == 40
    assert "--full" not in everything


def test_few_violations_come_with_their_remedy_many_with_their_places_only() -> None:
    assert "→ Un remède" in text(with_results(result("PHP-001")), width=80)
    many = text(with_results(*(result(f"PHP-{number:03}") for number in range(9))), width=80)
    assert "→" not in many
    assert many.count("src/F0.php:1") == 9


def test_an_untidy_application_is_grouped_by_rule_on_one_screen_with_its_shortest_path() -> None:
    said = text(report(UNTIDY), width=80)
    assert len(said.splitlines()) < 24
    assert said.startswith("NON CONFORME  (psram-2026.1, homologation, acceptance, 111111111111)")
    assert "src/A0.php:" in said
    assert "Plus court chemin vers l'hébergement : " in said
    assert re.search(r"À confirmer ou à vérifier par la plateforme : \d+ règles", said)
    assert re.search(r"À vérifier par la plateforme : .*TST-001[^)]*\(pipeline\)", text(report(UNTIDY), full=True))


def test_majeures_that_block_together_are_not_called_bloquantes_and_the_threshold_is_told() -> None:
    said = text(report(UNTIDY), width=80, height=90)
    assert "PHP-004 Les types sont stricts dans chaque fichier de code  [majeure, bloque]" in said
    assert "SEC-001 Aucun secret dans le dépôt ni dans son historique  [bloquante]" in said
    told = re.search(r"^  (\d+) règles majeures non respectées, (\d+) tolérées : en corriger (\d+) suffit$", said, re.M)
    assert told is not None
    broken, tolerated, needed = (int(number) for number in told.groups())
    assert said.count("[majeure, bloque]") == broken
    assert broken - needed <= tolerated


def test_majeures_below_the_threshold_are_majeures_and_nothing_is_said_of_it() -> None:
    said = text(report({"src/A.php": b"<?php\nclass X {}\n", "composer.json": b"{}"}), full=True)
    assert "[majeure]" in said
    assert "bloque]" not in said
    assert "tolérées" not in said


def test_an_application_that_is_never_hosted_is_told_no_way_to_hosting() -> None:
    context = Context(Track.HORS_STANDARD, Stage.ACCEPTANCE, date(2026, 6, 1))
    said = text(judge(collect_files(UNTIDY, commit="1" * 40), packs.load(), context))
    assert "Pour satisfaire aux normes : " in said
    assert "vers l'hébergement" not in said
    assert "Filière hors-standard : " in said


def test_one_reason_that_stops_many_rules_is_told_once() -> None:
    stuck: dict[str, Any] = {"verdict": Verdict.NOT_EVALUATED, "missing_evidence": "CMP-001 doit d'abord être corrigée"}
    said = text(with_results(*(result(f"PHP-{number:03}", findings=0, **stuck) for number in range(5))))
    assert said.count("CMP-001 doit d'abord être corrigée") == 1
    assert "PHP-000, PHP-001, PHP-002, PHP-003, PHP-004" in said


def test_what_only_the_platform_can_confirm_is_one_line_on_a_laptop() -> None:
    doubt: dict[str, Any] = {"verdict": Verdict.UNKNOWN, "to_confirm": True}
    said = text(
        with_results(
            *(result(f"PHP-00{number}", findings=0, missing_evidence=f"r{number}", **doubt) for number in range(4))
        )
    )
    assert said.startswith("CONFORME")
    assert "À confirmer par la plateforme : PHP-000, PHP-001, PHP-002, PHP-003" in said


def test_findings_are_marked_new_or_known_against_a_previous_report() -> None:
    before = report({"src/A.php": b"<?php\nvar_dump(1);\n"})
    after = report({"src/A.php": b"<?php\n\nvar_dump(1);\n", "src/B.php": b"<?php\neval('2');\n"})
    said = text(after, previous=before, full=True)
    assert re.search(r"déjà là +src/A\.php:3", said)
    assert re.search(r"nouveau +src/B\.php:2", said)
    assert "Depuis 111111111111 : " in said


def test_colours_only_when_asked_and_they_change_no_text() -> None:
    made = report(UNTIDY)
    plain, painted = text(made, width=80), text(made, width=80, colour=True)
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


@pytest.mark.parametrize("width", [1, 7, 20, 80, 0])
def test_a_line_is_folded_or_cut_to_the_width_and_keeps_its_words(width: int) -> None:
    whole = Line("    src/A.php:3  un constat assez long pour être replié sur deux lignes", painted=4, hang=8)
    folded = drawn(whole, width, colour=False)
    assert "".join("".join(folded).split()) == "".join(whole.text.split())
    assert all(len(part) <= max(width, 9) for part in folded) or width == 0
    assert height([whole], width) == (len(folded) if width else 1)


def test_with_the_platforms_evidence_the_platforms_verdict_is_shown_and_what_a_person_signs_named() -> None:
    late = result("TST-001", findings=0, moment=Moment.PIPELINE, verdict=Verdict.UNKNOWN, missing_evidence="JUnit")
    signed = result("TST-004", findings=0, moment=Moment.PRODUCTION, verdict=Verdict.TO_VALIDATE, blocks=False)
    made = with_results(late, signed)
    laptop = text(made)
    assert laptop.startswith("CONFORME")
    assert "À vérifier par la plateforme : TST-001 (pipeline), TST-004 (production)" in laptop
    platform = text(made, moments=list(Moment), decided=True)
    assert platform.startswith("INDÉTERMINÉ")
    assert "? TST-001" in platform
    assert "À valider par une personne, sur pièce signée : TST-004" in platform
