"""Pods in trouble, as kubelets and controllers really write them (1.20 and current): one closed reason each.

The shapes are copied from servers, shortened; where the two ends of the supported versions differ, both stand here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from amcloud.clients import records
from amcloud.stages.reasons import ROLLOUT_FAILURES, Reason
from amcloud.stages.seen import troubles

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
IMAGE = "localhost:5000/cpam-bas-rhin/suivi-courriers@sha256:" + "a" * 64
PERSONAL = "assuré 2 69 05 49 588 157 80, claire.martin@exemple.fr, mot_de_passe=hunter2"


def pod(state: dict[str, Any], *, phase: str = "Pending", conditions: Any = (), **container: Any) -> dict[str, Any]:
    status = {"name": "web", "image": IMAGE, "restartCount": 0, "ready": False, "state": state, **container}
    return {"metadata": {"name": "p"}, "status": {"phase": phase, "conditions": list(conditions),
                                                  "containerStatuses": [status]}}  # fmt: skip


def waiting(reason: str, message: str, **container: Any) -> dict[str, Any]:
    return pod({"waiting": {"reason": reason, "message": message}}, **container)


def ended(reason: str, code: int, message: str = "") -> dict[str, Any]:
    return {"terminated": {"containerID": "containerd://1", "exitCode": code, "reason": reason, "message": message,
                           "startedAt": "2026-03-02T07:59:20Z", "finishedAt": "2026-03-02T07:59:21Z"}}  # fmt: skip


def looping(last: dict[str, Any], restarts: int = 4) -> dict[str, Any]:
    message = "back-off 40s restarting failed container=web pod=p_a(1)"
    return waiting("CrashLoopBackOff", message, phase="Running", restartCount=restarts, lastState=last)


def unschedulable(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                 "lastProbeTime": None, "lastTransitionTime": "2026-03-02T07:58:00Z"}  # fmt: skip
    return {"metadata": {"name": "p"}, "status": {"phase": "Pending", "conditions": [condition]}}


NO_ANSWER = [
    {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-03-02T07:57:00Z"},
    {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2026-03-02T07:57:00Z",
     "message": "containers with unready status: [web]"},
]  # fmt: skip
RUNNING = {"running": {"startedAt": "2026-03-02T07:57:01Z"}}
PULL_120 = (
    f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": failed to resolve reference '
    f'"{IMAGE}": {IMAGE}: not found'
)
POD_CASES = [
    pytest.param(waiting("ErrImagePull", PULL_120), Reason.IMAGE_PULL_FAILED, False, "not found", id="pull 1.20"),
    pytest.param(
        waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'),
        *(Reason.IMAGE_PULL_FAILED, True, "localhost:5000"), id="pull back-off 1.20",
    ),
    pytest.param(
        waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: {PULL_120}'),
        *(Reason.IMAGE_PULL_FAILED, True, "not found"), id="pull back-off current: it says why",
    ),
    pytest.param(
        waiting("SignatureValidationFailed", "image signature is not valid"),
        *(Reason.IMAGE_PULL_FAILED, True, "signature"), id="signature refused, current",
    ),
    pytest.param(
        waiting("RegistryUnavailable", "dial tcp 198.18.0.1:5000: connect: connection refused"),
        *(Reason.IMAGE_PULL_FAILED, False, "refused"), id="registry away, current",
    ),
    pytest.param(looping(ended("Error", 255, "PHP Fatal error: boum")), Reason.CRASH_LOOPING, True, "boum", id="crash"),
    pytest.param(looping(ended("Error", 1, PERSONAL)), Reason.CRASH_LOOPING, True, "assuré", id="crash, personal data"),
    pytest.param(looping(ended("Error", 255), 1), Reason.CRASH_LOOPING, False, "code 255", id="first crash"),
    pytest.param(
        looping(ended("Completed", 0)), Reason.CRASH_LOOPING, True, "code 0", id="ends well, again and again"
    ),
    pytest.param(
        pod(RUNNING, phase="Running", restartCount=5, lastState=ended("Error", 1, "boum")),
        *(Reason.CRASH_LOOPING, True, "boum"), id="between two crashes",
    ),
    pytest.param(
        pod(ended("StartError", 128, 'exec: "bin/absent": no such file')),
        *(Reason.CRASH_LOOPING, False, "bin/absent"), id="command absent, containerd",
    ),
    pytest.param(looping(ended("OOMKilled", 137)), Reason.OUT_OF_MEMORY, True, "spec.hosting.size", id="memory 1.20"),
    pytest.param(
        looping(ended("OOMKilled", 137, "Allowed memory size exhausted")),
        *(Reason.OUT_OF_MEMORY, True, "exhausted"), id="memory, whole group killed, current",
    ),
    pytest.param(
        unschedulable("0/1 nodes are available: 1 Insufficient memory."),
        *(Reason.UNSCHEDULABLE, False, "Insufficient memory"), id="no room 1.20",
    ),
    pytest.param(
        unschedulable("0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: "
                      "3 No preemption victims found for incoming pod."),
        *(Reason.UNSCHEDULABLE, False, "Insufficient cpu"), id="no room current",
    ),
    pytest.param(
        waiting("CreateContainerConfigError", 'secret "smtp-credentials" not found'),
        *(Reason.SECRET_MISSING, True, "« smtp-credentials »"), id="secret absent",
    ),
    pytest.param(
        waiting("CreateContainerConfigError", "couldn't find key app-secret in Secret a/amcloud-credentials"),
        *(Reason.SECRET_MISSING, True, "« app-secret »"), id="key of a secret absent",
    ),
    pytest.param(
        waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: ...)"),
        *(Reason.ROLLOUT_FAILED, False, "root"), id="an image that wants to be root",
    ),
    pytest.param(
        pod(RUNNING, phase="Running", conditions=NO_ANSWER, started=True),
        *(Reason.NOT_READY, False, "/sante"), id="readiness fails",
    ),
    pytest.param(
        pod({"running": {**RUNNING["running"], "message": "SQLSTATE[08006] refusé"}}, phase="Running",
            conditions=NO_ANSWER, started=True),
        *(Reason.NOT_READY, False, "SQLSTATE[08006]"), id="readiness fails, last lines known",
    ),
    pytest.param(
        {"metadata": {"name": "p"}, "status": {"phase": "Failed", "reason": "Evicted",
                                              "message": "The node was low on resource: ephemeral-storage."}},
        *(Reason.ROLLOUT_FAILED, False, "ephemeral-storage"), id="evicted",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("found", "reason", "lasting", "word"), POD_CASES)
def test_a_pod_in_trouble_has_one_reason_and_one_sentence(
    found: dict[str, Any], reason: Reason, lasting: bool, word: str
) -> None:
    trouble = troubles.worst((records.masked_pod(found),), now=NOW)
    assert trouble is not None
    assert (trouble.reason, trouble.lasting) == (reason, lasting)
    assert word in trouble.sentence
    assert "\n" not in trouble.sentence and len(trouble.sentence) <= 1024
    assert reason in ROLLOUT_FAILURES | {Reason.SECRET_MISSING}
    assert not any(secret in trouble.sentence for secret in ("hunter2", "claire.martin", "588 157", "49 588"))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(waiting("ContainerCreating", ""), id="being made"),
        pytest.param(waiting("PodInitializing", ""), id="initialising"),
        pytest.param(pod(RUNNING, phase="Running", ready=True), id="answers"),
        pytest.param(
            pod({"running": {"startedAt": "2026-03-02T07:59:50Z"}}, phase="Running", conditions=NO_ANSWER),
            id="started ten seconds ago",
        ),
        pytest.param(
            pod(ended("ContainerStatusUnknown", 137, "The container could not be located when the pod was deleted.")),
            id="its node went, current",
        ),
        pytest.param(
            {"metadata": {"name": "p"}, "status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gated"}]}},
            id="held back on purpose, current",
        ),
    ],
)  # fmt: skip
def test_a_pod_that_is_on_its_way_is_no_trouble(found: dict[str, Any]) -> None:
    assert troubles.worst((found,), now=NOW) is None


REFUSALS = [
    pytest.param(
        'pods "x-5" is forbidden: exceeded quota: quota, requested: limits.memory=256Mi, used: limits.memory=8Gi, '
        "limited: limits.memory=8Gi",
        *(Reason.QUOTA_EXCEEDED, True, "limits.memory=256Mi"), id="quota",
    ),
    pytest.param(
        'pods "x-5" is forbidden: failed quota: quota: must specify limits.memory for: web',
        *(Reason.ROLLOUT_FAILED, False, "must specify"), id="a limit is missing",
    ),
    pytest.param(
        'pods "x-5" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
        *(Reason.ROLLOUT_FAILED, False, "restricted"), id="pod security, current",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("message", "reason", "lasting", "word"), REFUSALS)
def test_a_cluster_that_refuses_pods_is_told_with_its_reason(
    message: str, reason: Reason, lasting: bool, word: str
) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    trouble = troubles.of_creation({"status": {"conditions": [failure]}})
    assert trouble is not None
    assert (trouble.reason, trouble.lasting) == (reason, lasting)
    assert word in trouble.sentence


def test_any_of_these_states_is_read_even_half_written() -> None:
    for case in POD_CASES:
        found = json.loads(json.dumps(case.values[0]))
        for container in found["status"].get("containerStatuses", ()):
            for moment in ("waiting", "terminated", "running"):
                if moment in container["state"]:
                    container["state"][moment] = {"reason": container["state"][moment].get("reason")}
            container.pop("restartCount", None)
            container.pop("lastState", None)
        troubles.worst((found,), now=NOW)
