"""Step 7: from live objects, whether migration and rollout are done, under way, or failed and why (kstatus)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never

from amcloud.settings import GROUP
from amcloud.stages.apply import Wave, wave_of
from amcloud.stages.objects.operations import Key, Object, key
from amcloud.stages.reasons import Reason
from amcloud.stages.render import HELD, Revision
from amcloud.stages.seen import troubles
from amcloud.stages.seen.troubles import Trouble

COMMIT = f"{GROUP}/commit"
_HOLDERS = frozenset({"web", "schedule", "command"})
_OVER = frozenset({"Succeeded", "Failed"})
DEGRADED_S: Final = 60.0
"""Seconds of trouble after which a revision that had served is said to hold no longer: no rollout is waited for."""


class Progress(StrEnum):
    """Where a wave stands."""

    DONE = "done"
    UNDER_WAY = "under way"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Observation:
    """State of one wave. ``serving`` tells whether any pod of the instance answers, of whatever revision."""

    progress: Progress
    reason: Reason
    sentence: str
    serving: bool = False
    retry_after_s: float = 2.0
    degraded: bool = False
    """Whether the revision had been wholly rolled out before it failed: no rollout is to blame."""

    @property
    def done(self) -> bool:
        """Whether the wave is over, and well."""
        return self.progress is Progress.DONE


def observe(
    wave: Wave,
    desired: tuple[Object, ...],
    live: Mapping[Key, Object],
    pods: tuple[Object, ...],
    *,
    now: datetime,
    deadline_s: float,
) -> Observation:
    """State of ``wave``. ``pods`` are those of the instance, used to say why something does not start."""
    mine = [one for one in desired if wave_of(one) is wave]
    missing = [one for one in mine if key(one) not in live]
    if missing:
        first = missing[0]
        seen = _under_way(f"Préparation : {first['kind']} « {first['metadata']['name']} » n'existe pas encore.")
    else:
        match wave:
            case Wave.FOUNDATION:
                seen = _foundation([live[key(one)] for one in mine])
            case Wave.MIGRATION:
                seen = _migration([live[key(one)] for one in mine], pods, now=now, deadline_s=deadline_s)
            case Wave.SERVICE:
                seen = _service([live[key(one)] for one in mine], pods, now=now, deadline_s=deadline_s)
            case _:
                assert_never(wave)
    return replace(seen, serving=_serving(live))


def runs(revision: Revision, live: Mapping[Key, Object]) -> bool:
    """Whether the instance's Deployment runs that revision already, or was told to."""
    return any(
        container.get("image") == revision.image
        for found, one in live.items()
        if found.kind == "Deployment"
        for container in one["spec"]["template"]["spec"].get("containers") or ()
    )


