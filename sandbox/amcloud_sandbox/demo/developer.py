"""Act 4, first voice: what the developer reads on the commit and in the report."""

from __future__ import annotations

from typing import Any

import requests

from amcloud_sandbox import identity
from amcloud_sandbox.demo.scene import PSRAM, Cast, Scene

TIMEOUT_S = 10


def reads_the_verdicts(scene: Scene) -> None:
    """One application is refused for its violations, one for its track alone, one is let in and serves."""
    scene.narrator.title("Le développeur lit le verdict sur son commit")
    refused, catalogued, hosted = (scene.casts[n] for n in ("annuaire-local", "tableau-perso", "suivi-courriers"))

    status = scene.wait_for_verdict(refused)
    quote_status(scene, refused, status)
    scene.narrator.expect(status.status == "failed", "annuaire-local est refusée", instead=status.description)
    report = read_report(status.target_url)
    blocking = [result for result in report["results"] if result["blocks"] and result["moment"] == "source"]
    _quote_findings(scene, blocking)
    families = {result["family"] for result in blocking}
    scene.narrator.expect(len(families) == 5, "cinq violations de familles différentes", instead=sorted(families))  # noqa: PLR2004
    scene.narrator.expect("MTN" in families, "dont une fuite entre organismes")

    status = scene.wait_for_verdict(catalogued)
    quote_status(scene, catalogued, status)
    report = read_report(status.target_url)
    violated = [result["rule_id"] for result in report["results"] if result["verdict"] == "non_conforme"]
    scene.narrator.expect(not violated, "tableau-perso n'a aucune violation", instead=violated)
    found = scene.narrator.wait(
        "tableau-perso : filière", lambda: _reason(scene, catalogued) == "Catalogued", timeout_s=60
    )
    scene.narrator.expect(found, "sa filière, hors-standard, suffit à refuser l'hébergement")
    namespace = scene.platform.kubectl.find("get", "namespace", "tableau-perso-acceptance")
    scene.narrator.expect(namespace is None, "rien n'est créé pour tableau-perso")
    catalogued.line.verdict = "cataloguée"

    status = scene.wait_for_verdict(hosted)
    scene.narrator.expect(status.status == "success", "suivi-courriers est conforme", instead=status.description)
    scene.wait_until_serving(hosted)
    quote_status(scene, hosted, status)


def _reason(scene: Scene, cast: Cast) -> str:
    from amcloud_sandbox.demo import cluster

    return str(cluster.condition(scene.local_app(cast), "Ready").get("reason", ""))


def quote_status(scene: Scene, cast: Cast, status: Any) -> None:
    """What stands on the commit."""
    scene.narrator.quote(
        f"GET /projects/{cast.project}/repository/commits/{cast.commit[:8]}/statuses",
        f"{PSRAM} : {status.status}\n{status.description}\n{status.target_url}",
    )


def _quote_findings(scene: Scene, blocking: list[Any]) -> None:
    lines = []
    for result in blocking:
        for finding in result["findings"][:1]:
            lines.append(f"{result['rule_id']}  {finding['path']}:{finding['line']}  {finding['message']}")
        lines.append(f"    remède : {result['remedy'].strip().splitlines()[0]}")
    scene.narrator.quote("le rapport, règles bloquantes", "\n".join(lines))


def read_report(url: str, suffix: str = ".json") -> Any:
    """The report at its public address, as data."""
    # the address of a commit's status also carries its correlation, which the report does not need
    answer = identity.edge_session().get(url.partition("?")[0] + suffix, timeout=TIMEOUT_S)
    if answer.status_code != requests.codes.ok:
        raise_for(answer)
    return answer.json()


def raise_for(answer: requests.Response) -> None:
    """The error of an answer that should have been there."""
    from amcloud_sandbox.demo.narrator import ObservationFailedError

    raise ObservationFailedError(f"attendu : {answer.url} répond ; observé : {answer.status_code}")
