"""A check carried out elsewhere: names, objects, and from the attempts that the cluster knows, what to do next. Pure.

The cluster's Jobs are the only memory: a restarted operator reads in them how often a commit was tried.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, assert_never

from amcloud.errors import BrokenInstallationError
from amcloud.settings import FIELD_MANAGER, GROUP
from amcloud.stages.objects import templating
from amcloud.stages.objects.egress import target
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import MANAGED_BY, OWNER

CHECK: Final = f"{GROUP}/check"
"""Label that says which commit of which project a Job reads, and with which engine."""
ATTEMPTS_MOST: Final = 3
POLL_S: Final = 5.0
"""Seconds between two looks at a Job; its end is told by a watch, sooner."""
ROUND_S: Final = 900.0
"""Seconds after which attempts that ended no longer count: everything is tried again."""
_KINDS: Final = {"Job": "batch/v1", "NetworkPolicy": "networking.k8s.io/v1"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be read, and for which LocalApp (``namespace/name``)."""

    project: str
    commit: str
    token: str | None
    owner: str

    def __repr__(self) -> str:
        return f"Subject({self.project}, {self.commit})"


class Stage(StrEnum):
    """How far an attempt is."""

    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One Job. ``age_s`` counts from its end, or from its start while it is active; ``why`` says how it failed."""

    name: str
    number: int
    stage: Stage
    age_s: float
    why: str = ""
    unanswering: bool = False
    """Whether it is done and its answer turned out to be of no use."""


@dataclass(frozen=True, slots=True)
class Start:
    """The next attempt, with its number."""

    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """An attempt is under way."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Read:
    """An attempt has ended well: its answer is in its journal."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Every attempt of this round failed, the last one as ``why`` says."""

    why: str


Step = Start | Wait | Read | GiveUp


def check_id(project: str, commit: str, engine: str) -> str:
    """What is the same for each attempt at the same facts, and for nothing else; fit for a name and a label."""
    return hashlib.sha256("\0".join((project, commit, engine)).encode()).hexdigest()[:24]


def job_name(check: str, number: int) -> str:
    """Name of an attempt's Job and of its Secret."""
    return f"check-{check}-{number}"


def next_step(attempts: tuple[Attempt, ...]) -> Step:
    """What to do about a commit whose attempts are these, in any order; those of an earlier round left out."""
    counting = sorted((one for one in attempts if not outdated(one)), key=lambda one: one.number)
    if not counting:
        return Start(1 + max((one.number for one in attempts), default=0))
    for one in reversed(counting):
        match one.stage:
            case Stage.DONE if not one.unanswering:
                return Read(one)
            case Stage.ACTIVE:
                return Wait(one)
            case Stage.DONE | Stage.FAILED:
                continue
            case _:
                assert_never(one.stage)
    last = counting[-1]
    if len(counting) >= ATTEMPTS_MOST:
        return GiveUp(f"{last.why} ({len(counting)} essais ; nouvel essai dans {ROUND_S / 60:.0f} minutes au plus)")
    return Start(last.number + 1)


def unanswered(attempt: Attempt, why: str) -> Attempt:
    """An attempt that ended well and whose answer is of no use."""
    return replace(attempt, unanswering=True, why=why)


def outdated(attempt: Attempt) -> bool:
    """Whether an attempt is of an earlier round, and may be removed."""
    return attempt.stage is not Stage.ACTIVE and attempt.age_s > ROUND_S


def attempt(job: Object, pods: tuple[Object, ...], *, age_s: float) -> Attempt:
    """What a Job and its pods say. ``pods`` are of this Job alone."""
    metadata, status = job["metadata"], job.get("status") or {}
    name, number = str(metadata["name"]), int(str(metadata["name"]).rpartition("-")[2])
    ended = {c["type"]: c for c in status.get("conditions") or () if c.get("status") == "True"}
    if "Complete" in ended:
        return Attempt(name, number, Stage.DONE, age_s)
    if failed := ended.get("Failed"):
        return Attempt(name, number, Stage.FAILED, age_s, _why(failed, pods))
    return Attempt(name, number, Stage.ACTIVE, age_s)


def objects(
    subject: Subject,
    number: int,
    *,
    check: str,
    namespace: str,
    image: str,
    forge_url: str,
    deadline_s: int,
    templates: Mapping[str, str],
) -> tuple[Object, ...]:
    """What an attempt needs besides its Secret: its network policy, then its Job.

    Raises:
        BrokenInstallationError: a template does not render, or makes another kind of object.
    """
    forge = target(forge_url)
    if forge is None:
        raise BrokenInstallationError(f"AMCLOUD_FORGE_URL : port inconnu dans « {forge_url[:100]} »")
    values = {
        "name": job_name(check, number),
        "check": check,
        "project": subject.project,
        "commit": subject.commit,
        "token": subject.token is not None,
        "image": image,
        "forge": forge,
        "forge_url": forge_url,
        "deadline_s": deadline_s,
    }
    found = (
        one
        for name, text in templating.render(templates, values, functions={})
        for one in templating.documents(name, text)
    )
    return tuple(_dressed(one, namespace, subject.owner, check) for one in found)


def secret(job: Object, token: str) -> Object:
    """The forge token of an attempt, which goes when its Job goes."""
    metadata = job["metadata"]
    owner = {"apiVersion": job["apiVersion"], "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": dict(metadata["labels"]),
            "ownerReferences": [{**owner, "controller": False, "blockOwnerDeletion": False}],
        },
        "type": "Opaque",
        "data": {"token": base64.b64encode(token.encode()).decode()},
    }


def _dressed(found: Mapping[str, Any], namespace: str, owner: str, check: str) -> Object:
    kind, metadata = str(found.get("kind"))[:60], found.get("metadata")
    if _KINDS.get(kind) != found.get("apiVersion") or not isinstance(metadata, dict):
        raise BrokenInstallationError(f"gabarits de contrôle : le type {kind} n'est pas permis")
    labels = {
        "app.kubernetes.io/name": "amcloud",
        "app.kubernetes.io/component": "check",
        "app.kubernetes.io/part-of": "amcloud",
        MANAGED_BY: FIELD_MANAGER,
    }
    dressed: dict[str, Any] = {**metadata, "namespace": namespace, "labels": labels}
    if kind == "Job":
        dressed["labels"] = {**labels, CHECK: check}
        dressed["annotations"] = {**metadata.get("annotations", {}), OWNER: owner}
    return {**found, "metadata": dressed}


def _why(failed: Mapping[str, Any], pods: tuple[Object, ...]) -> str:
    """How an attempt failed, for the person who reads the verdict."""
    if failed.get("reason") == "DeadlineExceeded":
        return "le contrôle n'a pas fini dans le temps imparti"
    for pod in pods:
        status = pod.get("status") or {}
        if status.get("reason"):  # Evicted, Preempting, NodeLost…
            return f"le contrôle a été interrompu par le cluster ({str(status['reason'])[:40]})"
        for container in status.get("containerStatuses") or ():
            ended = (container.get("state") or {}).get("terminated")
            if ended and ended.get("reason") == "OOMKilled":
                return "le contrôle demandait plus de mémoire qu'il n'en a"
            if ended and ended.get("exitCode"):
                return f"le contrôle s'est interrompu (code {int(ended['exitCode'])})"
    return "le contrôle a été interrompu par le cluster (son pod a disparu)"
