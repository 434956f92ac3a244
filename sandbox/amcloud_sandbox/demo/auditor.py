"""Act 4, third voice: the auditor reads the report at its address and makes it again, offline, to the same bytes."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from amcloud_sandbox import identity
from amcloud_sandbox.demo.programs import WorkTree, run
from amcloud_sandbox.demo.scene import Scene

APP = "suivi-courriers"
TIMEOUT_S = 10


def recomputes_the_report(scene: Scene) -> None:
    """The published report and the one computed from a clone and the evidence file are the same bytes."""
    narrator, cast = scene.narrator, scene.casts[APP]
    narrator.title("L'auditeur lit le rapport et le recalcule hors ligne")
    address, session = cast.line.report_url, identity.edge_session()
    page = session.get(address, timeout=TIMEOUT_S)
    narrator.expect(page.ok and "<html" in page.text, f"le rapport se lit à {address}", instead=page.status_code)
    published = session.get(f"{address}.json", timeout=TIMEOUT_S).content
    evidence = scene.work / "pieces.json"
    evidence.write_bytes(session.get(f"{address}/evidence.json", timeout=TIMEOUT_S).content)

    clone = scene.work / "clone-auditeur"
    run(["rm", "-rf", str(clone)])
    url = f"{scene.platform.forge_url}/{cast.project}.git"
    WorkTree(scene.work, scene.platform.forge_developer_token).git("clone", "--quiet", url, str(clone))
    amcloud = str(Path(sys.executable).with_name("amcloud"))
    command = [amcloud, "check", str(clone), "--commit", cast.commit, "--evidence", str(evidence), "--format", "json"]
    recomputed = run_bytes(command)
    digests = [hashlib.sha256(content).hexdigest() for content in (published, recomputed)]
    shown = f"{digests[0]}  publié\n{digests[1]}  recalculé"
    narrator.quote(
        f"amcloud check clone --commit {cast.commit[:8]} --evidence pieces.json --format json | sha256sum", shown
    )
    narrator.expect(published == recomputed, "les deux rapports sont identiques à l'octet", instead=shown)


def run_bytes(command: list[str]) -> bytes:
    """Standard output of ``amcloud check``; its exit code is the verdict, so 1 is an answer too."""
    import subprocess

    return subprocess.run(command, capture_output=True, timeout=120, check=False).stdout
