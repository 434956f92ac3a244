"""Every blocking rule is triaged or named, every finding is of a kind, and one of no kind makes the command fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import triage, triage_page
from bench.triage_page import VERDICTS, Judged, Tree

from psram import packs

DATA = triage.load()
PACK = packs.load()
EXTRACT = {
    "include/config.php": "<?php\n$config = [];\n",
    "lib/database.php": "<?php\n$database = new PDO($dsn);\n",
    "lib/poller.php": "<?php\ninclude($config['base_path'] . '/lib/rrd.php');\n$found = `ls`;\nexec($command);\n",
    "lib/old.php": "<?php\n$made = made(Binary::OLD);\n",
    "install/template.xml.gz": "\x1f\x8b\x00",
    "conf_templates/cacti.sql": "CREATE TABLE host (id INTEGER);\nSELECT 1 INTO ismaria;\n",
}


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    """A small tree with findings of many kinds, under the name of a tree of the corpus."""
    tree = tmp_path / "cacti"
    for path, content in EXTRACT.items():
        place = tree / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, "utf-8")
    (tree / "log").symlink_to("/var/log/cacti")
    return tree


def test_every_rule_that_can_block_is_triaged_or_said_to_have_no_object() -> None:
    asked = {rule.id for rule in PACK.rules if triage.decides_from_sources(rule)}
    assert set(DATA.rules) == asked
    assert set(DATA.without_object) == {rule.id for rule in PACK.rules if triage.can_block(rule)} - asked


def test_kinds_are_of_these_rules_and_say_why() -> None:
    for kind in DATA.kinds:
        assert kind.rule in DATA.rules
        assert kind.verdict in VERDICTS
        assert kind.reason and kind.path and kind.said


def test_each_finding_of_an_extract_is_triaged(extract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert triage.main([str(extract), "--list"]) == 0
    listed = capsys.readouterr().out
    for expected in (
        "CMP-001 justifié cacti/composer.json ",
        "GOV-007 justifié cacti/install/template.xml.gz ",
        "GOV-007 justifié cacti/log ",
        "MTN-001 justifié cacti/lib/database.php:2 ",
        "MTN-002 justifié cacti/conf_templates/cacti.sql:1 ",
        "MTN-002 faux positif cacti/conf_templates/cacti.sql:2 ",
        "PHP-001 faux positif cacti/lib/old.php:2 ",
        "PHP-006 justifié cacti/lib/poller.php:3 ",
        "SEC-002 faux positif cacti/lib/poller.php:2 ",
        "SEC-002 justifié cacti/lib/poller.php:4 ",
    ):
        assert expected in listed
    assert "PHP-004" not in listed  # majeure: never a refusal by itself


def test_a_finding_of_no_kind_makes_the_command_fail(extract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (extract / ".env").write_text("APP_SECRET=8f2b6c1de95a47038f2b6c1de95a4703\n", "utf-8")
    assert triage.main([str(extract)]) == 1
    told = capsys.readouterr()
    assert "à trier dans bench/triage.yaml : SYM-004 cacti/.env:1 APP_SECRET est écrit" in told.err
    assert triage_page.TO_TRIAGE in told.out


def test_a_page_that_says_something_else_makes_the_command_fail(
    extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    assert triage.main([str(extract), "--write", str(page)]) == 0
    assert triage.main([str(extract), "--check", str(page)]) == 0
    (extract / "lib" / "more.php").write_text("<?php\n$other = new PDO($dsn);\n", "utf-8")
    assert triage.main([str(extract), "--check", str(page)]) == 1
    assert "page.md dit autre chose" in capsys.readouterr().err


def test_the_page_counts_by_rule_and_by_kind() -> None:
    found = [
        Judged("SEC-002", "a", "a/x.php:1", "…", "justifié", "collée"),
        Judged("SEC-002", "a", "a/x.php:2", "…", "justifié", "collée"),
        Judged("SEC-002", "a", "a/y.php:2", "…", "faux positif", "fixe"),
        Judged("SEC-002", "a", "a/z.php:2", "…", "discutable", "autre"),
    ]
    rules = {"SEC-002": {"justified": "collée"}, "RGPD-003": {"justified": "un numéro", "none": "rien n'est trouvé"}}
    page = triage_page.page([Tree("a", 4, tuple(found), ("CMP-003",))], rules, {"TST-001": "demande JUnit"})
    assert "| SEC-002 | collée | 4 | 2 | 1 | 1 | 50 % |" in page
    assert "| SEC-002 | a | 2 | 1 | justifié | collée | `x.php:1` |" in page
    assert "* RGPD-003 : rien n'est trouvé." in page
    assert "* TST-001 : demande JUnit." in page
