"""Why pods do not start, in one French sentence each: what Kubernetes says in a dozen places, gathered. Pure.

The last lines of a container that ended badly are in its status (``terminationMessagePolicy: FallbackToLogsOnError``),
so that nothing has to read logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from amcloud.masking import last_lines, one_line
from amcloud.stages.render import Object
from amcloud.stages.verdict import Reason

__all__ = ["Trouble", "created", "last_words", "of_deployment", "one_line", "time", "worst"]

CRASHES_LASTING: Final = 3
"""Crashes after which nobody believes that the next start will succeed."""
_PULL: Final = frozenset(
    {"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
)
_PULL_LASTING: Final = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIGURATION: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_MISSING = re.compile(r"(?P<kind>secret|configmap) \"(?P<name>[a-z0-9.-]{1,253})\" not found")
_MISSING_KEY = re.compile(r"couldn't find key (?P<key>\S{1,253}) in Secret \S{0,253}/(?P<name>[a-z0-9.-]{1,253})")
_QUOTA = re.compile(r"exceeded quota: (?P<quota>[a-z0-9.-]{1,253}), requested: (?P<asked>.{1,200}?), used: ", re.S)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a pod from serving. ``lasting``: it will not go away without somebody's action."""

    reason: Reason
    sentence: str
    lasting: bool


def worst(pods: tuple[Object, ...]) -> Trouble | None:
    """The trouble of these pods that matters most: a lasting one if there is any."""
    found = [trouble for pod in pods for trouble in _of_pod(pod)]
    return next((t for t in found if t.lasting), found[0] if found else None)


def of_deployment(deployment: Object) -> Trouble | None:
    """What keeps a Deployment from making pods at all."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    failure = next((c for c in conditions if c.get("type") == "ReplicaFailure" and c.get("status") == "True"), None)
    if failure is None:
        return None
    message = str(failure.get("message", ""))
    quota = _QUOTA.search(message)
    if quota is None:
        said = one_line(message, chars=400)
        return Trouble(Reason.ROLLOUT_FAILED, f"le cluster refuse de créer les pods : {said}", lasting=False)
    sentence = (
        f"le quota « {quota['quota']} » de l'espace est dépassé ({one_line(quota['asked'], chars=120)} demandés) : "
        "choisissez une taille plus grande (spec.hosting.size) ou moins de répliques."
    )
    return Trouble(Reason.ROLLOUT_FAILED, sentence, lasting=True)


def last_words(pods: tuple[Object, ...]) -> str:
    """Last lines of the container that ended badly last, masked and bounded; empty when none did."""
    ended = [
        (str(terminated.get("finishedAt", "")), str(terminated.get("message", "")))
        for pod in pods
        for container in _containers(pod)
        if (terminated := _terminated(container)) is not None
    ]
    spoken = [end for end in ended if end[1]]
    return last_lines(max(spoken)[1]) if spoken else ""


def time(text: Any) -> datetime | None:
    """A Kubernetes time, ``None`` when it is none."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def created(manifest: Object) -> datetime | None:
    """When an object was made."""
    return time(manifest["metadata"].get("creationTimestamp"))


def _of_pod(pod: Object) -> Iterator[Trouble]:
    if pod["metadata"].get("deletionTimestamp"):
        return
    for container in _containers(pod):
        trouble = _of_container(container)
        if trouble:
            yield trouble
    scheduled: Mapping[str, Any] = next(
        (c for c in _status(pod).get("conditions") or [] if c.get("type") == "PodScheduled"), {}
    )
    if scheduled.get("reason") == "Unschedulable":
        said = one_line(str(scheduled.get("message", "")), chars=200)
        yield Trouble(Reason.ROLLOUT_FAILED, f"aucun nœud n'a de place pour un pod ({said}).", lasting=False)
    if _status(pod).get("reason") == "Evicted":
        said = one_line(str(_status(pod).get("message", "")), chars=200)
        yield Trouble(Reason.ROLLOUT_FAILED, f"un pod a été évincé de son nœud ({said}).", lasting=False)


def _of_container(container: Mapping[str, Any]) -> Trouble | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in _PULL:
        sentence = f"l'image {container.get('image', '')} ne peut pas être récupérée ({one_line(message, chars=300)})."
        return Trouble(Reason.ROLLOUT_FAILED, sentence, lasting=reason in _PULL_LASTING)
    if reason in _CONFIGURATION:
        return _of_configuration(message)
    terminated = _terminated(container)
    if terminated is None or (reason != "CrashLoopBackOff" and "terminated" not in (container.get("state") or {})):
        return None
    return _crash(terminated, int(container.get("restartCount", 0)))


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
    said = last_lines(str(terminated.get("message", "")))
    if terminated.get("reason") == "OOMKilled":
        how = "par manque de mémoire : choisissez une taille plus grande (spec.hosting.size)"
    else:
        how = f"au démarrage ou en service (code {terminated.get('exitCode', '?')})"
    times = f", {restarts} redémarrage(s)" if restarts else ""
    sentence = f"l'application s'arrête {how}{times}{f' ; ses dernières lignes : {said}' if said else '.'}"
    return Trouble(Reason.ROLLOUT_FAILED, sentence, lasting=restarts >= CRASHES_LASTING)


def _terminated(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How the container ended badly, now or the last time."""
    for state in ("state", "lastState"):
        found = (container.get(state) or {}).get("terminated")
        if found and found.get("exitCode", 0) != 0:
            return dict(found)
    return None


def _containers(pod: Object) -> list[Mapping[str, Any]]:
    status = _status(pod)
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _status(pod: Object) -> Mapping[str, Any]:
    return pod.get("status") or {}
