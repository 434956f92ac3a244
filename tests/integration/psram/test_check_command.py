"""``amcloud check`` as people run it: on a path, a commit, an address, and with the platform's evidence."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import msgspec
import pytest

from psram import evidence, packs, reports, worker
from psram.collect import collect
from psram.judge import judge
from psram.model import Context, Php, Stage, Track
from psram.mutations import data
from psram.rules import Moment
from psram.worker.protocol import Ask, Request

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "sandbox/apps"
SOURCE = "http://198.18.0.1:8930"
AMCLOUD = Path(sys.executable).with_name("amcloud")
needs_php = pytest.mark.skipif(shutil.which("php8.2") is None, reason="the hosted PHP is not installed")


def check(*arguments: str, path: str = os.environ["PATH"], cwd: Path = ROOT) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": path, "HOME": "/nonexistent", "TERM": "dumb"}
    return subprocess.run(
        [AMCLOUD, "check", *arguments], capture_output=True, cwd=cwd, env=environment, timeout=60, check=False
    )


def sample(folder: Path, name: str) -> Path:
    """A repository of its own with one commit of a sample application."""
    target = Path(shutil.copytree(SAMPLES / name, folder / name))
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "exemple")):
        subprocess.run(["git", *identity, "-C", str(target), *arguments], check=True)
    return target


@pytest.fixture(scope="module")
def annuaire(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(tmp_path_factory.mktemp("depots"), "annuaire-local")


@pytest.mark.parametrize("name", ["suivi-courriers", "tableau-perso"])
def test_a_conforming_sample_breaks_no_rule(tmp_path: Path, name: str) -> None:
    done = check(str(sample(tmp_path, name)), "--source", SOURCE, "--format", "json")
    assert done.returncode == 0, done.stderr
    verdicts = {r["rule_id"]: r["verdict"] for r in json.loads(done.stdout)["results"]}
    told_here = {rule.id for rule in packs.load().rules if rule.moment is Moment.SOURCE and not rule.needs}
    allowed = {"conforme", "non_applicable"}
    assert {rule: verdicts[rule] for rule in told_here - {"PHP-001"} if verdicts[rule] not in allowed} == {}
    assert "non_conforme" not in verdicts.values()
    assert verdicts["TST-001"] == "indetermine"


def test_the_refused_sample_breaks_five_rules_of_five_families_each_with_place_and_remedy(annuaire: Path) -> None:
    done = check(str(annuaire), "--source", SOURCE, "--format", "json")
    assert done.returncode == 1
    broken = [r for r in json.loads(done.stdout)["results"] if r["verdict"] == "non_conforme"]
    assert {r["rule_id"] for r in broken} == {"CMP-005", "MTN-002", "PHP-006", "PIP-002", "SEC-001"}
    assert all(r["blocks"] and r["findings"] and r["remedy"] for r in broken)


def test_the_corrected_sample_conforms(tmp_path: Path) -> None:
    folder = sample(tmp_path, "annuaire-local")
    correction = SAMPLES / "annuaire-local.revisions/r2-corrigee"
    # new dates: git would not look again at a file of the same size, date and second
    shutil.copytree(correction, folder, dirs_exist_ok=True, copy_function=shutil.copy)
    for name in (folder / ".delete").read_text("utf-8").split() if (folder / ".delete").is_file() else ():
        (folder / name).unlink()
    (folder / ".delete").unlink(missing_ok=True)
    done = check(str(folder), "--source", SOURCE)
    assert done.returncode == 0, done.stdout.decode()


def test_the_text_is_french_without_colour_codes_and_ends_with_the_next_command(annuaire: Path) -> None:
    done = check(str(annuaire), "--source", SOURCE)
    text = done.stdout.decode()
    assert text.startswith("NON CONFORME")
    assert "src/Entity/Fiche.php:" in text
    assert re.search(r"À vérifier par la plateforme : .*TST-001.*\(pipeline\)", text)
    assert text.rstrip().splitlines()[-1].startswith("Ensuite : amcloud check --explain ")
    assert "\x1b" not in text
    assert len(text.splitlines()) <= 50


def test_uncommitted_files_are_checked_and_said(tmp_path: Path) -> None:
    folder = sample(tmp_path, "suivi-courriers")
    (folder / "src/Reste.php").write_text(
        "<?php\n\ndeclare(strict_types=1);\n\nnamespace App;\n\neval('1');\n", "utf-8"
    )
    done = check(str(folder), "--source", SOURCE)
    assert done.returncode == 1
    assert "1 fichier non validé" in done.stdout.decode()
    assert "src/Reste.php:7" in done.stdout.decode()
    assert check(str(folder), "--source", SOURCE, "--commit", "HEAD").returncode == 0


def test_without_the_hosted_php_the_syntax_is_to_confirm_and_does_not_change_the_status(tmp_path: Path) -> None:
    folder = sample(tmp_path, "suivi-courriers")
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "git").symlink_to(shutil.which("git") or "/usr/bin/git")
    done = check(str(folder), "--source", SOURCE, path=str(bare))
    assert done.returncode == 0, done.stderr
    assert re.search(r"À confirmer par la plateforme : .*PHP-001", done.stdout.decode())
    (folder / "src/Casse.php").write_text("<?php\nclass {\n", "utf-8")
    assert check(str(folder), "--source", SOURCE, path=str(bare)).returncode == 2


def test_an_unknown_package_source_is_to_confirm_on_a_laptop(tmp_path: Path) -> None:
    done = check(str(sample(tmp_path, "suivi-courriers")))
    assert done.returncode == 0
    assert re.search(r"À confirmer par la plateforme : .*CMP-005", done.stdout.decode())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("/n/existe/pas",), id="path"),
        pytest.param((".", "--commit", "nexistepas"), id="commit"),
        pytest.param((".", "--commit=--output=x"), id="option as commit"),
        pytest.param((".", "--pack", "psram-1900.1"), id="pack"),
        pytest.param((".", "--at", "demain"), id="date"),
        pytest.param((".", "--evidence", "/n/existe/pas"), id="evidence"),
        pytest.param((".", "--evidence", "pyproject.toml"), id="not evidence"),
        pytest.param((".", "--track", "autre"), id="track"),
        pytest.param((".", "--explain", "XYZ-999"), id="rule"),
        pytest.param((".", "--inconnue"), id="option"),
    ],
)
def test_a_wrong_command_is_status_3_with_one_message(arguments: tuple[str, ...]) -> None:
    done = check(*arguments)
    assert done.returncode == 3
    assert done.stderr
    assert b"Traceback" not in done.stderr


def test_an_address_is_checked_like_a_path_and_an_unreachable_one_cannot_be_told(annuaire: Path) -> None:
    done = check(f"file://{annuaire}", "--source", SOURCE)
    assert done.returncode == 1
    assert "src/Entity/Fiche.php" in done.stdout.decode()
    commit = subprocess.run(["git", "-C", annuaire, "rev-parse", "HEAD"], capture_output=True, check=True).stdout
    assert check(f"file://{annuaire}", "--commit", commit.decode().strip(), "--source", SOURCE).returncode == 1
    gone = check("file:///n/existe/pas.git")
    assert gone.returncode == 2
    assert "copie du dépôt" in gone.stderr.decode()


def test_list_and_explanations_come_from_the_rules_data() -> None:
    listed = check("--list-rules").stdout.decode()
    for rule in packs.load().rules:
        assert rule.id in listed
    told = check("--explain", "mtn-003").stdout.decode()
    assert "ROW LEVEL SECURITY" in told


def test_the_page_can_be_written_to_a_file(annuaire: Path, tmp_path: Path) -> None:
    target = tmp_path / "rapport.html"
    assert check(str(annuaire), "--format", "html", "--output", str(target)).returncode == 1
    assert "<h1>Rapport de conformité</h1>" in target.read_text("utf-8")
    assert check(str(annuaire), "--output", "/n/existe/pas/x").returncode == 3


def platform(folder: Path) -> tuple[bytes, bytes]:
    """What the operator keeps of a commit: its report and the evidence that it exports."""
    commit = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, check=True)
    name = commit.stdout.decode().strip()
    facts = collect(folder, name, php=Php())
    assert facts.syntax is not None
    given = json.dumps({**data.context(), "stage": "acceptance"}, default=str).replace("@COMMIT@", name)
    context = msgspec.json.decode(given, type=Context)
    pack = packs.load()
    return reports.canonical_json(judge(facts, pack, context)), evidence.dump(facts, context, pack)


@needs_php
@pytest.mark.parametrize("name", ["suivi-courriers", "annuaire-local"])
def test_evidence_gives_the_platforms_report_byte_for_byte_on_a_machine_without_php(tmp_path: Path, name: str) -> None:
    folder = sample(tmp_path, name)
    report, exported = platform(folder)
    file = tmp_path / "preuves.json"
    file.write_bytes(exported)
    commit = json.loads(report)["commit"]
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "git").symlink_to(shutil.which("git") or "/usr/bin/git")
    done = check(str(folder), "--commit", commit, "--evidence", str(file), "--format", "json", path=str(bare))
    assert done.stdout == report
    assert done.returncode == (0 if name == "suivi-courriers" else 1)


@needs_php
def test_evidence_of_another_commit_or_pack_is_refused(tmp_path: Path) -> None:
    folder = sample(tmp_path, "tableau-perso")
    _report, exported = platform(folder)
    bundle = evidence.load(exported)
    other = msgspec.structs.replace(bundle, commit="2" * 40)
    changed = msgspec.structs.replace(bundle, pack=msgspec.structs.replace(bundle.pack, digest="sha256:0"))
    for wrong, said in ((other, "commit"), (changed, "pack")):
        file = tmp_path / "preuves.json"
        file.write_bytes(msgspec.json.encode(wrong))
        done = check(str(folder), "--commit", "HEAD", "--evidence", str(file))
        assert done.returncode == 3
        assert said in done.stderr.decode()


@needs_php
def test_one_process_two_processes_and_twice_in_a_row_give_the_same_bytes(annuaire: Path) -> None:
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1), package_sources=(SOURCE,))
    request = Request(Ask.COMMIT, str(annuaire), "HEAD", "psram-2026.1", context, Php())
    here = reports.canonical_json(judge(collect(annuaire, "HEAD", php=Php()), packs.load(), context))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(worker.run, [request, request]))
    answers += [worker.run(request)]
    assert all(a.report is not None and reports.canonical_json(a.report) == here for a in answers)


@needs_php
def test_the_hosted_php_judges_many_files_like_php_one_by_one(tmp_path: Path) -> None:
    good = "<?php\n\ndeclare(strict_types=1);\n\nnamespace A{n};\n\nfinal class C{n} {{}}\n"
    bad = ["<?php\nclass A {\n", "<?php\nbreak;\n", "<?php\nfunction f() {}\nfunction f() {}\n", "<?php\n$this = 1;\n"]
    files = {f"src/f{n}.php": good.format(n=n).encode() for n in range(150)}
    files |= {f"src/k{n}.php": text.encode() for n, text in enumerate(bad)}
    from psram.collect.memory import collect_files

    facts = collect_files(files, php=Php())
    assert facts.syntax is not None
    refused = {f.path for f in facts.files if not facts.syntax.verdicts[f.blob].ok}
    assert refused == {f"src/k{n}.php" for n in range(len(bad))}
