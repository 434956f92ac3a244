"""A draft of the norms is rehearsed over the LocalApps of a running operator, with what it judged them by."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from amcloud_sandbox.testing.forge import RunningForge
from psram import packs

from .conftest import GROUP_PATH, Cluster, Operator, local_app, project

AMCLOUD = Path(sys.executable).with_name("amcloud")
LOOSE = "<?php\n\nnamespace App;\n\nfinal class A\n{\n}\n"


def test_a_draft_is_rehearsed_in_the_operators_place(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str, tmp_path: Path
) -> None:
    project(forge, operator, "repetee")
    commit = forge.commit(f"{GROUP_PATH}/repetee", {"src/A.php": LOOSE})
    cluster.apply(local_app("repetee"))
    cluster.wait_reason("repetee", "NotConformant")
    draft = Path(shutil.copytree(packs.folder() / packs.DEFAULT, tmp_path / "psram-exemple"))
    (draft / "digest").unlink(missing_ok=True)
    rule = draft / "rules/PHP-004.yaml"
    lines = rule.read_text("utf-8").splitlines(keepends=True)
    stricter = "severity: {labellisation: bloquante, homologation: bloquante}\n"
    rule.write_text("".join(stricter if line.startswith("severity:") else line for line in lines), "utf-8")

    archive = subprocess.run(["tar", "c", "-C", str(tmp_path), draft.name], capture_output=True, check=True).stdout
    done = subprocess.run(
        [AMCLOUD, "rehearse", "-", "--format", "json"],
        input=archive,
        env=dict(operator.environment),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, 1, 2}, done.stderr.decode()
    found = {line["name"]: line for line in json.loads(done.stdout)["applications"]}
    line = found["cpam-bas-rhin/repetee (acceptance)"]
    assert line["commit"] == commit
    assert line["change"] == "refus aggravé"
    assert [rule["rule"] for rule in line["rules"]] == ["PHP-004"]
    assert line["organisation"] == "cpam-bas-rhin"
