"""A developer's request: read or refused, the Job that carries it out, and what its status then says."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hosting_objects import objects
from hypothesis import given
from hypothesis import strategies as st

from amcloud.errors import InvalidManifestError
from amcloud.stages import observe
from amcloud.stages.jobs import command
from amcloud.stages.jobs.command import OUTPUT_MOST, TAIL, Ask, Component, Logs, Output, Run, Said
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import HELD

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
UID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"
DEPLOYMENT = next(one for one in objects() if one["kind"] == "Deployment")


def written(**spec: Any) -> dict[str, Any]:
    whole = {"app": "suivi-courriers", "stage": "acceptance", "requestedBy": "camille", **spec}
    return {"metadata": {"namespace": "cpam-bas-rhin", "name": "c", "uid": UID}, "spec": whole}


RUN = command.parse(written(run={"command": ["bin/console", "app:relances"], "timeoutSeconds": 60}))


def test_a_request_is_read_with_its_defaults() -> None:
    assert Ask("cpam-bas-rhin", "c", UID, "suivi-courriers", RUN.stage, "camille", RUN.what) == RUN
    assert RUN.what == Run(("bin/console", "app:relances"), 60)
    assert RUN.instance == "suivi-courriers-acceptance"
    logs = command.parse(written(logs={"lines": 10, "follow": True, "component": "schedule"}))
    assert logs.what == Logs(10, None, True, Component.SCHEDULE)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "spec.logs"),
        ({"logs": {"lines": 1}, "run": {"command": ["x"]}}, "spec.logs"),
        ({"logs": {"lines": 5000}}, "spec.logs.lines"),
        ({"logs": {"lines": 1, "sinceSeconds": 0}}, "spec.logs.sinceSeconds"),
        ({"run": {"command": []}}, "spec.run.command"),
        ({"run": {"command": ["x"], "timeoutSeconds": 86_400}}, "spec.run.timeoutSeconds"),
        ({"run": {"command": ["x"], "image": "pirate:1"}}, "spec.run"),
        ({"logs": {"lines": 1}, "stage": "recette"}, "spec.stage"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidManifestError) as caught:
        command.parse(written(**spec))
    assert caught.value.field == field


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda c: st.lists(c, max_size=3)
                    | st.dictionaries(st.sampled_from(["logs", "run", "command", "lines", "app"]), c)))  # fmt: skip
def test_any_request_is_read_or_refused(spec: Any) -> None:
    found = written()
    found["spec"] = {**found["spec"], **spec} if isinstance(spec, dict) else spec
    with contextlib.suppress(InvalidManifestError):
        command.parse(found)


class TestJob:
    def made(self) -> Object:
        assert isinstance(RUN.what, Run)
        return command.job(DEPLOYMENT, RUN, RUN.what)

    def test_it_is_the_container_that_serves_with_another_command(self) -> None:
        (container,) = self.made()["spec"]["template"]["spec"]["containers"]
        (serving,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
        for same in ("image", "env", "envFrom", "resources", "securityContext", "volumeMounts"):
            assert container[same] == serving[same]
        assert container["args"] == ["bin/console", "app:relances"]
        assert not {"ports", "readinessProbe", "livenessProbe", "startupProbe", "lifecycle"} & set(container)

    def test_it_has_the_application_s_role_and_not_the_one_of_migrations(self) -> None:
        (container,) = self.made()["spec"]["template"]["spec"]["containers"]
        url = next(one for one in container["env"] if one["name"] == "DATABASE_URL")
        assert url["valueFrom"]["secretKeyRef"]["key"] == "database-url"

    def test_it_is_bounded_confined_and_serves_nobody(self) -> None:
        made = self.made()
        spec, template = made["spec"], made["spec"]["template"]
        assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (60, 0)
        assert template["spec"]["restartPolicy"] == "Never"
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True
        assert template["spec"]["automountServiceAccountToken"] is False
        selector = DEPLOYMENT["spec"]["selector"]["matchLabels"]
        assert not selector.items() <= template["metadata"]["labels"].items()

    def test_the_deployment_is_left_as_it_was(self) -> None:
        before = str(DEPLOYMENT)
        self.made()
        assert str(DEPLOYMENT) == before


def pod(state: dict[str, Any], **metadata: Any) -> Object:
    return {"metadata": {"name": "p", **metadata}, "status": {"containerStatuses": [{"name": "command", **state}]}}


def job(*conditions: dict[str, Any], made: datetime = NOW) -> Object:
    return {"metadata": {"name": "j", "creationTimestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ")},
            "status": {"conditions": list(conditions)}}  # fmt: skip


COMPLETE = {"type": "Complete", "status": "True"}
FAILED = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
LATE = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
RUNS = pod({"state": {"running": {"startedAt": "x"}}})
QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "message": "exceeded quota: quota, requested: pods=1, used: pods=9",
}


@pytest.mark.parametrize(
    ("found", "pods", "reason", "over", "code"),
    [
        pytest.param(job(), (), Said.WAITING, False, None, id="just made"),
        pytest.param(job(), (RUNS,), Said.RUNNING, False, None, id="runs"),
        pytest.param(job(), (pod({"state": {"terminated": {"exitCode": 0}}}),), Said.DONE, True, 0, id="ended well"),
        pytest.param(job(COMPLETE), (), Said.DONE, True, 0, id="complete, pod gone"),
        pytest.param(
            job(FAILED), (pod({"state": {"terminated": {"exitCode": 7}}}),), Said.COMMAND_FAILED, True, 7, id="failed"
        ),
        pytest.param(job(LATE), (), Said.DEADLINE_EXCEEDED, True, None, id="too long"),
        pytest.param(
            job(), (pod({"state": {"terminated": {"exitCode": 143}}}, deletionTimestamp="x"),),
            *(Said.WAITING, False, None), id="its pod is being removed: the Job will say why",
        ),
        pytest.param(job(QUOTA), (), Said.NOT_STARTED, True, None, id="quota"),
        pytest.param(job(made=NOW - timedelta(minutes=3)), (), Said.NOT_STARTED, True, None, id="never started"),
        pytest.param(None, (), Said.COMMAND_FAILED, True, None, id="somebody removed it"),
    ],
)  # fmt: skip
def test_a_job_is_told_by_one_reason(
    found: Object | None, pods: tuple[Object, ...], reason: Said, over: bool, code: int | None
) -> None:
    seen = command.progress(found, pods, now=NOW)
    assert (seen.reason, seen.over, seen.exit_code) == (reason, over, code)
    assert seen.message.endswith((".", ". "))


def test_memory_is_named_as_the_cause() -> None:
    killed = pod({"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}})
    assert "mémoire" in command.progress(job(FAILED), (killed,), now=NOW).message


class TestOutput:
    def test_a_reader_who_looks_often_misses_nothing(self) -> None:
        output, told, read = Output(), 0, ""
        for number in range(200):
            output = output.added(f"ligne {number}\n" * 20)
            assert told >= output.offset
            read += output.text[told - output.offset :]
            told = output.offset + len(output.text)
        assert read == "".join(f"ligne {number}\n" * 20 for number in range(200))

    def test_it_is_bounded_whatever_is_written(self) -> None:
        output = Output().added("x" * (3 * OUTPUT_MOST)).added("y")
        assert len(output.text) <= max(TAIL, OUTPUT_MOST)
        assert output.offset + len(output.text) == 3 * OUTPUT_MOST + 1


def test_an_event_says_who_what_and_how_it_ended_without_personal_data() -> None:
    ask = command.parse(written(run={"command": ["app:relance", "--nir", "2690549588157"]}))
    said = command.event(ask, Said.COMMAND_FAILED, 3, seconds=12.4)
    assert (said.type, said.reason) == ("Warning", "CommandRun")
    assert said.message == (
        "acceptance : camille a lancé « app:relance --nir [donnée personnelle] » (CommandFailed, code 3, 12 s)"
    )
    read = command.event(command.parse(written(logs={"lines": 1})), Said.DONE, None, seconds=1)
    assert (read.reason, read.message) == ("JournalRead", "acceptance : journal lu par camille")


@pytest.mark.parametrize(
    ("app", "deployment", "reason"),
    [
        (None, None, Said.NOT_HOSTED),
        ({}, None, Said.NOT_HOSTED),
        ({}, {"spec": {"replicas": 0}}, Said.SUSPENDED),
        ({}, {"spec": {"replicas": 2}}, None),
    ],
)
def test_an_instance_that_cannot_answer_says_why(app: Any, deployment: Any, reason: Said | None) -> None:
    found = command.refusal(app, deployment, RUN)
    assert (found[0] if found else None) == reason


def test_an_answered_request_goes_after_a_while() -> None:
    status = command.status(Said.DONE, "Fini.", Output("x"), began=NOW, ended=NOW, exit_code=0)
    assert status["exitCode"] == 0 and status["completionTime"] == "2026-03-02T08:00:00Z"
    assert not command.expired({"status": status}, now=NOW + timedelta(minutes=5))
    assert command.expired({"status": status}, now=NOW + timedelta(minutes=11))
    assert not command.expired({"status": {"reason": "Running"}}, now=NOW + timedelta(days=1))


def test_credentials_are_not_retired_while_a_command_holds_them() -> None:
    assert isinstance(RUN.what, Run)
    template = command.job(DEPLOYMENT, RUN, RUN.what)["spec"]["template"]
    running = {"metadata": template["metadata"], "status": {"phase": "Running"}}
    held = DEPLOYMENT["spec"]["template"]["metadata"]["annotations"][HELD]
    assert observe.settled((running,), held)
    assert not observe.settled((running,), "d'autres accès")
    assert observe.settled(({**running, "status": {"phase": "Succeeded"}},), "d'autres accès")
