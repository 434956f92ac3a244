"""Why pods do not start or serve: one closed reason and one French sentence for what Kubernetes says in a dozen places.

The last lines of a container that ended badly are in its status (``terminationMessagePolicy: FallbackToLogsOnError``);
those of one that runs and does not answer are added there by the cluster's client. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from amcloud.masking import last_lines, one_line
from amcloud.stages.objects.operations import Object
from amcloud.stages.reasons import Reason

__all__ = ["Trouble", "created", "last_words", "of_creation", "one_line", "time", "worst"]

CRASHES_LASTING: Final = 3
"""Crashes after which nobody believes that the next start will succeed."""
NOT_READY_S: Final = 20.0
"""Seconds without an answer on /sante after which a replica is in trouble and not merely starting."""
_PULL: Final = frozenset(
    {
        *("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"),
        *("RegistryUnavailable", "SignatureValidationFailed"),  # since 1.27
    }
)
_PULL_LASTING: Final = frozenset(
    {"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"}
)
_CONFIGURATION: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_NOT_THE_APPLICATION: Final = frozenset({"ContainerStatusUnknown"})
"""How a container ended when nobody saw it end: its node went (since 1.22)."""
_NO_MEMORY: Final = "par manque de mémoire : choisissez une taille plus grande (spec.hosting.size)"
_CANNOT_START: Final = frozenset({"StartError", "ContainerCannotRun"})
_MISSING = re.compile(r"(?P<kind>secret|configmap) \"(?P<name>[a-z0-9.-]{1,253})\" not found")
_MISSING_KEY = re.compile(r"couldn't find key (?P<key>\S{1,253}) in Secret \S{0,253}/(?P<name>[a-z0-9.-]{1,253})")
_QUOTA = re.compile(r"exceeded quota: (?P<quota>[a-z0-9.-]{1,253}), requested: (?P<asked>.{1,200}?), used: ", re.S)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a pod from serving. ``lasting``: it will not go away without somebody's action."""

    reason: Reason
    sentence: str
    lasting: bool
    since: datetime | None = None
    """Since when, where the cluster says so."""


def worst(pods: tuple[Object, ...], *, now: datetime) -> Trouble | None:
    """The trouble of these pods that matters most: a lasting one if there is any."""
    found = [trouble for pod in pods for trouble in _of_pod(pod, now)]
    return next((t for t in found if t.lasting), found[0] if found else None)


def of_creation(owner: Object) -> Trouble | None:
    """What keeps a Deployment, or a Job as the cluster's client completes it, from making pods at all."""
    conditions = (owner.get("status") or {}).get("conditions") or []
    failure = next((c for c in conditions if c.get("type") == "ReplicaFailure" and c.get("status") == "True"), None)
    if failure is None:
        return None
    message, since = str(failure.get("message", "")), time(failure.get("lastTransitionTime"))
    quota = _QUOTA.search(message)
    if quota is None:
        said = one_line(message, chars=400)
        return Trouble(Reason.ROLLOUT_FAILED, f"le cluster refuse de créer les pods : {said}", False, since)
    sentence = (
        f"le quota « {quota['quota']} » de l'espace est dépassé ({one_line(quota['asked'], chars=120)} demandés) : "
        "choisissez une taille plus grande (spec.hosting.size) ou moins de répliques."
    )
    return Trouble(Reason.QUOTA_EXCEEDED, sentence, lasting=True, since=since)


def last_words(pods: tuple[Object, ...]) -> str:
    """Last lines of the container that ended badly last, masked and bounded, and whether memory was its end.

    Empty when none did, or none said anything.
    """
    ended = [
        (str(terminated.get("finishedAt", "")), str(terminated.get("message") or ""), terminated.get("reason"))
        for pod in pods
        for container in _containers(pod)
        if (terminated := _terminated(container)) is not None
    ]
    spoken = [end for end in ended if end[1] or end[2] == "OOMKilled"]
    if not spoken:
        return ""
    _, said, reason = max(spoken, key=lambda end: end[0])
    words = (_NO_MEMORY if reason == "OOMKilled" else "", last_lines(said))
    return " ; ses dernières lignes : ".join(word for word in words if word)


def unanswering(pod: Object, *, now: datetime) -> Mapping[str, Any] | None:
    """The container that runs and has not answered on /sante for long, ``None`` when there is none."""
    if pod["metadata"].get("deletionTimestamp") or _status(pod).get("phase") != "Running":
        return None
    waits = (one for one in _containers(pod) if (one.get("state") or {}).get("running") and one.get("ready") is False)
    found = next(waits, None)
    since = None if found is None else _unready_since(pod, found)
    return found if since is not None and (now - since).total_seconds() > NOT_READY_S else None


