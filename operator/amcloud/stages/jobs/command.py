"""A developer's request to an instance: what it asks, the Job that carries it out, what its status then says. Pure.

The Job is the very container that serves, with another command: same image by digest, same role of the database, same
limits and confinement, because it is copied from the Deployment and not described a second time.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from amcloud.masking import mask_personal, one_line
from amcloud.settings import FIELD_MANAGER, GROUP
from amcloud.stages.conditions import Event, bounded, rfc3339
from amcloud.stages.declared.app import StageName
from amcloud.stages.declared.fields import Fields
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import MANAGED_BY
from amcloud.stages.seen import troubles

COMPONENT: Final = "command"
JOBS: Final = f"{MANAGED_BY}={FIELD_MANAGER},app.kubernetes.io/component={COMPONENT}"
ASKED: Final = f"{GROUP}/command"
"""Annotation of a Job: the request that it carries out."""
OUTPUT_MOST: Final = 131_072
"""Characters of output that a status holds; the CRD says the same."""
TAIL: Final = 16_384
"""Characters kept in the status although an earlier status had them: a reader looks once a second."""
KEPT_S: Final = 600.0
"""Seconds that an answered request stays, for those who left before the answer."""
TIMEOUT_S: Final = 600
START_S: Final = 120.0
"""Seconds after which a command that has not started is given up."""
FOLLOWED_S: Final = 600.0


class Said(StrEnum):
    """The closed list of reasons of a Command's status. Each has a line in docs/crds/command.md."""

    WAITING = "Waiting"
    RUNNING = "Running"
    DONE = "Done"
    COMMAND_FAILED = "CommandFailed"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    NOT_STARTED = "NotStarted"
    NOT_HOSTED = "NotHosted"
    SUSPENDED = "Suspended"
    INVALID = "Invalid"
    UNAVAILABLE = "Unavailable"


class Component(StrEnum):
    """Whose journal is read."""

    WEB = "web"
    SCHEDULE = "schedule"
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class Logs:
    """The journal of an instance."""

    lines: int
    since_s: int | None = None
    follow: bool = False
    component: Component = Component.WEB


@dataclass(frozen=True, slots=True)
class Run:
    """One command in the image that serves."""

    command: tuple[str, ...]
    timeout_s: int = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, wholly checked."""

    namespace: str
    name: str
    uid: str
    app: str
    stage: StageName
    by: str
    what: Logs | Run

    @property
    def instance(self) -> str:
        """Namespace of the instance."""
        return f"{self.app}-{self.stage}"


@dataclass(frozen=True, slots=True)
class Output:
    """The end of what was written, and how much came before it."""

    text: str = ""
    offset: int = 0

    def added(self, more: str) -> Output:
        """The same with ``more`` at its end; what a reader has had time to read goes."""
        kept = max(TAIL, len(more))
        whole = self.text + more
        text = whole[-min(kept, OUTPUT_MOST) :]
        return Output(text, self.offset + len(whole) - len(text))


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a Job stands."""

    over: bool
    started: bool
    reason: Said
    message: str = ""
    exit_code: int | None = None


def parse(found: Object) -> Ask:
    """What a ``Command`` asks for.

    Raises:
        InvalidManifestError: naming the first wrong field; the CRD's rules are checked again, as CEL needs 1.25.
    """
    metadata, spec = found["metadata"], Fields.of("spec", found.get("spec"))
    spec.only("app", "stage", "requestedBy", "logs", "run")
    if spec.has("logs") == spec.has("run"):
        raise spec.refuse("logs", "il faut soit logs, soit run")
    return Ask(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        uid=str(metadata["uid"]),
        app=spec.text("app", longest=40),
        stage=spec.choice("stage", StageName),
        by=one_line(spec.text("requestedBy", longest=100)),
        what=_logs(spec.child("logs")) if spec.has("logs") else _run(spec.child("run")),
    )


def _logs(logs: Fields) -> Logs:
    logs.only("lines", "sinceSeconds", "follow", "component")
    since = logs.number("sinceSeconds", 1, least=1, most=604_800) if logs.has("sinceSeconds") else None
    follow = logs.values.get("follow") is True
    component = logs.choice("component", Component, Component.WEB)
    return Logs(logs.number("lines", 200, least=1, most=1000), since, follow, component)


def _run(run: Fields) -> Run:
    run.only("command", "timeoutSeconds")

    def argument(path: str, value: object) -> str:
        parent, _, last = path.rpartition(".")
        return Fields(parent, {last: value}).text(last, longest=1000)

    command = run.items("command", argument, most=50)
    if not command:
        raise run.refuse("command", "ce champ est obligatoire, comme [bin/console, app:relances]")
    return Run(command, run.number("timeoutSeconds", TIMEOUT_S, least=1, most=3600))


def refusal(local_app: Object | None, deployment: Object | None, ask: Ask) -> tuple[Said, str] | None:
    """Why the instance cannot answer; ``None`` when it can."""
    if local_app is None:
        return Said.NOT_HOSTED, f"Aucune application « {ask.app} » dans l'espace {ask.namespace}."
    if deployment is None:
        return Said.NOT_HOSTED, f"« {ask.app} » n'a rien en service à l'étape {ask.stage} : amcloud status {ask.app}"
    if isinstance(ask.what, Run) and (deployment.get("spec") or {}).get("replicas", 1) == 0:
        return Said.SUSPENDED, f"Le service est arrêté à l'étape {ask.stage} : amcloud status {ask.app} dit pourquoi."
    return None


