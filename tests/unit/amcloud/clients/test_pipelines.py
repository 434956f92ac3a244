"""What GitLab's jobs say together."""

from __future__ import annotations

from typing import Any

import pytest

from amcloud.clients.pipelines import announced_fault, pipeline, platform_fault, status_of_jobs, word
from amcloud.stages.build import PipelineStatus as S

FOUND = {"id": 7, "status": "failed", "created_at": "2026-03-02T08:00:00.123Z", "web_url": "https://forge.example/7"}


def job(status: str, *, allow_failure: bool = False, name: str = "tests") -> dict[str, Any]:
    return {"name": name, "status": status, "allow_failure": allow_failure}


FEEDBACK = "deploy-feedback"


@pytest.mark.parametrize(
    ("jobs", "status"),
    [
        pytest.param([], None, id="no job"),
        pytest.param([job("success"), job("success")], S.SUCCESS, id="all succeeded"),
        pytest.param([job("success"), job("created")], S.RUNNING, id="one is still to come"),
        pytest.param([job("created"), job("pending")], S.PENDING, id="none has begun"),
        pytest.param([job("failed"), job("skipped")], S.FAILED, id="one failed"),
        pytest.param([job("failed"), job("running")], S.RUNNING, id="one failed, another runs"),
        pytest.param([job("failed", allow_failure=True), job("success")], S.SUCCESS, id="a failure that is allowed"),
        pytest.param([job("failed", allow_failure=True)], S.SUCCESS, id="only a failure that is allowed"),
        pytest.param([job("manual"), job("success")], S.MANUAL, id="waits for somebody"),
        pytest.param([job("manual", allow_failure=True), job("success")], S.SUCCESS, id="an optional manual job"),
        pytest.param(
            [job("success"), job("running", allow_failure=True, name=FEEDBACK)],
            S.SUCCESS,
            id="the template's feedback waits",
        ),
        pytest.param([job("success"), job("running", name=FEEDBACK)], S.RUNNING, id="a job that only borrows its name"),
        pytest.param(
            [job("running"), job("success", allow_failure=True, name=FEEDBACK)], S.RUNNING, id="feedback too early"
        ),
        pytest.param([job("canceled"), job("success")], S.CANCELED, id="cancelled"),
        pytest.param([job("skipped")], S.SKIPPED, id="skipped"),
        pytest.param([job("waiting_for_callback")], S.RUNNING, id="a word of a newer GitLab"),
    ],
)
def test_jobs_say_together(jobs: list[dict[str, Any]], status: S | None) -> None:
    assert status_of_jobs(jobs) is status


def test_a_pipeline_s_own_status_counts_only_where_it_has_no_job() -> None:
    assert pipeline(FOUND, [job("success")]).status is S.SUCCESS  # `failed` was our commit status
    assert pipeline(FOUND, []).status is S.FAILED
    assert pipeline(FOUND, []).created_at.tzinfo is not None


def test_every_word_of_ours_is_gitlab_s() -> None:
    assert all(word(status.value) is status for status in S)


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("runner_system_failure", "panne de l'exécuteur"),
        ("stuck_or_timeout_failure", "aucun exécuteur ne l'a pris"),
        ("script_failure", ""),
        ("job_execution_timeout", ""),
        (None, ""),
    ],
)
def test_what_no_script_is_to_blame_for_is_the_platform_s_fault(reason: str | None, fault: str) -> None:
    assert platform_fault([job("success"), {**job("failed"), "failure_reason": reason}]) == fault


def test_a_failure_that_is_allowed_explains_nothing() -> None:
    assert platform_fault([{**job("failed", allow_failure=True), "failure_reason": "runner_system_failure"}]) == ""


@pytest.mark.parametrize(
    ("trace", "fault"),
    [
        (
            b"...\nINDISPONIBLE : le registre localhost:5000\nERROR: Job failed",
            "le registre localhost:5000 ne répondait pas",
        ),
        (b"echo INDISPONIBLE : le registre\n", ""),
        (b"ERREUR : Dockerfile est absent\n", ""),
        (b"\xff\xfe" * 100, ""),
        (b"INDISPONIBLE : x\n" + b"y" * 100_000, ""),
        (b"", ""),
    ],
)
def test_a_step_may_say_which_service_did_not_answer(trace: bytes, fault: str) -> None:
    assert announced_fault(trace) == fault