def settled(pods: tuple[Object, ...], fingerprint: str) -> bool:
    """Whether every pod of the application that runs, or ends, was made with the credentials of that fingerprint."""
    return all(
        (pod["metadata"].get("annotations") or {}).get(HELD) == fingerprint
        for pod in pods
        if (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/component") in _HOLDERS
        and _status(pod).get("phase") not in _OVER
    )


def _foundation(live: list[Object]) -> Observation:
    for one in live:
        if one["kind"] == "Namespace" and _status(one).get("phase", "Active") != "Active":
            return _under_way(f"L'espace « {one['metadata']['name']} » est encore en cours de suppression.")
    return _done(Reason.PROVISIONING)


def _migration(live: list[Object], pods: tuple[Object, ...], *, now: datetime, deadline_s: float) -> Observation:
    for job in live:
        name, started = job["metadata"]["name"], troubles.time(_status(job).get("startTime")) or troubles.created(job)
        own = tuple(pod for pod in pods if pod["metadata"].get("labels", {}).get("job-name") == name)
        if _condition(job, "Complete").get("status") == "True":
            continue
        failed = _condition(job, "Failed")
        if failed.get("status") == "True":
            return _failed(Reason.MIGRATION_FAILED, _migration_failed(job, failed, own))
        trouble = troubles.of_creation(job) or troubles.worst(own, now=now)
        if trouble and (trouble.lasting or _late(started, now, deadline_s)):
            return _failed(trouble.reason, f"La migration de la base ne démarre pas : {trouble.sentence}")
        return _under_way(
            f"Migration de la base en cours ({name}).{f' {trouble.sentence}' if trouble else ''}", Reason.ROLLING_OUT
        )
    return _done(Reason.ROLLING_OUT)


def _migration_failed(job: Object, failed: Mapping[str, Any], pods: tuple[Object, ...]) -> str:
    late = "elle dépassait son temps" if failed.get("reason") == "DeadlineExceeded" else ""
    said = troubles.last_words(pods) or late or troubles.one_line(str(failed.get("message", "")))
    why = f" : {said}" if said else "."
    return f"La migration de la base a échoué ({job['metadata']['name']}){why}"


def _service(live: list[Object], pods: tuple[Object, ...], *, now: datetime, deadline_s: float) -> Observation:
    for deployment in live:
        if deployment["kind"] == "Deployment" and (seen := _rollout(deployment, pods, now=now, deadline_s=deadline_s)):
            return seen
    return _done(Reason.SERVING)


def _rollout(deployment: Object, pods: tuple[Object, ...], *, now: datetime, deadline_s: float) -> Observation | None:
    """Why the rollout is not over, or ``None`` when it is. The rules are those of ``kubectl rollout status``."""
    status, wanted = _status(deployment), deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return _under_way("Déploiement demandé.", Reason.ROLLING_OUT)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated >= wanted and status.get("replicas", 0) <= updated and available >= updated:
        return None
    trouble = troubles.of_creation(deployment) or troubles.worst(_of_revision(pods, deployment), now=now)
    progressing = _condition(deployment, "Progressing")
    since = troubles.time(progressing.get("lastUpdateTime")) or troubles.created(deployment)
    degraded = progressing.get("reason") == "NewReplicaSetAvailable"  # rolled out before; what is missing went since
    if degraded:
        since, deadline_s = trouble.since if trouble else None, min(DEGRADED_S, deadline_s)
    expired = progressing.get("reason") == "ProgressDeadlineExceeded" or _late(since, now, deadline_s)
    if expired or (trouble and trouble.lasting):
        reason = trouble.reason if trouble else Reason.ROLLOUT_FAILED
        return replace(_failed(reason, _stuck(trouble, deadline_s, degraded=degraded)), degraded=degraded)
    # those that are not up to date count as ready: better say too few than too many
    ready = max(0, status.get("readyReplicas", 0) - (status.get("replicas", 0) - updated))
    counted = f"Déploiement en cours : {ready} réplique(s) à jour et prête(s) sur {wanted}."
    return _under_way(f"{counted} {trouble.sentence}" if trouble else counted, Reason.ROLLING_OUT)


def _stuck(trouble: Trouble | None, deadline_s: float, *, degraded: bool) -> str:
    if trouble and degraded:
        return f"Le service ne tient plus : {trouble.sentence}"
    if trouble:
        return f"Le déploiement n'aboutit pas : {trouble.sentence}"
    return (
        f"Le déploiement n'aboutit pas : les nouvelles répliques ne répondent pas sur /sante après {deadline_s:.0f} s. "
        "Vérifiez que l'application écoute sur le port 8080 et joint sa base."
    )


def _of_revision(pods: tuple[Object, ...], deployment: Object) -> tuple[Object, ...]:
    """Pods of the revision that the Deployment rolls out, not those of the one before."""
    template = deployment["spec"]["template"]["metadata"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    commit = template.get("annotations", {}).get(COMMIT)
    return tuple(
        pod
        for pod in pods
        if pod["metadata"].get("annotations", {}).get(COMMIT) == commit
        and selector.items() <= pod["metadata"].get("labels", {}).items()
    )


def _serving(live: Mapping[Key, Object]) -> bool:
    return any(_status(one).get("availableReplicas", 0) > 0 for k, one in live.items() if k.kind == "Deployment")


def _late(since: datetime | None, now: datetime, deadline_s: float) -> bool:
    return since is not None and (now - since).total_seconds() > deadline_s


def _status(manifest: Object) -> Mapping[str, Any]:
    return manifest.get("status") or {}


def _condition(manifest: Object, name: str) -> Mapping[str, Any]:
    found = _status(manifest).get("conditions") or []
    return next((c for c in found if c.get("type") == name), {})


def _done(reason: Reason) -> Observation:
    return Observation(Progress.DONE, reason, "")


def _under_way(sentence: str, reason: Reason = Reason.PROVISIONING) -> Observation:
    return Observation(Progress.UNDER_WAY, reason, sentence)


def _failed(reason: Reason, sentence: str) -> Observation:
    return Observation(Progress.FAILED, reason, sentence)