def time(text: Any) -> datetime | None:
    """A Kubernetes time, ``None`` when it is none."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def created(manifest: Object) -> datetime | None:
    """When an object was made."""
    return time(manifest["metadata"].get("creationTimestamp"))


def _of_pod(pod: Object, now: datetime) -> Iterator[Trouble]:
    if pod["metadata"].get("deletionTimestamp"):
        return
    for container in _containers(pod):
        trouble = _of_container(container)
        if trouble:
            yield trouble
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("reason") == "Unschedulable":
        said = one_line(str(scheduled.get("message", "")), chars=200)
        since = time(scheduled.get("lastTransitionTime"))
        yield Trouble(Reason.UNSCHEDULABLE, f"aucun nœud n'a de place pour un pod ({said}).", False, since)
    if _status(pod).get("reason") == "Evicted":
        said = one_line(str(_status(pod).get("message", "")), chars=200)
        yield Trouble(Reason.ROLLOUT_FAILED, f"un pod a été évincé de son nœud ({said}).", lasting=False)
    silent = unanswering(pod, now=now)
    if silent is not None:
        yield _not_ready(pod, silent)


def _of_container(container: Mapping[str, Any]) -> Trouble | None:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in _PULL:
        image = str(container.get("image") or "")
        # runtimes repeat the image up to three times before they come to the cause
        said = one_line(message.replace(image, "…") if image else message, chars=300)
        sentence = f"l'image {image} ne peut pas être récupérée ({said})."
        return Trouble(Reason.IMAGE_PULL_FAILED, sentence, lasting=reason in _PULL_LASTING)
    if reason in _CONFIGURATION:
        return _of_configuration(message)
    restarts = int(container.get("restartCount") or 0)
    if reason == "CrashLoopBackOff":
        last = (container.get("lastState") or {}).get("terminated") or {}
        return _crash(last, restarts)
    terminated = _terminated(container)
    # between two crashes it runs for a moment
    again = restarts >= CRASHES_LASTING and "running" in state and container.get("ready") is False
    return _crash(terminated, restarts) if terminated is not None and ("terminated" in state or again) else None


def _of_configuration(message: str) -> Trouble:
    missing, missing_key = _MISSING.search(message), _MISSING_KEY.search(message)
    if missing and missing["kind"] == "secret":
        sentence = f"le Secret « {missing['name']} » manque dans l'espace de l'application : créez-le."
        return Trouble(Reason.SECRET_MISSING, sentence, lasting=True)
    if missing_key:
        sentence = f"la clé « {missing_key['key']} » manque dans le Secret « {missing_key['name']} »."
        return Trouble(Reason.SECRET_MISSING, sentence, lasting=True)
    return Trouble(
        Reason.ROLLOUT_FAILED, f"le conteneur ne peut pas être créé ({one_line(message, chars=400)}).", lasting=False
    )


def _crash(terminated: Mapping[str, Any], restarts: int) -> Trouble:
    said, code = last_lines(str(terminated.get("message") or "")), terminated.get("exitCode", "?")
    reason = Reason.CRASH_LOOPING
    if terminated.get("reason") == "OOMKilled":
        reason = Reason.OUT_OF_MEMORY
        how = _NO_MEMORY
    elif terminated.get("reason") in _CANNOT_START:
        how = f"avant même de démarrer (code {code}) : sa commande ne peut pas être lancée"
    elif code == 0:
        how = "sans erreur (code 0) : elle ne reste pas en marche, ou ne répond pas sur /sante dans la minute"
    else:
        how = f"au démarrage ou en service (code {code})"
    times = f", {restarts} redémarrage(s)" if restarts else ""
    sentence = f"l'application s'arrête {how}{times}{f' ; ses dernières lignes : {said}' if said else '.'}"
    return Trouble(reason, sentence, lasting=restarts >= CRASHES_LASTING)


def _not_ready(pod: Object, container: Mapping[str, Any]) -> Trouble:
    said = last_lines(str(container["state"]["running"].get("message") or ""))
    after = (
        f" ; ses dernières lignes : {said}" if said else " : vérifiez qu'elle écoute sur le port 8080 et joint sa base."
    )
    sentence = f"l'application tourne et ne répond pas sur /sante{after}"
    return Trouble(Reason.NOT_READY, sentence, lasting=False, since=_unready_since(pod, container))


def _unready_since(pod: Object, container: Mapping[str, Any]) -> datetime | None:
    known = (
        time(_condition(pod, "Ready").get("lastTransitionTime")),
        time(container["state"]["running"].get("startedAt")),
    )
    return max((one for one in known if one is not None), default=None)


def _terminated(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How the container ended badly, now or the last time."""
    for state in ("state", "lastState"):
        found = (container.get(state) or {}).get("terminated")
        if found and found.get("exitCode", 0) != 0 and found.get("reason") not in _NOT_THE_APPLICATION:
            return dict(found)
    return None


def _containers(pod: Object) -> list[Mapping[str, Any]]:
    status = _status(pod)
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _condition(pod: Object, name: str) -> Mapping[str, Any]:
    return next((c for c in _status(pod).get("conditions") or [] if c.get("type") == name), {})


def _status(pod: Object) -> Mapping[str, Any]:
    return pod.get("status") or {}
