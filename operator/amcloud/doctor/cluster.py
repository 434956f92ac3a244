"""Is this a Kubernetes that can host: version, API kinds, clock, entrance, and what it has of monitoring?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from amcloud.clients import installation
from amcloud.clients.cluster import KubernetesCluster
from amcloud.doctor.findings import Finding, error, ok, unknown, warning
from amcloud.doctor.ground import Ground
from amcloud.settings import GROUP
from amcloud.stages.objects.kinds import OPTIONAL, VERSIONS, Offers, api_version

OLDEST_MINOR: Final = 20
DRIFT_WARNED_S: Final = 5.0
DRIFT_REFUSED_S: Final = 60.0
EDGE: Final = f"{GROUP}/edge"
OPERATOR: Final = f"{GROUP}/operator"


def examine(ground: Ground) -> Iterator[Finding]:
    """Version, kinds, clock, edge, and the operator's own way into instances."""
    offers = KubernetesCluster(ground.api).offers()
    yield version(offers)
    yield from kinds(offers)
    yield clock(installation.clock_drift_s(ground.api))
    yield edge(installation.namespaces(ground.api, f"{EDGE}=true"))
    labelled = installation.namespaces(ground.api, f"{OPERATOR}=true")
    yield let_in(ground.namespace, labelled, ground.environment.get("AMCLOUD_HEALTH_ADDRESS", ""))


def version(offers: Offers) -> Finding:
    """Kubernetes 1.20 or newer."""
    if not offers.minor:
        return unknown("version", "Le serveur ne dit pas sa version.", "kubectl version")
    if offers.minor < OLDEST_MINOR:
        said = f"Kubernetes 1.{offers.minor} : trop ancien, il faut 1.{OLDEST_MINOR} ou plus récent."
        return error("version", said, "Mettez le cluster à niveau.")
    return ok("version", f"Kubernetes 1.{offers.minor}.")


def kinds(offers: Offers) -> Iterator[Finding]:
    """The kinds that templates make are offered, in a version whose body they write."""
    missing = [kind for kind in VERSIONS if kind not in OPTIONAL and api_version(kind, offers) is None]
    for kind in missing:
        spoken = ", ".join(VERSIONS[kind])
        yield error("api-kinds", f"Le serveur n'offre pas {kind} ({spoken}).", "Activez cette API sur le serveur.")
    if not missing:
        yield ok("api-kinds", f"Les {len(VERSIONS) - len(OPTIONAL)} genres nécessaires sont offerts.")
    for kind, use in OPTIONAL.items():
        chosen = api_version(kind, offers)
        if chosen is None:
            yield warning(f"api-{kind.lower()}", f"{kind} n'est pas offert : {use}.", f"Installez ce qui offre {kind}.")
        else:
            yield ok(f"api-{kind.lower()}", f"{kind} : {chosen}.")


def clock(drift_s: float | None) -> Finding:
    """The server's clock and ours agree: dates of norms, derogations and suspensions depend on it."""
    remedy = "Réglez l'heure par NTP (chrony) sur les nœuds et ici."
    if drift_s is None:
        return unknown("clock", "Le serveur d'API ne dit pas l'heure.", remedy)
    if abs(drift_s) > DRIFT_REFUSED_S:
        return error("clock", f"L'horloge du serveur d'API et celle d'ici diffèrent de {abs(drift_s):.0f} s.", remedy)
    if abs(drift_s) > DRIFT_WARNED_S:
        return warning("clock", f"L'horloge du serveur d'API et celle d'ici diffèrent de {abs(drift_s):.0f} s.", remedy)
    return ok("clock", "Les horloges sont d'accord.")


def edge(namespaces: list[str]) -> Finding:
    """Some namespace may send traffic to instances."""
    if not namespaces:
        remedy = f"kubectl label namespace <celui du contrôleur d'Ingress> {EDGE}=true"
        said = f"Aucun espace de noms n'a l'étiquette {EDGE}=true : les NetworkPolicy n'admettent aucun trafic."
        return warning("edge", said, remedy)
    return ok("edge", f"Le trafic entre par : {', '.join(namespaces)}.")


def let_in(namespace: str, labelled: list[str], gateway: str) -> Finding:
    """Instances let the operator ask whether they are well; through a gateway, the edge's label does."""
    if gateway:
        return ok("operator-label", f"L'opérateur demande /sante aux instances par {gateway}.")
    if namespace not in labelled:
        said = (
            f"L'espace {namespace} n'a pas l'étiquette {OPERATOR}=true : les NetworkPolicy des instances refusent "
            "/sante à l'opérateur, et aucune révision nouvelle n'est mise en service."
        )
        return error("operator-label", said, f"kubectl label namespace {namespace} {OPERATOR}=true")
    return ok("operator-label", "Les instances laissent l'opérateur demander /sante.")
