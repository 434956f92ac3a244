"""The issue's list of bad input: each gives one clear reason on the LocalApp, and nothing ends the operator."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud_sandbox.testing.forge import RunningForge, git

from .conftest import GROUP_PATH, NAMESPACE, ROOT, Cluster, Operator, local_app, project, statuses

Make = Callable[[RunningForge, str, Path], None]


def _files(**files: str) -> Make:
    def make(forge: RunningForge, name: str, _: Path) -> None:
        named = {path.replace("__", "/").replace("_json", ".json"): content for path, content in files.items()}
        forge.commit(f"{GROUP_PATH}/{name}", named)

    return make


def _empty(forge: RunningForge, name: str, _: Path) -> None:
    forge.project(f"{GROUP_PATH}/{name}")


def _work(forge: RunningForge, name: str, folder: Path, fill: Callable[[Path], None]) -> None:
    forge.project(f"{GROUP_PATH}/{name}")
    git(folder, "init", "--quiet", "--initial-branch=main")
    fill(folder)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "hostile")
    forge.push(folder, f"{GROUP_PATH}/{name}", "HEAD:refs/heads/main")


def _link(forge: RunningForge, name: str, folder: Path) -> None:
    _work(forge, name, folder, lambda work: (work / "composer.json").symlink_to("../../../../etc/passwd"))


def _big(forge: RunningForge, name: str, folder: Path) -> None:
    def fill(work: Path) -> None:
        with (work / "gros.bin").open("wb") as file:
            file.truncate(200 * 1024 * 1024)
        (work / "a.php").write_text("<?php\n", encoding="utf-8")

    _work(forge, name, folder, fill)


def _many(forge: RunningForge, name: str, folder: Path) -> None:
    def fill(work: Path) -> None:
        for number in range(50_000):
            if number % 500 == 0:
                (work / str(number // 500)).mkdir()
            (work / str(number // 500) / f"{number}.txt").write_bytes(b"x")

    _work(forge, name, folder, fill)


def _submodule(forge: RunningForge, name: str, folder: Path) -> None:
    def fill(work: Path) -> None:
        (work / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ../../secret\n', encoding="utf-8")
        git(work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},x")

    forge.project(f"{GROUP_PATH}/{name}")
    git(folder, "init", "--quiet", "--initial-branch=main")
    fill(folder)
    git(folder, "add", ".gitmodules")
    git(folder, "commit", "--quiet", "-m", "hostile")
    forge.push(folder, f"{GROUP_PATH}/{name}", "HEAD:refs/heads/main")


def _odd_names(forge: RunningForge, name: str, folder: Path) -> None:
    def fill(work: Path) -> None:
        for odd in ("a\nb.php", "c\t\x1b[31m.php", "-rf.php", "é\u202e.php"):
            Path(os.fsdecode(os.fsencode(work) + b"/" + odd.encode())).write_text("<?php\n", encoding="utf-8")

    _work(forge, name, folder, fill)


REPOSITORIES = [
    pytest.param("vide", _empty, {"RefNotFound", "RepositoryRefused"}, id="empty"),
    pytest.param("sans-composer", _files(index_php="<?php\n"), {"NotConformant"}, id="without composer.json"),
    pytest.param(
        "composer-casse", _files(composer_json="{ceci n'est pas du JSON"), {"NotConformant"}, id="broken JSON"
    ),
    pytest.param("lien", _link, {"NotConformant", "RepositoryRefused"}, id="a link out of the tree"),
    pytest.param("sous-module", _submodule, {"NotConformant", "RepositoryRefused"}, id="a submodule"),
    pytest.param("noms", _odd_names, {"NotConformant", "RepositoryRefused"}, id="odd names"),
    pytest.param("gros", _big, {"NotConformant", "ConformanceUnknown", "RepositoryRefused"}, id="a 200 MB file"),
    pytest.param("beaucoup", _many, {"NotConformant", "ConformanceUnknown", "RepositoryRefused"}, id="50,000 files"),
]


@pytest.mark.parametrize(("name", "make", "reasons"), REPOSITORIES)
def test_a_hostile_repository_gets_one_reason(
    cluster: Cluster,
    forge: RunningForge,
    operator: Operator,
    token: str,
    tmp_path: Path,
    name: str,
    make: Make,
    reasons: set[str],
) -> None:
    project(forge, operator, name)
    make(forge, name, tmp_path)
    cluster.apply(local_app(name))
    message = cluster.wait_reason(name, *reasons, timeout_s=120)
    assert cluster.ready(name)[0] == "False"
    assert message and message.isprintable() and len(message) <= 1024
    assert "Traceback" not in message and token not in message
    heads = forge.client().projects.get(f"{GROUP_PATH}/{name}").branches.list(get_all=True)
    if heads:
        assert ("amcloud/psram", "failed") in statuses(forge, name, heads[0].commit["id"])
    assert operator.alive()
    cluster.custom.delete_namespaced_custom_object("amcloud.cnamts.fr", "v1", NAMESPACE, "localapps", name)


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        pytest.param("absent", {}, "absent", id="a missing project"),
        pytest.param(
            "autrui",
            {"repository": {"project": f"{GROUP_PATH}/fermee", "credentialsRef": {"name": "forge-token-faux"}}},
            "jeton", id="a private project with a wrong token",
        ),
        pytest.param(
            "sans-secret", {"repository": {"project": f"{GROUP_PATH}/x", "credentialsRef": {"name": "absent"}}},
            "absent", id="a credential that is not there",
        ),
    ],
)  # fmt: skip
def test_a_repository_that_may_not_be_read_says_so(
    cluster: Cluster,
    forge: RunningForge,
    operator: Operator,
    token: str,
    name: str,
    spec: dict[str, Any],
    words: str,
) -> None:
    forge.project(f"{GROUP_PATH}/fermee")
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forge-token-faux", "namespace": NAMESPACE},
         "stringData": {"token": "glpat-faux"}}
    )  # fmt: skip
    cluster.apply(local_app(name, **spec))
    message = cluster.wait_reason(name, "RepositoryRefused")
    assert words in message.lower()
    assert "glpat-faux" not in message


@pytest.mark.parametrize(
    ("name", "spec", "field"),
    [
        pytest.param("organisme-inconnu", {"organisations": ["671", "999"]}, "spec.organisations[1]", id="tenant"),
        pytest.param(
            "projet-d-autrui", {"repository": {"project": "cpam-haut-rhin/x"}}, "spec.repository.project", id="project"
        ),
        pytest.param("proprietaire-autre", {"owner": {"organisation": "681"}}, "spec.owner.organisation", id="owner"),
        pytest.param("rapports", {}, "metadata.name", id="a reserved name"),
        pytest.param("x" * 41, {}, "metadata.name", id="too long a name"),
        pytest.param(
            "heure-fausse",
            {"hosting": {"schedules": [{"name": "a", "schedule": "0 25 * * *", "command": ["x"]}]}},
            "spec.hosting.schedules[0].schedule",
            id="a 25th hour",
        ),
    ],
)  # fmt: skip
def test_what_only_the_operator_can_refuse_names_the_field(
    cluster: Cluster, operator: Operator, name: str, spec: dict[str, Any], field: str
) -> None:
    cluster.apply(local_app(name, **spec))
    assert field in cluster.wait_reason(name, "InvalidManifest")
    conditions = cluster.local_app(name)["status"]["conditions"]  # type: ignore[index]
    assert {c["type"]: c["status"] for c in conditions} == {"Ready": "False", "Stalled": "True"}


SAMPLES = sorted((ROOT / "crds" / "samples" / "refused").glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_refused_sample_is_refused_by_the_server_or_by_the_operator(
    cluster: Cluster, operator: Operator, path: Path
) -> None:
    text = path.read_text(encoding="utf-8")
    by, _, words = text.splitlines()[0].removeprefix("# ").partition(": ")
    done = cluster.kubectl("apply", "--validate=false", "-f", str(path))
    if by == "schema":
        assert done.returncode != 0
        assert words in done.stderr
        return
    if done.returncode != 0:  # a server from 1.25 on evaluates CEL itself
        assert words in done.stderr
        return
    document = yaml.safe_load(text)
    name = document["metadata"]["name"]
    if document["kind"] != "LocalApp":  # what uses it checks it: stages/declared/connectors.py, stages/jobs/command.py
        cluster.kubectl("delete", "-f", str(path), "--wait=true", "--timeout=30s")
        return
    try:
        cluster.wait_reason(name, "InvalidManifest")
    finally:
        cluster.kubectl("delete", "-f", str(path), "--wait=true", "--timeout=30s")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "crds" / "samples" / "valid").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_valid_sample_is_accepted_whole(cluster: Cluster, path: Path) -> None:
    done = cluster.kubectl("apply", "--dry-run=server", "-f", str(path))  # the client checks for unknown fields too
    assert done.returncode == 0, done.stderr