def job(deployment: Object, ask: Ask, run: Run) -> Object:
    """The Job of a command, from the Deployment that serves."""
    template = copy.deepcopy(dict(deployment["spec"]["template"]))
    container = next(one for one in template["spec"]["containers"] if one["name"] == "web")
    for served in ("ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "command"):
        container.pop(served, None)
    container |= {"name": COMPONENT, "workingDir": "/app", "args": list(run.command), "stdin": False}
    labels = {**template["metadata"].get("labels", {}), "app.kubernetes.io/component": COMPONENT}
    template["metadata"] = {"labels": labels, "annotations": template["metadata"].get("annotations", {})}
    template["spec"] |= {"restartPolicy": "Never", "containers": [container], "terminationGracePeriodSeconds": 5}
    template["spec"].pop("topologySpreadConstraints", None)
    annotations = {ASKED: f"{ask.namespace}/{ask.name}", f"{GROUP}/requested-by": ask.by}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(ask),
            "namespace": ask.instance,
            "labels": {
                "app.kubernetes.io/name": ask.app,
                "app.kubernetes.io/instance": ask.instance,
                "app.kubernetes.io/component": COMPONENT,
                "app.kubernetes.io/part-of": "amcloud",
                MANAGED_BY: FIELD_MANAGER,
                f"{GROUP}/app": ask.app,
            },
            "annotations": annotations,
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": run.timeout_s,
            "ttlSecondsAfterFinished": int(KEPT_S),
            "template": template,
        },
    }


def job_name(ask: Ask) -> str:
    """Name of the Job of a request: the same after a restart of the operator."""
    return f"commande-{ask.uid[:13]}"


def progress(found: Object | None, pods: tuple[Object, ...], *, now: datetime) -> Progress:
    """Where the Job stands, from itself and its pods."""
    if found is None:
        return Progress(True, False, Said.COMMAND_FAILED, "Le travail a été supprimé avant sa fin.")
    conditions = (found.get("status") or {}).get("conditions") or []
    ended = next((c for c in conditions if c.get("status") == "True" and c.get("type") in {"Complete", "Failed"}), None)
    terminated = _terminated(pods)
    if ended is not None or terminated is not None:
        return _ended(ended or {}, terminated)
    if any(_running(pod) for pod in pods):
        return Progress(False, True, Said.RUNNING, "La commande tourne.")
    trouble = troubles.of_creation(found) or troubles.worst(pods, now=now)
    made = troubles.created(found)
    late = made is not None and now - made > timedelta(seconds=START_S)
    if late or (trouble is not None and trouble.lasting):
        why = f" : {trouble.sentence}" if trouble else " à temps."
        return Progress(True, False, Said.NOT_STARTED, f"La commande ne démarre pas{why}")
    return Progress(False, False, Said.WAITING, trouble.sentence if trouble else "La commande démarre.")


def _ended(condition: Mapping[str, Any], terminated: Mapping[str, Any] | None) -> Progress:
    if condition.get("reason") == "DeadlineExceeded":
        return Progress(True, True, Said.DEADLINE_EXCEEDED, "La commande dépassait son temps : elle a été arrêtée.")
    code = terminated.get("exitCode") if terminated else (0 if condition.get("type") == "Complete" else None)
    if code == 0:
        return Progress(True, True, Said.DONE, "La commande s'est bien terminée.", 0)
    memory = terminated is not None and terminated.get("reason") == "OOMKilled"
    why = "par manque de mémoire" if memory else f"avec le code {code if code is not None else '?'}"
    return Progress(True, True, Said.COMMAND_FAILED, f"La commande s'est terminée {why}.", code)


def status(
    reason: Said,
    message: str,
    output: Output,
    *,
    began: datetime,
    ended: datetime | None = None,
    exit_code: int | None = None,
) -> dict[str, Any]:
    """The status of a Command; ``completionTime`` says that it is over."""
    values = {
        "reason": str(reason),
        "message": bounded(message),
        "output": output.text,
        "outputOffset": output.offset,
        "startTime": rfc3339(began),
        "completionTime": rfc3339(ended) if ended else None,
        "exitCode": exit_code,
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def event(ask: Ask, said: Said, exit_code: int | None, *, seconds: float) -> Event:
    """What stays in the application's events: who, what, how it ended. Arguments may be personal: they are masked."""
    if isinstance(ask.what, Logs):
        return Event("Normal", "JournalRead", f"{ask.stage} : journal lu par {ask.by}")
    code = "" if exit_code is None else f", code {exit_code}"
    words = one_line(mask_personal(" ".join(ask.what.command)), chars=300)
    kind = "Normal" if said is Said.DONE else "Warning"
    return Event(kind, "CommandRun", f"{ask.stage} : {ask.by} a lancé « {words} » ({said}{code}, {seconds:.0f} s)")


def expired(found: Object, *, now: datetime) -> bool:
    """Whether an answered request has been kept for long enough."""
    ended = troubles.time((found.get("status") or {}).get("completionTime"))
    return ended is not None and (now - ended).total_seconds() > KEPT_S


def _terminated(pods: tuple[Object, ...]) -> Mapping[str, Any] | None:
    # a pod that is being removed ended because of that: its Job says why
    staying = tuple(pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))
    for container in _containers(staying):
        found = (container.get("state") or {}).get("terminated")
        if found:
            return dict(found)
    return None


def _running(pod: Object) -> bool:
    return any("running" in (container.get("state") or {}) for container in _containers((pod,)))


def _containers(pods: tuple[Object, ...]) -> list[Mapping[str, Any]]:
    return [one for pod in pods for one in (pod.get("status") or {}).get("containerStatuses") or []]
