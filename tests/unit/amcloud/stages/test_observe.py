"""What live objects mean: samples as real servers write them, and the one sentence for each trouble."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hosting_objects import REVISION, objects

from amcloud.stages import apply
from amcloud.stages.apply import Wave
from amcloud.stages.objects.operations import Key, Object, key
from amcloud.stages.observe import Observation, Progress, observe
from amcloud.stages.reasons import Reason

NAMESPACE = "suivi-courriers-acceptance"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DESIRED = objects()
DEPLOYMENT = Key("apps", "Deployment", NAMESPACE, "suivi-courriers")
JOB = next(key for key in apply.keys(DESIRED) if key.kind == "Job")
ROLLED_OUT = {
    "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
    "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                    "lastUpdateTime": "2026-03-02T07:00:00Z"}],
}  # fmt: skip
STARTING: dict[str, Any] = {
    "observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2,
    "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
                    "lastUpdateTime": "2026-03-02T07:59:00Z"}],
}  # fmt: skip


def live(**statuses: Any) -> dict[Key, Any]:
    found: dict[Key, Any] = {}
    for one in DESIRED:
        made = copy.deepcopy(dict(one))
        made["metadata"] = {**made["metadata"], "creationTimestamp": "2026-03-02T07:00:00Z"}
        if made["kind"] == "Deployment":
            made["metadata"]["generation"] = 2
            made["spec"]["replicas"] = 2
        if made["kind"] in statuses:
            made["status"] = statuses[made["kind"]]
        found[key(made)] = made
    return found


def pod(container: dict[str, Any] | None = None, *, commit: str = REVISION.commit, **status: Any) -> Object:
    containers = [{"name": "web", "image": REVISION.image, "restartCount": 0, **container}] if container else []
    return {
        "metadata": {
            "name": "p",
            "labels": {
                "app.kubernetes.io/name": "suivi-courriers",
                "app.kubernetes.io/component": "web",
                "job-name": JOB.name,
            },
            "annotations": {"amcloud.cnamts.fr/commit": commit},
        },
        "status": {"phase": "Pending", "containerStatuses": containers, **status},
    }


def seen(wave: Wave, found: dict[Key, Any], *pods: Object, later_s: float = 0) -> Observation:
    return observe(wave, DESIRED, found, pods, now=START + timedelta(seconds=later_s), deadline_s=300)


def waiting(reason: str, message: str = "", **container: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **container}


def crashed(message: str, *, code: int = 255, restarts: int = 3, reason: str = "Error") -> dict[str, Any]:
    ended = {"exitCode": code, "reason": reason, "message": message, "finishedAt": "2026-03-02T07:59:30Z"}
    return waiting("CrashLoopBackOff", restartCount=restarts, lastState={"terminated": ended})


def test_a_foundation_is_done_once_everything_is_there_and_the_namespace_lives() -> None:
    assert seen(Wave.FOUNDATION, live()).progress is Progress.DONE
    without = live()
    del without[Key("", "Secret", NAMESPACE, "amcloud-credentials")]
    assert seen(Wave.FOUNDATION, without).progress is Progress.UNDER_WAY
    leaving = seen(Wave.FOUNDATION, live(Namespace={"phase": "Terminating"}))
    assert leaving.progress is Progress.UNDER_WAY
    assert "suppression" in leaving.sentence


def test_a_migration_is_waited_for_and_then_done() -> None:
    assert seen(Wave.MIGRATION, live(Job={"active": 1})).progress is Progress.UNDER_WAY
    assert seen(Wave.MIGRATION, live()).progress is Progress.UNDER_WAY
    done = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
    assert seen(Wave.MIGRATION, live(Job=done)).progress is Progress.DONE


def test_a_migration_that_failed_says_its_last_words_without_the_password() -> None:
    failed = {"conditions": [{"type": "Failed", "status": "True", "message": "Job has reached the backoff limit"}]}
    said = 'SQLSTATE[42P01]: relation "courrier" does not exist\npostgresql://x_owner:tres-secret@base:5432/x'
    ended = {"state": {"terminated": {"exitCode": 1, "message": said, "finishedAt": "2026-03-02T07:59:30Z"}}}
    told = seen(Wave.MIGRATION, live(Job=failed), pod(ended))
    assert (told.progress, told.reason) == (Progress.FAILED, Reason.MIGRATION_FAILED)
    assert "courrier" in told.sentence
    assert "tres-secret" not in told.sentence
    assert "backoff limit" in seen(Wave.MIGRATION, live(Job=failed)).sentence


def test_a_migration_ended_by_memory_or_by_time_says_so() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "backoff limit"}
    killed = pod({"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "x"}}})
    assert "manque de mémoire" in seen(Wave.MIGRATION, live(Job={"conditions": [failed]}), killed).sentence
    late = {**failed, "reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}
    assert seen(Wave.MIGRATION, live(Job={"conditions": [late]})).sentence.endswith("elle dépassait son temps")


def test_a_migration_that_the_quota_keeps_from_starting_names_it() -> None:
    message = 'pods "x" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=24, limited: pods=24'
    refusal = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    told = seen(Wave.MIGRATION, live(Job={"conditions": [refusal]}))
    assert (told.progress, told.reason) == (Progress.FAILED, Reason.QUOTA_EXCEEDED)


def test_a_rollout_is_done_when_every_replica_is_new_and_available() -> None:
    told = seen(Wave.SERVICE, live(Deployment=ROLLED_OUT))
    assert (told.progress, told.reason, told.serving) == (Progress.DONE, Reason.SERVING, True)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="nothing seen yet"),
        pytest.param({**ROLLED_OUT, "observedGeneration": 1}, id="the status is of the revision before"),
        pytest.param(STARTING, id="one of two is new"),
        pytest.param({**ROLLED_OUT, "replicas": 3, "conditions": STARTING["conditions"]}, id="an old one is left"),
        pytest.param({**ROLLED_OUT, "availableReplicas": 1}, id="one went away after the rollout"),
    ],
)
def test_a_rollout_that_is_not_over_is_under_way(status: dict[str, Any]) -> None:
    told = seen(Wave.SERVICE, live(Deployment=status))
    assert (told.progress, told.reason) == (Progress.UNDER_WAY, Reason.ROLLING_OUT)
    assert told.serving is bool(status.get("availableReplicas"))


def test_replicas_of_the_revision_before_are_not_counted_as_ready_ones_of_the_new_one() -> None:
    counts = {"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2}
    told = seen(Wave.SERVICE, live(Deployment={**STARTING, **counts}))
    assert "0 réplique(s) à jour et prête(s) sur 2" in told.sentence


CONFIG_ERROR, KEY = "CreateContainerConfigError", "couldn't find key app-secret in Secret a/amcloud-credentials"
MISSING, PULL, CRASH = Reason.SECRET_MISSING, Reason.IMAGE_PULL_FAILED, Reason.CRASH_LOOPING
TROUBLES = [
    pytest.param(waiting("ImagePullBackOff", 'Back-off pulling image "x"'), PULL, "récupérée", id="image"),
    pytest.param(waiting(CONFIG_ERROR, 'secret "smtp" not found'), MISSING, "« smtp »", id="secret"),
    pytest.param(waiting(CONFIG_ERROR, KEY), MISSING, "app-secret", id="key of a secret"),
    pytest.param(crashed("PHP Fatal error: boum\nToken: glpat-abcdefghijkl"), CRASH, "boum", id="crash"),
    pytest.param(crashed("", code=137, reason="OOMKilled"), Reason.OUT_OF_MEMORY, "spec.hosting.size", id="memory"),
]
NO_ROOM = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}


@pytest.mark.parametrize(("container", "reason", "word"), TROUBLES)
def test_a_lasting_trouble_fails_the_rollout_at_once_while_the_old_revision_serves(
    container: dict[str, Any], reason: Reason, word: str
) -> None:
    told = seen(Wave.SERVICE, live(Deployment=STARTING), pod(container))
    assert (told.progress, told.reason, told.serving) == (Progress.FAILED, reason, True)
    assert word in told.sentence
    assert "glpat-abc" not in told.sentence
    assert "\n" not in told.sentence
    assert len(told.sentence) <= 1024


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        pytest.param(pod(waiting("ErrImagePull", "dial tcp: i/o timeout")), "timeout", id="a first failed pull"),
        pytest.param(pod(crashed("boum", restarts=1)), "boum", id="a first crash"),
        pytest.param(pod(waiting("ContainerCreating")), "prête", id="a container being made"),
        pytest.param(pod(conditions=[NO_ROOM]), "0/1 nodes", id="no room"),
    ],
)  # fmt: skip
def test_a_trouble_that_may_pass_is_told_and_waited_for_until_the_deadline(trouble: Object, word: str) -> None:
    found = live(Deployment=STARTING)
    first = seen(Wave.SERVICE, found, trouble)
    assert first.progress is Progress.UNDER_WAY
    assert word in first.sentence
    assert seen(Wave.SERVICE, found, trouble, later_s=600).progress is Progress.FAILED


def test_the_pods_of_the_revision_before_excuse_nothing() -> None:
    old = pod(crashed("ancienne panne"), commit="f" * 40)
    assert "ancienne" not in seen(Wave.SERVICE, live(Deployment=STARTING), old).sentence


def test_a_pod_that_is_leaving_is_no_trouble() -> None:
    leaving = pod(crashed("en partant"))
    leaving["metadata"]["deletionTimestamp"] = "2026-03-02T07:59:59Z"
    assert seen(Wave.SERVICE, live(Deployment=STARTING), leaving).progress is Progress.UNDER_WAY


def test_the_deadline_of_the_deployment_itself_ends_it() -> None:
    expired = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    told = seen(Wave.SERVICE, live(Deployment={**STARTING, "conditions": expired}))
    assert (told.progress, told.reason) == (Progress.FAILED, Reason.ROLLOUT_FAILED)
    assert "/sante" in told.sentence


def test_a_quota_that_is_exceeded_is_named() -> None:
    # as the quota's admission says it
    message = 'pods "x" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=24, limited: pods=24'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    told = seen(Wave.SERVICE, live(Deployment={**STARTING, "conditions": [*STARTING["conditions"], failure]}))
    assert told.progress is Progress.FAILED
    assert told.reason is Reason.QUOTA_EXCEEDED
    assert "quota « quota »" in told.sentence
    assert "pods=1" in told.sentence


def test_a_service_that_degraded_long_after_its_rollout_is_not_a_failed_rollout() -> None:
    degraded = {**ROLLED_OUT, "availableReplicas": 1, "readyReplicas": 1}
    assert seen(Wave.SERVICE, live(Deployment=degraded), later_s=86_400).progress is Progress.UNDER_WAY


@pytest.mark.parametrize(("later_s", "reason"), [(30, Reason.ROLLING_OUT), (90, Reason.UNSCHEDULABLE)])
def test_what_a_service_that_had_rolled_out_lacks_is_its_reason_within_a_minute(later_s: float, reason: Reason) -> None:
    since = {**NO_ROOM, "lastTransitionTime": "2026-03-02T08:00:00Z"}
    degraded = live(Deployment={**ROLLED_OUT, "availableReplicas": 0, "readyReplicas": 0})
    told = seen(Wave.SERVICE, degraded, pod(conditions=[since]), later_s=later_s)
    assert told.reason is reason
    assert "0/1 nodes" in told.sentence
    if reason is Reason.UNSCHEDULABLE:
        assert told.degraded and "Le service ne tient plus" in told.sentence
    starting = seen(Wave.SERVICE, live(Deployment=STARTING), pod(conditions=[since]), later_s=later_s)
    assert starting.progress is Progress.UNDER_WAY, "a rollout has its whole time"


@pytest.mark.parametrize(
    "status", [None, {"conditions": None}, {"containerStatuses": None}, {"containerStatuses": [{}]}]
)
def test_half_written_pods_are_read(status: Any) -> None:
    half = {"metadata": {"name": "p"}, "status": status}
    assert seen(Wave.SERVICE, live(Deployment=STARTING), half).progress is Progress.UNDER_WAY
    assert seen(Wave.MIGRATION, live(Job={}), half).progress is Progress.UNDER_WAY
