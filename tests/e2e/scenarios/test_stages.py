"""Development, acceptance and production side by side on the real cluster, from a branch and a tag: one image digest,
and for each stage a database, a size, hosts and a gate of its own. Production opens by the DC2R's word alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from patience import until

from amcloud_sandbox import access
from amcloud_sandbox.access import Role
from amcloud_sandbox.demo import browser, cluster, install, projects
from amcloud_sandbox.demo.programs import Kubectl, WorkTree
from amcloud_sandbox.demo.projects import BRANCH
from amcloud_sandbox.demo.scene import Cast
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout

from ..conftest import Ground

NAME, NAMESPACE, TAG = "courriers-etapes", "cpam-bas-rhin", "v1.0.0"
DEVELOPMENT, ACCEPTANCE, PRODUCTION = STAGES = ("development", "acceptance", "production")
PACK = "psram-essai-des-etapes"
REFUSED_CODE = """<?php

declare(strict_types=1);

namespace App\\Saisie;

final class Conversion
{
    public static function vignette(string $nom): void
    {
        exec('convert ' . $nom);
    }
}
"""


def as_role(ground: Ground, role: Role) -> Kubectl:
    return Kubectl(ground.where.kubectl.program, access.role_kubeconfig(role, layout=Layout()))


def acceptance_report(commit: str, outcome: str, day: int) -> dict[str, Any]:
    """A sample procès-verbal of that commit."""
    spec = {
        "app": NAME,
        "commit": commit,
        "outcome": outcome,
        "signer": "Dominique Exemple, DC2R",
        "signedTime": datetime(2026, 1, day, 9, tzinfo=UTC).isoformat(),
        "document": {"digest": f"sha256:{day:064x}"},
    }
    metadata = {"name": f"{NAME}-{day}", "namespace": NAMESPACE}
    return {"apiVersion": cluster.API, "kind": "AcceptanceReport", "metadata": metadata, "spec": spec}


def gentle_pack() -> dict[str, Any]:
    """The same norms for whoever asks for them before everybody: at development, they are only told."""
    found = install.norm_pack()
    modes = {DEVELOPMENT: "Audit", ACCEPTANCE: "Enforce", PRODUCTION: "Enforce"}
    spec = {**found["spec"], "effectiveTime": "2199-01-01T00:00:00Z", "enforcement": modes}
    return {**found, "metadata": {"name": PACK}, "spec": spec}


@pytest.fixture(scope="module")
def cast(ground: Ground) -> Iterator[Cast]:
    """Development and acceptance follow the main branch, production tags; none exists yet."""
    stages = [
        {"name": DEVELOPMENT, "ref": {"branch": BRANCH}, "size": "small"},
        {"name": ACCEPTANCE, "ref": {"branch": BRANCH}, "size": "small"},
        {"name": PRODUCTION, "ref": {"tag": "v*"}, "size": "medium"},
    ]
    hosting = {"size": "small", "replicas": {"min": 1, "max": 1}}
    asked = {"stages": stages, "hosting": hosting, "normPack": {"version": install.PACK}}
    ground.where.kubectl.apply(gentle_pack())
    try:
        with ground.application(NAME, manifest=asked) as declared:
            untag(ground, declared)
            yield declared
            untag(ground, declared)
    finally:
        ground.where.kubectl("delete", "normpack", PACK, "--ignore-not-found")
        ground.where.kubectl("delete", "pvr", "-n", NAMESPACE, f"{NAME}-1", f"{NAME}-2", "--ignore-not-found")


def tree(ground: Ground, cast: Cast) -> tuple[WorkTree, str]:
    made = WorkTree(ground.work / cast.name, ground.where.forge_developer_token)
    return made, f"{ground.where.forge_url}/{cast.project}.git"


def untag(ground: Ground, cast: Cast) -> None:
    """The forge outlives the sandbox's runs: the tag of another one goes, though only its maintainers may remove it."""
    tags = projects.connect(ground.where).projects.get(cast.project).tags
    for tag in tags.list(get_all=True):
        tags.delete(tag.name)


def condition(ground: Ground, cast: Cast, stage: str, kind: str = "Ready") -> Mapping[str, str]:
    listed = ground.stage(cast, stage).get("conditions", [])
    return next((c for c in listed if c["type"] == kind), {})


def reason(ground: Ground, cast: Cast, stage: str) -> str:
    return condition(ground, cast, stage).get("reason", "")


def deployment(ground: Ground, stage: str) -> Any:
    return ground.where.kubectl.json("get", "deployment", NAME, "-n", f"{NAME}-{stage}")


def image(ground: Ground, stage: str) -> str:
    return str(deployment(ground, stage)["spec"]["template"]["spec"]["containers"][0]["image"])


