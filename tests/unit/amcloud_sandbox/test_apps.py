"""The sample applications' revisions, their locks, and the Starter Kit's versions."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import pytest
import yaml

from amcloud.stages import manifest
from amcloud.stages.declared.app import Organisation
from amcloud_sandbox import apps
from amcloud_sandbox.composer import kit, lock, repository, skeleton
from amcloud_sandbox.composer.derive import Package
from amcloud_sandbox.errors import SandboxError

TEMPLATE = Path(__file__).resolve().parents[3] / "templates" / "new"
REVISIONS = {
    "annuaire-local": ("r1", "r2-corrigee"),
    "suivi-courriers": ("r1", "r2-priorite", "r3-cassee"),
    "tableau-perso": ("r1",),
}
LOCKED = [*(apps.HOME / name for name in REVISIONS), apps.HOME / "annuaire-local.revisions" / "r2-corrigee", TEMPLATE]


@pytest.fixture(autouse=True)
def no_repository(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A machine that has built no Composer repository, so that locks stay as they were committed."""
    monkeypatch.setenv("AMCLOUD_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


def test_the_revisions_are_those_of_the_demonstration() -> None:
    assert {name: apps.revisions(name) for name in apps.names()} == REVISIONS


def test_a_revision_is_the_first_one_with_its_changes_laid_over(tmp_path: Path) -> None:
    apps.write("suivi-courriers", "r2-priorite", tmp_path)
    assert sorted(path.name for path in (tmp_path / "migrations").iterdir()) == [
        "0001_creation.sql",
        "0002_priorite.sql",
    ]
    assert "priorite" in (tmp_path / "src/Entity/Courrier.php").read_text(encoding="utf-8")


def test_what_is_in_the_folder_already_stays(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    apps.write("tableau-perso", "r1", tmp_path)
    assert (tmp_path / ".git").is_dir()


def test_an_overlay_removes_what_it_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "apps"
    (home / "a").mkdir(parents=True)
    (home / "a.revisions" / "r2").mkdir(parents=True)
    (home / "a" / "composer.json").write_text("{}", encoding="utf-8")
    (home / "a" / "vieux.txt").write_text("x", encoding="utf-8")
    (home / "a.revisions" / "r2" / ".delete").write_text("vieux.txt\n", encoding="utf-8")
    monkeypatch.setattr(apps, "HOME", home)
    apps.write("a", "r2", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["composer.json"]


@pytest.mark.parametrize(("app", "revision"), [("inconnue", "r1"), ("tableau-perso", "r9")])
def test_an_unknown_name_lists_the_choices(app: str, revision: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="choix possibles"):
        apps.write(app, revision, tmp_path)


@pytest.mark.parametrize("name", sorted(REVISIONS))
def test_a_sample_declares_itself_under_its_own_name(name: str) -> None:
    document = yaml.safe_load((apps.HOME / name / "localapp.yaml").read_text(encoding="utf-8"))
    project = document["spec"]["repository"]["project"]
    assert document["metadata"]["name"] == name
    assert project == f"{document['metadata']['namespace']}/{name}"
    assert json.loads((apps.HOME / name / "composer.json").read_text(encoding="utf-8"))["name"] == project


@pytest.mark.parametrize("name", sorted(REVISIONS))
def test_the_operator_accepts_the_manifest_of_a_sample(name: str) -> None:
    document = yaml.safe_load((apps.HOME / name / "localapp.yaml").read_text(encoding="utf-8"))
    document["metadata"] |= {"uid": "u-1", "generation": 1}
    codes = {"cpam-bas-rhin": "671", "cpam-haut-rhin": "681"}
    known = {code: Organisation(code, label, label, label) for label, code in codes.items()}
    assert manifest.parse(document, known, codes.get).name == name


@pytest.mark.parametrize("folder", LOCKED, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_committed_lock_names_the_present_starter_kit(folder: Path) -> None:
    newest = kit.packages()[-1]
    entries = json.loads((folder / "composer.lock").read_text(encoding="utf-8"))["packages"]
    locked = next(entry for entry in entries if entry["name"] == "amcloud/starter-kit")
    shasum = hashlib.sha1(repository.zipped(newest), usedforsecurity=False).hexdigest()
    assert (locked["version"], locked["dist"]["shasum"]) == (newest.version, shasum), "relock: sandbox/apps/README.md"


@pytest.mark.parametrize("folder", LOCKED[:-1], ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_committed_lock_fits_its_composer_json(folder: Path) -> None:
    composer_json = json.loads((folder / "composer.json").read_text(encoding="utf-8"))
    written = json.loads((folder / "composer.lock").read_text(encoding="utf-8"))["content-hash"]
    assert written == lock.content_hash(composer_json)


def test_a_version_of_the_kit_lacks_what_its_changelog_says_came_later() -> None:
    first, second, third = kit.packages()
    assert [first.version, second.version, third.version] == ["1.0.0", "1.1.0", "1.2.0"]
    assert first.files.keys() < second.files.keys() < third.files.keys()
    assert _added(first, second) == {"Console", "Testing"}
    assert _added(second, third) == {"Privacy"}


def _added(old: Package, new: Package) -> set[str]:
    return {path.split("/")[1] for path in new.files.keys() - old.files.keys() if path.startswith("src/")}


def test_the_rule_on_the_kit_knows_its_versions_as_they_are() -> None:
    rule = skeleton.RULE.read_text(encoding="utf-8")
    assert skeleton.written(rule) == rule, "run: python -m amcloud_sandbox.composer.skeleton"


def test_each_version_of_the_kit_can_be_told_by_its_files() -> None:
    found = [{path: hashlib.sha256(data).digest() for path, data in s.items()} for s in skeleton.skeletons().values()]
    assert all(set(new.items()) != set(old.items()) for new, old in itertools.pairwise(found))
    assert all(set(skeleton.OWNED) <= files.keys() for files in found)
