"""``amcloud rehearse`` as a process, over a folder of repositories that are not all what one hopes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from field import LOOSE, commit, git, repository, run, surroundings

from psram import packs


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return surroundings(tmp_path / "home")


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A draft of the norms where strict types block."""
    folder = Path(shutil.copytree(packs.folder() / packs.DEFAULT, tmp_path / "psram-exemple"))
    (folder / "digest").unlink(missing_ok=True)
    rule = folder / "rules/PHP-004.yaml"
    text = re.sub(
        r"^severity: .*$",
        "severity: {labellisation: bloquante, homologation: bloquante}",
        rule.read_text("utf-8"),
        flags=re.M,
    )
    rule.write_text(text, "utf-8")
    head = folder / "pack.yaml"
    head.write_text(head.read_text("utf-8").replace("name: psram-2026.1", "name: psram-exemple"), "utf-8")
    return folder


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Repositories of two groups, bare or not, and what one finds among them."""
    folder = tmp_path / "depots"
    strict = LOOSE.replace("<?php\n", "<?php\n\ndeclare(strict_types=1);\n\n")
    repository(folder / "cpam-a/stricte", {"src/A.php": strict})
    repository(folder / "seule", {"src/A.php": LOOSE, "localapp.yaml": 'spec: {owner: {organisation: "671"}}\n'})
    loose = repository(folder / "cpam-a/souple", {"src/A.php": LOOSE})
    git(folder, "clone", "-q", "--bare", str(loose), str(folder / "cpam-b.git"))
    (folder / "cpam-b").mkdir()
    (folder / "cpam-b.git").rename(folder / "cpam-b/souple.git")
    git(folder, "init", "-q", "--bare", str(folder / "cpam-b/vide.git"))
    (folder / "cassé.git/objects").mkdir(parents=True)
    (folder / "cassé.git/refs").mkdir()
    (folder / "cassé.git/HEAD").write_text("n'importe quoi", "utf-8")
    (folder / "notes").mkdir()
    (folder / "boucle").symlink_to(folder)
    return folder


def test_a_draft_is_rehearsed_over_a_folder_of_repositories(
    tmp_path: Path, environment: dict[str, str], draft: Path, fleet: Path
) -> None:
    done = run(environment, "rehearse", f"{draft}/", "--repositories", str(fleet), "--format", "json")
    answer = json.loads(done.stdout)
    lines = {line["name"]: line for line in answer["applications"]}
    assert set(lines) == {"cpam-a/stricte", "cpam-a/souple", "cpam-b/souple", "cpam-b/vide", "cassé", "seule"}
    assert {name for name, line in lines.items() if "PHP-004" in [rule["rule"] for rule in line["rules"]]} == {
        "cpam-a/souple",
        "cpam-b/souple",
        "seule",
    }
    assert {name for name, line in lines.items() if line["change"] == "illisible"} == {"cpam-b/vide", "cassé"}
    assert {total["name"]: total["applications"] for total in answer["organisations"]} == {
        "cpam-a": 1,
        "cpam-b": 1,
        "organisme 671": 1,
    }
    text = run(environment, "rehearse", f"{draft}/", "--repositories", str(fleet))
    assert "PHP-004" in text.stdout
    assert len(text.stdout.splitlines()) < 24
    assert text.stderr == ""
    one = run(environment, "rehearse", f"{draft}/", "--repositories", str(fleet), "--jobs", "1", "--format", "json")
    assert one.stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("psram-1900.1",), "packs connus"),
        ((packs.DEFAULT, "--repositories", "/nulle/part"), "n'existe pas"),
        ((packs.DEFAULT, "--against", "psram-1900.1"), "packs connus"),
        ((packs.DEFAULT, "--at", "demain"), "2026-12-31"),
        ((packs.DEFAULT, "--format", "html"), "formes connues"),
        ((packs.DEFAULT, "--stage", "recette"), "--stage"),
        ((packs.DEFAULT,), "aucun dépôt git"),
    ],
)
def test_a_wrong_rehearsal_is_status_3(
    tmp_path: Path, environment: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    where = () if "--repositories" in arguments else ("--repositories", str(tmp_path))
    done = run(environment, "rehearse", *arguments, *where)
    assert done.returncode == 3
    assert said in " ".join(done.stderr.replace("│", "").split())


def test_applications_whose_facts_are_known_are_not_read_again(
    tmp_path: Path, environment: dict[str, str], draft: Path
) -> None:
    sample = Path(__file__).parents[3] / "sandbox/apps/suivi-courriers"
    first = Path(shutil.copytree(sample, tmp_path / "depots/g/app0"))
    git(first, "init", "-q")
    commit(first, {})
    for number in range(1, 10):
        git(tmp_path, "clone", "-q", "--bare", "--shared", str(first), str(tmp_path / f"depots/g/app{number}.git"))
    command = ("rehearse", f"{draft}/", "--repositories", str(tmp_path / "depots"), "--format", "json")
    before = run(environment, *command)
    assert len(json.loads(before.stdout)["applications"]) == 10
    for said in git(first, "cat-file", "--batch-all-objects", "--batch-check").splitlines():
        name, kind, _size = said.split()
        if kind == "blob":  # nobody can read a content any more
            (first / ".git/objects" / name[:2] / name[2:]).unlink()
    assert run(environment, *command).stdout == before.stdout
    assert run(environment, *command, "--no-cache").stdout != before.stdout
