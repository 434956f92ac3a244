"""The advisory database: three forms, one meaning; damaged or cut, it says so and is never trusted."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import advisories
from psram.advisories.database import Database
from psram.facts import LockedPackage
from psram.proofs import AdvisoryDatabase

ENTRY = """title:     Contournement du bac à sable (exemple)
link:      https://exemple.example/avis
cve:       CVE-2024-99999
branches:
    2.x:
        time:     2024-09-09 18:00:00
        versions: ['<2.16.1']
    3.x:
        time:     2024-09-10 18:00:00
        versions: ['>=3.12.0', '<3.14.0']
reference: composer://twig/twig
"""
OTHER = ENTRY.replace("CVE-2024-99999", "~").replace("twig/twig", "symfony/yaml").replace("2024-09-10", "2025-01-02")
TREE = {"twig/twig/CVE-2024-99999.yaml": ENTRY, "symfony/yaml/2025-01-02.yaml": OTHER, "README.md": "# lisez-moi"}
JSON: dict[str, Any] = {
    "advisories": {
        "twig/twig": [
            {
                "advisoryId": "PKSA-exemple",
                "packageName": "twig/twig",
                "title": "Contournement du bac à sable (exemple)",
                "link": "https://exemple.example/avis",
                "cve": "CVE-2024-99999",
                "affectedVersions": "<2.16.1|>=3.12.0,<3.14.0",
                "reportedAt": "2024-09-09 18:00:00",
                "sources": [{"name": "GitHub", "remoteId": "GHSA-exemple"}],
            }
        ]
    },
}
LOCK = [LockedPackage("twig/twig", "v3.13.0"), LockedPackage("psr/log", "1.1.4")]


def folder(tmp_path: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return tmp_path


def zipped(files: dict[str, str], top: str = "security-advisories-main/") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(top + path, text)
    return buffer.getvalue()


def concerning(database: Database, packages: list[LockedPackage] | None = None) -> AdvisoryDatabase:
    return database.concerning(LOCK if packages is None else packages)


def test_a_folder_a_zip_and_a_json_file_say_the_same(tmp_path: Path) -> None:
    tree = advisories.read(folder(tmp_path, TREE))
    archive = advisories.parse(zipped(TREE), source="archive")
    file = advisories.parse(json.dumps(JSON).encode(), source="json")
    for database in (tree, archive, file):
        assert database.problem == ""
        (found,) = concerning(database).entries
        assert (found.package, found.id, found.reported_on) == ("twig/twig", "CVE-2024-99999", date(2024, 9, 9))
        assert found.affected == ("<2.16.1", ">=3.12.0,<3.14.0")
    assert tree.digest == archive.digest
    assert (tree.size, tree.dated) == (2, date(2025, 1, 2))
    assert (file.size, file.dated) == (1, date(2024, 9, 9))


def test_only_what_concerns_the_lock_is_kept(tmp_path: Path) -> None:
    database = advisories.read(folder(tmp_path, TREE))
    assert concerning(database, [LockedPackage("twig/twig", "v3.14.2")]).entries == ()
    assert concerning(database, []).entries == ()
    assert [a.id for a in concerning(database, [LockedPackage("symfony/yaml", "2.0.0")]).entries] == ["2025-01-02"]


def test_a_version_that_cannot_be_compared_is_kept_for_the_rule_to_tell(tmp_path: Path) -> None:
    database = advisories.read(folder(tmp_path, TREE))
    assert len(concerning(database, [LockedPackage("twig/twig", "dev-main")]).entries) == 1


def test_a_mirror_may_say_when_it_was_refreshed(tmp_path: Path) -> None:
    assert advisories.read(folder(tmp_path, {**TREE, "dated": "2026-06-01\n"})).dated == date(2026, 6, 1)
    assert advisories.parse(json.dumps({**JSON, "dated": "2026-06-01"}).encode(), source="").dated == date(2026, 6, 1)


@pytest.mark.parametrize("form", ["tree", "json"])
def test_a_distributions_correction_is_bound_to_a_version(tmp_path: Path, form: str) -> None:
    said = [
        {"package": "twig/twig", "version": "v3.13.0", "advisories": ["CVE-2024-99999"], "by": "Debian 12 (exemple)"}
    ]
    if form == "tree":
        database = advisories.read(folder(tmp_path, {**TREE, "corrections.json": json.dumps(said)}))
    else:
        database = advisories.parse(json.dumps({**JSON, "corrections": said}).encode(), source="")
    (found,) = concerning(database).entries
    assert (found.corrected_in, found.corrected_by) == ("v3.13.0", "Debian 12 (exemple)")
    (other,) = concerning(database, [LockedPackage("twig/twig", "v3.12.0")]).entries
    assert other.corrected_in == ""


def test_the_same_content_has_the_same_digest_and_another_one_another(tmp_path: Path) -> None:
    first = advisories.read(folder(tmp_path / "a", TREE)).digest
    assert advisories.read(folder(tmp_path / "b", TREE)).digest == first
    changed = {**TREE, "twig/twig/CVE-2024-99999.yaml": ENTRY.replace("3.14.0", "3.14.1")}
    assert advisories.read(folder(tmp_path / "c", changed)).digest != first


def test_a_database_written_as_one_file_says_the_same(tmp_path: Path) -> None:
    database = advisories.read(folder(tmp_path, {**TREE, "dated": "2026-06-01"}))
    again = advisories.parse(advisories.dump(database), source="")
    assert again.problem == ""
    assert (again.size, again.dated) == (database.size, database.dated)
    assert concerning(again).entries == concerning(database).entries
    assert advisories.dump(again) == advisories.dump(database)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(json.dumps(JSON).encode()[: len(json.dumps(JSON)) // 2], "coupé", id="JSON cut in half"),
        pytest.param(zipped(TREE)[: len(zipped(TREE)) // 2], "archive zip est coupée", id="zip cut in half"),
        pytest.param(b"", "coupé", id="nothing"),
        pytest.param(b"<html>503</html>", "coupé", id="a proxy's page"),
        pytest.param(b'{"advisories": {}}', "vide", id="no advisory"),
        pytest.param(b'{"advisories": []}', "vide", id="no advisory, as PHP writes it"),
        pytest.param(b'{"autre": 1}', "forme attendue", id="another JSON"),
        pytest.param(b'{"advisories": {"a/b": [{"affectedVersions": 3}]}}', "forme attendue", id="wrong types"),
        pytest.param(b'{"advisories": {"a/b": [{"affectedVersions": "<1"}]}}', "aucune date", id="no date at all"),
        pytest.param(b"\xff\xfe" + b"\0" * 40, "coupé", id="not UTF-8"),
        pytest.param(b'{"x": ' + b"[" * 100_000, "coupé", id="deep"),
        pytest.param(b'{"advisories": {"a/b": [{"affectedVersions": " | "}]}}', "touche aucune", id="affects nothing"),
        pytest.param(zipped({"README.md": "x"}), "vide", id="a zip without advisories"),
    ],
)
def test_a_database_that_cannot_be_trusted_says_why(content: bytes, said: str) -> None:
    database = advisories.parse(content, source="essai")
    assert "inutilisable" in database.problem
    assert said in database.problem
    found = concerning(database)
    assert found.problem == database.problem
    assert found.entries == ()


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(ENTRY[: len(ENTRY) // 2], id="cut in half"),
        pytest.param(ENTRY.replace("versions: ['<2.16.1']", "versions: ~"), id="no version"),
        pytest.param("- liste\n", id="not a map"),
        pytest.param("a: " + "[" * 5000, id="deep"),
        pytest.param("- " * 20000, id="deep, compact"),
        pytest.param("x" * 300_000, id="too long"),
        pytest.param(ENTRY.replace("branches", "branches: *nulle\nx"), id="unknown alias"),
        pytest.param(ENTRY.replace("2024-09-10", "2024-13-10"), id="a thirteenth month"),
        pytest.param(ENTRY + "x: !!int ''\n", id="an empty number"),
        pytest.param(ENTRY + "x: !!bool x\n", id="neither true nor false"),
        pytest.param(ENTRY + "x: !!timestamp x\n", id="no date"),
    ],
)
def test_a_damaged_entry_makes_the_database_unusable_for_who_needs_it_only(tmp_path: Path, damaged: str) -> None:
    database = advisories.read(folder(tmp_path, {**TREE, "twig/twig/CVE-2024-99999.yaml": damaged}))
    found = concerning(database)
    assert "twig/twig/CVE-2024-99999.yaml est coupé ou mal formé" in found.problem
    assert found.entries == ()
    assert concerning(database, [LockedPackage("psr/log", "1.0.0")]).problem == ""


def test_a_file_that_is_not_the_one_its_mirror_sealed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "avis.json"
    content = json.dumps(JSON).encode()
    file.write_bytes(content)
    seal = tmp_path / "avis.json.sha256"
    seal.write_text(f"{hashlib.sha256(content).hexdigest()}  avis.json\n")
    assert advisories.read(file).problem == ""
    file.write_bytes(content.replace(b"3.14.0", b"3.12.1"))
    assert "empreinte" in advisories.read(file).problem
    seal.write_text("n'importe quoi")
    assert "empreinte" in advisories.read(file).problem


def test_a_missing_path_and_a_zip_bomb_are_told(tmp_path: Path) -> None:
    assert "n'existe pas" in advisories.read(tmp_path / "absente").problem
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"a/b/{number}.yaml", b"0" * (30 << 20))
    assert "démesurée" in advisories.parse(buffer.getvalue(), source="").problem


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda b: b"PK\x03\x04" + b)))
def test_any_bytes_are_a_database_or_have_a_problem(content: bytes) -> None:
    database = advisories.parse(content, source="")
    assert database.problem or database.packages


@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_zip_with_one_byte_changed_never_crashes(position: int, byte: int) -> None:
    content = bytearray(zipped(TREE))
    content[position % len(content)] = byte
    concerning(advisories.parse(bytes(content), source=""))


@given(st.one_of(st.text(max_size=200), st.text(alphabet="branchesvio:tm[]'<>=.0-9 \n&*!{}~", max_size=200)))
def test_any_entry_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    files = [("twig/twig/avis.yaml", text.encode("utf-8", "surrogatepass")), ("dated", b"2026-01-01")]
    from psram.advisories import tree

    found = concerning(tree.load(files, ""))
    assert found.problem or isinstance(found.entries, tuple)


def test_a_package_named_twice_is_judged_in_both_versions(tmp_path: Path) -> None:
    database = advisories.read(folder(tmp_path, TREE))
    both = [LockedPackage("twig/twig", "v3.13.0"), LockedPackage("twig/twig", "v3.14.2", dev=True)]
    assert len(concerning(database, both).entries) == len(concerning(database, both[::-1]).entries) == 1
