"""What CONTRIBUTING says of adding something is complete: each row's places know each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import DOCUMENTS, ROOT

from amcloud import stages
from amcloud.cli.hints import HINTS
from amcloud.stages.objects.kinds import OPTIONAL, VERSIONS
from amcloud.stages.reasons import ROLLOUT_FAILURES, WAITING, Reason

SOURCES = (ROOT, ROOT / "operator" / "amcloud", ROOT / "conformance", ROOT / "conformance" / "psram")
CRDS = sorted(path.stem for path in (ROOT / "crds").glob("*.yaml"))
TOLD_BESIDE = {Reason.ISOLATION_UNPROVEN, Reason.STORAGE_EXCEEDED}
"""Somebody should act, and nothing is kept from serving: no next command."""


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rules(name: str) -> list[dict[str, Any]]:
    """The rules of every role of a file of ``deploy/``."""
    roles = [one for one in yaml.safe_load_all(read(f"deploy/{name}")) if one["kind"] in {"ClusterRole", "Role"}]
    return [rule for role in roles for rule in role["rules"]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_that_a_page_names_exists(document: Path) -> None:
    for named in re.findall(r"`([\w./-]+/[\w.-]+\.py)`", document.read_text(encoding="utf-8")):
        assert any((root / named).exists() for root in SOURCES), named


CONTRACTS = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]


def layers(package: str) -> list[str]:
    return next(one["layers"] for one in CONTRACTS if one.get("containers") == [package])


def steps() -> tuple[str, ...]:
    return tuple(name for layer in layers("amcloud.stages") for name in re.findall(r"\w+", layer))


def test_the_order_of_imports_is_drawn_as_the_contract_has_it() -> None:
    drawn = read("ARCHITECTURE.md").partition("\n__main__ →")[2].partition("\n       │")[0]
    assert [" ".join(layer.split()) for layer in f"__main__ → {drawn}".split("→")] == layers("amcloud")


@pytest.mark.parametrize("name", steps())
def test_a_step_and_a_folder_of_decisions_are_where_a_newcomer_looks(name: str) -> None:
    assert f"``{name}``" in str(stages.__doc__)
    assert f"`{name}`" in read("ARCHITECTURE.md")


@pytest.mark.parametrize("folder", [name for name in steps() if (Path(stages.__file__).parent / name).is_dir()])
def test_the_modules_of_a_folder_of_decisions_have_a_contract_of_their_own(folder: str) -> None:
    package = f"amcloud.stages.{folder}"
    mine = [one for one in CONTRACTS if one.get("containers") == [package] or one.get("modules") == [f"{package}.*"]]
    assert mine and all(one["type"] == "independence" or one["exhaustive"] for one in mine)


@pytest.mark.parametrize("kind", VERSIONS)
def test_the_operator_may_write_and_remove_each_kind_of_hosting_object(kind: str) -> None:
    offered = yaml.safe_load(read("tests/data/discovery/kubernetes-1.34.yaml"))["resources"]
    versions = [version for version in VERSIONS[kind] if kind in offered.get(version, {})]
    assert versions, "no discovery document of the tests offers it"
    group, plural = versions[0].rpartition("/")[0], offered[versions[0]][kind][0]
    verbs = {
        verb
        for rule in rules("base/rbac-operator.yaml")
        if group in rule["apiGroups"] and plural in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {"get", "create", "patch", "delete"} <= verbs


def test_kinds_that_a_cluster_may_lack_are_kinds_of_hosting_objects() -> None:
    assert set(OPTIONAL) <= set(VERSIONS)


def test_a_reason_is_explained_in_the_table_of_its_group_and_has_its_next_command() -> None:
    tables = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", read("docs/raisons.md"), re.MULTILINE | re.DOTALL))
    told = {title: set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) for title, table in tables.items()}
    assert told["La plateforme y travaille"] == WAITING
    assert told["Quelqu'un doit agir"] >= ROLLOUT_FAILURES | TOLD_BESIDE
    assert (told["La plateforme y travaille"] | told["Quelqu'un doit agir"]) - TOLD_BESIDE <= set(HINTS) <= set(Reason)


@pytest.mark.parametrize("plural", CRDS)
def test_a_kind_has_its_page_samples_and_rights(plural: str) -> None:
    kind = plural.removesuffix("s")
    assert f"(crds/{kind}.md)" in read("docs/README.md")
    for folder in ("valid", "refused"):
        assert list((ROOT / "crds" / "samples" / folder).glob(f"{kind}*.yaml")), folder
    for name in ("rbac-operator", "rbac-people"):
        assert any(plural in rule["resources"] for rule in rules(f"base/{name}.yaml")), name


@pytest.mark.parametrize("plural", CRDS)
def test_a_kind_is_kept_in_the_archive_of_the_cluster_or_is_said_not_to_be(plural: str) -> None:
    from amcloud.clients.rebuilding import NOT_KEPT

    kind = yaml.safe_load(read(f"crds/{plural}.yaml"))["spec"]["names"]["kind"]
    listed = any(plural in rule["resources"] for rule in rules("backups/rbac.yaml"))
    assert listed is (kind not in NOT_KEPT)
