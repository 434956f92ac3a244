"""What the cluster says of pods elsewhere than in their status, added to it: journals' ends, and refusals to make pods.

A pass reads objects; two things are only told apart from them: the last lines of a container that runs without
answering, and why a Job makes no pod (a Deployment says so in a condition, a Job in events alone).
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any, Final

from amcloud.clients.kubernetes_api import Api
from amcloud.errors import AmcloudError
from amcloud.masking import LINES_MAX, last_lines
from amcloud.stages.objects.operations import Object
from amcloud.stages.seen import troubles

TAIL_MOST_BYTES: Final = 16_384
JOURNALS_MOST: Final = 2
"""Journals read in one look at an instance: its replicas mostly say the same."""
PODLESS_S: Final = 5.0
"""Age from which a Job without any pod is asked about."""


def with_last_lines(api: Api, namespace: str, pods: tuple[Object, ...], *, now: datetime) -> tuple[Object, ...]:
    """``pods``, with the end of its journal in the state of a container that runs and does not answer; masked."""
    told, left = [], JOURNALS_MOST
    for pod in pods:
        silent = troubles.unanswering(pod, now=now)
        if silent is None or not left:
            told.append(pod)
            continue
        left -= 1
        told.append(_with_words(pod, str(silent.get("name", "")), _tail(api, namespace, pod, silent)))
    return tuple(told)


def with_refusal(api: Api, job: Object, *, now: datetime) -> Object:
    """``job``, with the condition ``ReplicaFailure`` of a Deployment if the cluster refuses to make its pods."""
    status, since = job.get("status") or {}, troubles.created(job)
    begun = any(status.get(name) for name in ("active", "succeeded", "failed", "conditions"))
    if begun or since is None or (now - since).total_seconds() < PODLESS_S:
        return job
    namespace, uid = job["metadata"]["namespace"], job["metadata"].get("uid")
    path, doing = api.resource("", "Event").path(namespace), f"événements de {namespace}"
    try:
        said = [one for one in api.items(path, doing=doing) if _refuses(one, uid)]
    except AmcloudError:
        return job  # it is only a reason: without it, the wait is told
    if not said:
        return job
    message = max(said, key=lambda one: str(one.get("lastTimestamp") or "")).get("message", "")
    refusal = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": str(message)}
    return {**job, "status": {**status, "conditions": [refusal]}}


def _refuses(event: Object, uid: Any) -> bool:
    return event.get("reason") == "FailedCreate" and (event.get("involvedObject") or {}).get("uid") == uid


def _tail(api: Api, namespace: str, pod: Object, container: Any) -> str:
    name = pod["metadata"]["name"]
    path = api.resource("", "Pod").path(namespace, name, "log")
    params = {"container": container.get("name", ""), "tailLines": LINES_MAX, "limitBytes": TAIL_MOST_BYTES}
    try:
        found = api.content(path, doing=f"lecture du journal de {name}", params=params)
    except AmcloudError:
        return ""  # the kubelet may be away: that nothing answers is told all the same
    return last_lines((found or b"").decode(errors="replace"), joined="\n")


def _with_words(pod: Object, name: str, words: str) -> Object:
    told = copy.deepcopy(dict(pod))
    for one in told["status"].get("containerStatuses") or ():
        if one.get("name") == name and words:
            one["state"]["running"]["message"] = words
    return told