def test_production_without_a_proces_verbal_is_refused_and_nothing_of_it_exists(ground: Ground, cast: Cast) -> None:
    for stage in (DEVELOPMENT, ACCEPTANCE):
        until(f"{stage} serves", lambda stage=stage: reason(ground, cast, stage) == "Serving")
    until("no tag yet", lambda: reason(ground, cast, PRODUCTION) == "RefNotFound")
    clone, url = tree(ground, cast)
    clone.git("push", "--quiet", url, f"{cast.commit}:refs/tags/{TAG}")
    until("refused", lambda: reason(ground, cast, PRODUCTION) == "AcceptanceMissing")
    assert "la DC2R doit en enregistrer un" in condition(ground, cast, PRODUCTION)["message"]
    as_role(ground, Role.DC2R).apply(acceptance_report(cast.commit, "Negative", 1))
    until("the negative one counts", lambda: "est négatif" in condition(ground, cast, PRODUCTION)["message"])
    assert ground.where.kubectl.find("get", "namespace", f"{NAME}-{PRODUCTION}") is None


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DEVELOPER, Role.AUDITOR])
def test_nobody_but_the_dc2r_opens_production(ground: Ground, cast: Cast, role: Role) -> None:
    with pytest.raises(SandboxError) as refused:
        as_role(ground, role).apply(acceptance_report(cast.commit, "Positive", 2))
    assert "Forbidden" in refused.value.hint or "forbidden" in refused.value.hint


def test_a_positive_one_puts_the_very_image_of_acceptance_in_production(ground: Ground, cast: Cast) -> None:
    as_role(ground, Role.DC2R).apply(acceptance_report(cast.commit, "Positive", 2))
    until("production serves", lambda: reason(ground, cast, PRODUCTION) == "Serving")
    assert condition(ground, cast, PRODUCTION, "Accepted")["status"] == "True"
    stage = ground.stage(cast, PRODUCTION)
    assert stage["deployedCommit"] == cast.commit
    assert "@sha256:" in image(ground, PRODUCTION)
    assert image(ground, PRODUCTION) == image(ground, ACCEPTANCE) == image(ground, DEVELOPMENT)


def test_each_stage_has_its_own_database_size_organisations_and_hosts(ground: Ground, cast: Cast) -> None:
    def databases(stage: str) -> str:
        secret = ground.where.kubectl.json("get", "secret", "amcloud-credentials", "-n", f"{NAME}-{stage}")
        return str(secret["data"]["database-url"])

    def served(stage: str) -> list[str]:
        found = ground.where.kubectl.json("get", "configmap", "organisations", "-n", f"{NAME}-{stage}")
        return [one["code"] for one in json.loads(found["data"]["organisations.json"])["organisations"]]

    assert len({databases(stage) for stage in STAGES}) == 3
    limits = [
        deployment(ground, stage)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        for stage in STAGES
    ]
    assert limits[0] == limits[1] != limits[2], limits
    assert not set(served(DEVELOPMENT)) & {"671", "681"}, "development serves synthetic organisations alone"
    assert served(ACCEPTANCE) == served(PRODUCTION) == ["671", "681"]
    assert ground.stage(cast, PRODUCTION)["url"] == f"http://cpam-bas-rhin.{NAME}.amcloud.localhost:8080"

    mark, agents = f"Courrier exemple {time.time_ns()}", {}
    for stage in (ACCEPTANCE, PRODUCTION):
        agents[stage] = browser.sign_in("671", f"{NAME}-{stage}")
    here = f"{ground.stage(cast, PRODUCTION)['url']}/courriers"
    record = {"reference": mark[-8:], "objet": mark, "expediteur": "Assuré fictif", "recu_le": "2026-01-05"}
    assert agents[PRODUCTION].post(here, record).status_code == 201
    assert mark in agents[PRODUCTION].get(here).text
    assert mark not in agents[ACCEPTANCE].get(f"{ground.stage(cast, ACCEPTANCE)['url']}/courriers").text


def test_each_stage_has_its_own_gate_told_at_one_refused_at_the_next(ground: Ground, cast: Cast) -> None:
    accepted = cast.commit

    def change(folder: Path) -> None:
        (folder / "src" / "Saisie" / "Conversion.php").write_text(REFUSED_CODE, encoding="utf-8")

    ground.push(cast, change)
    until("acceptance refuses it", lambda: reason(ground, cast, ACCEPTANCE) == "NotConformant")
    assert "SEC-002" in condition(ground, cast, ACCEPTANCE)["message"]
    until("development takes it", lambda: ground.stage(cast, DEVELOPMENT).get("deployedCommit") == cast.commit)
    told = condition(ground, cast, DEVELOPMENT, "Conformant")
    assert told["status"] == "False" and "SEC-002" in told["message"], told
    assert [ground.stage(cast, stage)["deployedCommit"] for stage in STAGES] == [cast.commit, accepted, accepted]
    assert condition(ground, cast, ACCEPTANCE, "Available")["status"] == "True"
    assert reason(ground, cast, PRODUCTION) == "Serving"


def test_what_was_not_accepted_is_not_promoted_to_production(ground: Ground, cast: Cast) -> None:
    before = image(ground, PRODUCTION)
    environment = {**os.environ, "KUBECONFIG": str(access.role_kubeconfig(Role.OPERATOR, layout=Layout()))}
    words = ("promote", NAME, "--from", DEVELOPMENT, "--to", PRODUCTION, "--reason", "essai")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "amcloud", *words],
        env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "SEC-002" in done.stderr or "procès-verbal" in done.stderr, done.stderr
    assert image(ground, PRODUCTION) == before
