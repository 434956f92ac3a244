"""Act 5: pushes are all it takes: a correction and a schema change get in, a broken revision does not."""

from __future__ import annotations

from amcloud_sandbox.demo import browser, cluster, exploitant
from amcloud_sandbox.demo.developer import read_report
from amcloud_sandbox.demo.scene import STAGE, Scene

CORRECTED, CHANGED, BROKEN = "r2-corrigee", "r2-priorite", "r3-cassee"


def the_next_ones_get_hosted(scene: Scene) -> None:
    """The corrected annuaire-local and a changed schema of suivi-courriers, built side by side."""
    narrator, corrected, changed = scene.narrator, scene.casts["annuaire-local"], scene.casts["suivi-courriers"]
    narrator.title("annuaire-local est corrigée, suivi-courriers change de schéma : les pousser suffit")
    with browser.load(exploitant.url_of(scene, changed, "cpam-bas-rhin") + "/sante") as load:
        scene.push(corrected, CORRECTED)
        scene.push(changed, CHANGED)
        for cast in (corrected, changed):
            status = scene.wait_for_verdict(cast)
            narrator.expect(status.status == "success", f"{cast.name} est conforme", instead=status.description)
        for cast in (corrected, changed):
            scene.wait_until_serving(cast)
    narrator.seen(f"annuaire-local répond à {corrected.line.url}, {corrected.line.serving_s:.1f} s après le push")
    migrations = scene.platform.kubectl("get", "jobs", "-n", f"{changed.name}-{STAGE}", "-o", "name").split()
    narrator.expect(migrations, "la migration a précédé la nouvelle révision de suivi-courriers")
    narrator.expect(
        not load.failures, f"mise à jour : {load.sent} requêtes, aucune en échec", instead=load.failures[:5]
    )


def the_broken_one_is_refused(scene: Scene) -> None:
    """The previous revision of suivi-courriers keeps answering, without one failed request."""
    narrator, cast = scene.narrator, scene.casts["suivi-courriers"]
    narrator.title("suivi-courriers est poussée cassée : elle est refusée, la révision précédente continue")
    served_commit = cast.commit
    agent_url = exploitant.url_of(scene, cast, "cpam-bas-rhin") + "/sante"
    with browser.load(agent_url) as load:
        scene.push(cast, BROKEN)
        status = scene.wait_for_verdict(cast)
        narrator.wait("le refus est visible", lambda: _stalled(scene), timeout_s=60)
    narrator.quote("statut du commit", f"{status.name} : {status.status}\n{status.description}")
    narrator.expect(status.status == "failed", "la révision cassée est refusée", instead=status.description)
    narrator.expect(read_report(status.target_url)["commit"] == cast.commit, "le rapport est celui de ce commit")
    stage = cluster.stage_status(scene.local_app(cast), STAGE)
    narrator.expect(stage.get("deployedCommit") == served_commit, "le commit servi n'a pas changé", instead=stage)
    narrator.expect(not load.failures, f"refus : {load.sent} requêtes, aucune en échec", instead=load.failures[:5])
    cast.line.verdict = "refusée ; la précédente sert"


def _stalled(scene: Scene) -> bool:
    found = scene.local_app(scene.casts["suivi-courriers"])
    return cluster.condition(found, "Stalled").get("status") == "True"
