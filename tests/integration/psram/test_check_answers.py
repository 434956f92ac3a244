"""``amcloud check`` answers: statuses, the next command, rules as data, completion; in one process, without git."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amcloud.cli import build, completion, listing
from psram import docs, packs
from psram.reports import FORMATS
from psram.rules import DecidedBy, Stage, Track

Said = tuple[int, str, str]
Check = Callable[..., Said]
ROOT = Path(__file__).parents[3]
PLACE = (Track.HOMOLOGATION, Stage.ACCEPTANCE)
GOOD = "<?php\n\ndeclare(strict_types=1);\n\nnamespace App;\n\nfinal class A\n{\n}\n"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs the command in an empty folder without cache; exit status, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    monkeypatch.delenv("AMCLOUD_ADVISORIES", raising=False)

    def run(*arguments: str) -> Said:
        done = CliRunner().invoke(build(), ["check", *arguments], prog_name="amcloud")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def test_an_empty_folder_says_that_it_may_be_the_wrong_one(check: Check) -> None:
    code, said, _ = check()
    assert code == 1
    assert "Aucun fichier PHP ni composer.json ici" in said


def test_an_application_without_the_kit_gets_its_path_on_one_screen(check: Check, tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"page{number}.php").write_text(
            f"<?php\n$db = new PDO('mysql:host=x;dbname=y', $_GET['u'], $_GET['p']);\n"
            f"$db->query('SELECT * FROM t WHERE a = ' . $_GET['a{number}']);\nvar_dump($db);\n",
            "utf-8",
        )
    code, said, _ = check()
    assert code == 1
    assert len(said.splitlines()) < 24
    assert "amcloud new" in said
    assert "Plus court chemin vers l'hébergement : au moins" in said
    assert said.splitlines()[-1].startswith("Ensuite : amcloud check --explain ")


def test_each_format_of_the_registry_is_written(check: Check, tmp_path: Path) -> None:
    (tmp_path / "a.php").write_text(GOOD, "utf-8")
    for name in FORMATS:
        code, said, _ = check("--format", name)
        assert code == 1
        assert said.strip()


def test_help_names_every_format(check: Check) -> None:
    _, said, _ = check("--help")
    assert all(name in said for name in FORMATS)


def test_a_report_can_be_the_baseline_of_the_next_one(check: Check, tmp_path: Path) -> None:
    (tmp_path / "a.php").write_text(f"{GOOD}eval('1');\n", "utf-8")
    check("--format", "json", "-o", str(tmp_path.parent / "avant.json"))
    (tmp_path / "b.php").write_text(f"{GOOD.replace('A', 'B')}eval('2');\n", "utf-8")
    (tmp_path / "a.php").write_text(
        f"// déplacée\n{GOOD}eval('1');\n".replace("// déplacée\n<?php", "<?php\n"), "utf-8"
    )
    code, said, _ = check("--baseline", str(tmp_path.parent / "avant.json"), "--full")
    assert code == 1
    assert "nouveau  b.php:" in said
    assert "déjà là  a.php:" in said


@pytest.mark.parametrize(("severity", "code"), [("bloquante", 1), ("majeure", 1), ("info", 1)])
def test_fail_on_never_makes_the_status_milder(check: Check, severity: str, code: int) -> None:
    assert check("--fail-on", severity)[0] == code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "pdf"), "formes connues : texte, html, json"),
        (("--explain", "PHP-06"), "vouliez-vous dire PHP-006 ?"),
        (("--explain", "n'importe quoi"), "voyez --list-rules"),
        (("--pack", "psram-1900.1"), "packs connus : psram-"),
        (("--pack", "./"), "n'existe pas"),
        (("--at", "demain"), "2026-12-31"),
        (("--since", "HEAD", "--baseline", "x"), "gardez-en un"),
        (("--since", "HEAD"), "n'est pas un dépôt git"),
        (("--advisories", "nulle-part"), "--advisories nulle-part"),
        (("--evidence", "nulle-part"), "n'existe pas"),
        (("--fix", "--format", "json"), "--fix montre un texte"),
        (("--fix", "--commit", "HEAD"), "sans --commit"),
        (("--list-rules", "--format", "sarif"), "texte ou en json"),
        (("-o", "nulle/part"), "ne peut pas être écrit"),
        (("nulle-part",), "ni un dossier, ni une adresse git, ni un commit"),
        (("--jobs", "0"), "--jobs : un nombre de 1 à 64 est attendu"),
        (("--fail-on", "grave"), "--fail-on : « grave » n'est pas l'un de"),
    ],
)
def test_a_wrong_command_is_status_3_with_one_sentence(check: Check, arguments: tuple[str, ...], said: str) -> None:
    code, out, error = check(*arguments)
    assert code == 3
    assert said in " ".join(error.replace("│", "").split())
    assert "Traceback" not in out + error


def test_a_pack_that_is_not_the_one_that_was_published_cannot_judge(check: Check, tmp_path: Path) -> None:
    pack = tmp_path.parent / "psram-copie"
    shutil.copytree(packs.folder() / packs.DEFAULT, pack, dirs_exist_ok=True)
    (pack / "digest").write_text("sha256:" + "0" * 64, "ascii")
    code, _, error = check("--pack", f"{pack}/")
    assert code == 2
    assert "empreinte" in error


def test_rules_are_listed_and_explained_as_data(check: Check) -> None:
    code, said, _ = check("--list-rules", "--format", "json", "--track", "labellisation")
    assert code == 0
    listed = json.loads(said)
    pack = packs.load()
    assert [rule["id"] for rule in listed["rules"]] == [rule.id for rule in pack.rules]
    here = {rule.id: rule.severity_for(Track.LABELLISATION, Stage.ACCEPTANCE).value for rule in pack.rules}
    assert {rule["id"]: rule["severity_here"] for rule in listed["rules"]} == here
    assert json.loads(check("--explain", "mtn-002", "--format", "json")[1])["id"] == "MTN-002"


def test_every_rule_can_be_explained_within_the_width() -> None:
    for rule in packs.load().rules:
        said = listing.explanation(packs.load(), rule.id.lower(), *PLACE, form="texte", width=80).decode()
        assert said.startswith(f"{rule.id}  {rule.title}\n")
        assert rule.remediation.fr.split()[0] in said
        assert max(len(line) for line in said.splitlines()[1:]) <= 80


def test_the_tables_that_a_remedy_speaks_of_stand_above_it() -> None:
    def explained(rule_id: str, width: int) -> str:
        return listing.explanation(packs.load(), rule_id, *PLACE, form="texte", width=width).decode()

    above, remedy, _ = explained("CMP-009", 80).partition("Remède")
    assert remedy
    assert all(product["name"] in above for product in packs.load().rule("CMP-009").params["products"])  # type: ignore[union-attr]
    assert "contract support LTS" in " ".join(above.split())
    branches = explained("CMP-004", 160)
    assert "branch  ends        maintainer" in branches
    assert "7.4     2022-11-28  projet PHP" in branches
    page = docs.pages(packs.load())["CMP-009.md"]
    assert 0 < page.index("## Paramètres") < page.index("## Remède")


def test_an_explanation_says_where_its_examples_are_whole() -> None:
    said = listing.explanation(packs.load(), "MTN-002", *PLACE, form="texte", width=80).decode()
    assert "docs/regles/MTN-002.md" in said
    assert (ROOT / "docs/regles/MTN-002.md").is_file()


def test_a_rule_that_the_gate_decides_says_so_and_sends_nobody_to_look_for_places() -> None:
    pack = packs.load()
    gate = [rule.id for rule in pack.rules if rule.decided_by is DecidedBy.GATE]
    assert gate
    for rule in pack.rules:
        said = listing.explanation(pack, rule.id, *PLACE, form="texte", width=80).decode()
        assert ("Décidée par : la porte" in said) is (rule.id in gate)
        assert ("--full" in said) is (rule.id not in gate)
        assert "\n\n\n" not in said
    listed = listing.rules(pack, *PLACE, "texte").decode().splitlines()
    assert [line.split()[0] for line in listed if line.split()[1:2] == ["porte"]] == gate


def test_what_is_graver_is_explained() -> None:
    for rule_id in ("php-006", "pip-003", "cmp-004"):
        said = listing.explanation(packs.load(), rule_id, *PLACE, form="texte", width=80).decode()
        assert "Plus grave  : bloquante" in said


def test_values_are_completed_with_their_meaning() -> None:
    assert {name for name, _ in completion.rules("php-00")} == {
        r.id for r in packs.load().rules if r.id.startswith("PHP-00")
    }
    assert dict(completion.pack_names("psram-2026"))[packs.DEFAULT] == packs.load().title
    assert {name for name, _ in completion.formats("")} == set(FORMATS)
    assert list(completion.formats("xyz")) == []


def test_colours_need_a_terminal_and_respect_no_color(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    from amcloud.cli import terminals

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminals.coloured(Terminal())  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminals.coloured(Terminal())  # type: ignore[arg-type]
    assert "\x1b" not in check()[1]
    assert os.environ["NO_COLOR"] == "1"


def advisories(file: Path, affected: str) -> Path:
    entry = {"advisoryId": "EXEMPLE-1", "packageName": "twig/twig", "affectedVersions": affected, "title": "Exemple"}
    file.write_text(json.dumps({"dated": "2026-06-01", "advisories": {"twig/twig": [entry]}}), "utf-8")
    return file


def test_an_advisory_database_decides_what_a_laptop_leaves_open(check: Check, tmp_path: Path) -> None:
    for name in ("composer.json", "composer.lock"):
        shutil.copy(ROOT / "sandbox/apps/suivi-courriers" / name, tmp_path / name)

    def verdict(*arguments: str) -> str:
        _, said, _ = check("--format", "json", "--at", "2026-06-02", *arguments)
        found: str = next(r["verdict"] for r in json.loads(said)["results"] if r["rule_id"] == "CMP-002")
        return found

    database = tmp_path.parent / "avis.json"
    assert verdict() == "indetermine"
    assert verdict("--advisories", str(advisories(database, "<99"))) == "non_conforme"
    assert verdict("--advisories", str(advisories(database, "<0.1"))) == "conforme"
    content = database.read_bytes()
    database.write_bytes(content[: len(content) // 2])
    code, _, error = check("--advisories", str(database))
    assert code == 3
    assert "coupé" in error


def test_an_advisory_database_that_is_too_old_says_its_age_on_the_first_screen(check: Check, tmp_path: Path) -> None:
    for name in ("composer.json", "composer.lock"):
        shutil.copy(ROOT / "sandbox/apps/suivi-courriers" / name, tmp_path / name)
    database = str(advisories(tmp_path.parent / "vieux.json", "<0.1"))
    _, said, _ = check("--at", "2027-06-01", "--advisories", database)
    old = "CMP-002 attend une base d'avis plus récente : la base d'avis de sécurité fournie date du 2026-06-01"
    assert old in " ".join(said.split())
    assert "CMP-002 attend" not in check("--at", "2026-06-02", "--advisories", database)[1]
    assert "CMP-002 attend" not in check("--at", "2026-06-02")[1]


def test_a_folder_that_holds_a_database_in_json_is_read(check: Check, tmp_path: Path) -> None:
    folder = tmp_path / "avis"
    folder.mkdir()
    code, _, error = check("--advisories", str(folder))
    assert (code, "fournisseur/projet/avis.yaml" in error, "advisories.json" in error) == (3, True, True)
    advisories(folder / "advisories.json", "<0.1")
    assert check("--advisories", str(folder))[0] == 1


def test_a_correction_is_announced_only_where_something_would_be_corrected(check: Check, tmp_path: Path) -> None:
    (tmp_path / "a.php").write_text(GOOD.replace("declare(strict_types=1);\n\n", ""), "utf-8")
    assert "--fix corrige PHP-004" in check()[1]
    (tmp_path / "a.php").write_text(f"{GOOD}eval('1');\n", "utf-8")
    said = check()[1]
    assert "PHP-006" in said
    assert "--fix" not in said


def test_a_correction_of_a_part_says_so_and_is_not_the_next_command(check: Check, tmp_path: Path) -> None:
    (tmp_path / "composer.json").write_text('{"require": {"amcloud/starter-kit": "^1.0"}}', "utf-8")
    (tmp_path / "a.php").write_text(f"{GOOD}eval('1');\nvar_dump(1);\n", "utf-8")
    said = check("--full")[1]
    assert "(--fix corrige une partie de PHP-006)" in said
    assert "Ensuite : amcloud check --fix" not in said


def test_a_part_of_an_application_names_the_whole(check: Check, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "composer.json").write_text("{}", "utf-8")
    (tmp_path / "src/A.php").write_text(GOOD, "utf-8")
    assert "« amcloud check . » la vérifie en entier" in check("src")[1]


def test_a_repository_without_commit_or_whose_head_is_gone_says_what_to_add(check: Check, tmp_path: Path) -> None:
    bare = tmp_path / "depot.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    for asked in (str(bare), bare.as_uri()):
        code, said, error = check(asked)
        assert (code, said) == (3, "")
        assert "n'a pas encore de commit" in error
    work = tmp_path / "travail"
    subprocess.run(["git", "clone", "-q", bare, work], check=True, capture_output=True)
    (work / "a.php").write_text(GOOD, "utf-8")
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example", "-c", "commit.gpgsign=false")
    for command in (("add", "."), ("commit", "-q", "-m", "a"), ("push", "-q", "origin", "HEAD:refs/heads/recette")):
        subprocess.run(["git", *identity, "-C", work, *command], check=True)
    for asked in (str(bare), bare.as_uri()):
        code, said, error = check(asked)
        assert (code, said) == (3, "")
        assert "branches : recette" in error
        assert "--commit recette" in error
        assert check(asked, "--commit", "recette")[0] != 3
    code, _, error = check(str(bare), "--commit", "absent")
    assert code == 3
    assert "« absent » n'existe pas dans ce dépôt (branches : recette)" in error
