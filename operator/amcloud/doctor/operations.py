"""Does the operator run, alone and in this version; are backups made and measures collected?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from amcloud.clients import installation
from amcloud.clients.cluster import KubernetesCluster
from amcloud.doctor.findings import Finding, error, ok, warning
from amcloud.doctor.ground import Ground
from amcloud.stages.objects.kinds import Offers, api_version
from amcloud.stages.objects.operations import Object

BACKUP_EVERY: Final = timedelta(hours=26)
"""A nightly backup, and time for it to be done."""


def examine(ground: Ground) -> Iterator[Finding]:
    """Operator, backups, monitoring."""
    yield running(installation.deployment(ground.api, ground.namespace, "amcloud-operator"))
    yield backups(installation.cron_job(ground.api, ground.namespace, "amcloud-backups"), ground.now)
    offers = KubernetesCluster(ground.api).offers()
    yield monitored(offers, installation.monitored(ground.api, ground.namespace, offers))


def running(found: Object | None) -> Finding:
    """One replica, and it is ready."""
    if found is None:
        remedy = "kubectl apply -k de votre recouvrement de deploy/ (docs/installation.md)."
        return error("operator", "Le Deployment amcloud-operator n'existe pas dans cet espace.", remedy)
    wanted, ready = found["spec"].get("replicas", 1), (found.get("status") or {}).get("readyReplicas") or 0
    image = found["spec"]["template"]["spec"]["containers"][0]["image"]
    if wanted > 1:
        remedy = "kubectl scale --replicas=1 : deux opérateurs feraient deux fois le même passage."
        return error("operator", f"{wanted} répliques de l'opérateur sont demandées.", remedy)
    if not wanted or not ready:
        remedy = "kubectl logs -n <espace> deploy/amcloud-operator --previous ; kubectl describe pod."
        return error("operator", "L'opérateur ne tourne pas.", remedy)
    return ok("operator", f"L'opérateur tourne ({image}).")


def backups(found: Object | None, now: datetime) -> Finding:
    """The nightly backup is installed and its last run is not old."""
    if found is None:
        remedy = "Mettez deploy/backups dans votre recouvrement (docs/guide-exploitant.md, « Sauvegarder »)."
        return warning("backups", "Aucune sauvegarde n'est planifiée (CronJob amcloud-backups).", remedy)
    status = found.get("status") or {}
    last = status.get("lastSuccessfulTime") or status.get("lastScheduleTime")
    if not last:
        remedy = "kubectl create job -n <espace> premiere-sauvegarde --from=cronjob/amcloud-backups"
        return warning("backups", "La sauvegarde planifiée n'a encore jamais tourné.", remedy)
    age = now - datetime.fromisoformat(last)
    word = "réussie" if "lastSuccessfulTime" in status else "lancée"
    said = f"Dernière sauvegarde {word} il y a {age.total_seconds() / 3600:.0f} h."
    if age > BACKUP_EVERY:
        return error("backups", said, "kubectl get jobs -n <espace> ; docs/runbooks.md, « AmcloudSauvegardeAncienne ».")
    return ok("backups", said)


def monitored(offers: Offers, installed: list[str]) -> Finding:
    """Where the cluster has Prometheus' kinds, ours are installed."""
    if api_version("ServiceMonitor", offers) is None:
        remedy = "Faites lire /metrics de l'opérateur par votre supervision (docs/mesures.md)."
        return warning("monitoring", "Ce cluster n'a pas les genres de Prometheus (ServiceMonitor).", remedy)
    if not installed:
        remedy = "Ajoutez ../../monitoring aux bases de votre recouvrement de deploy/."
        return warning("monitoring", "Les mesures de l'opérateur ne sont pas recueillies.", remedy)
    return ok("monitoring", f"Mesures et alertes : {', '.join(installed)}.")
