"""Checks as Jobs: what is done next, what a Job says, and the objects of an attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud import assets
from amcloud.errors import BrokenInstallationError
from amcloud.stages.jobs import checking
from amcloud.stages.jobs.checking import Attempt, GiveUp, Read, Stage, Start, Subject, Wait

GOLDEN = Path(__file__).parents[1] / "golden" / "checking"
COMMIT = "0123456789abcdef" * 2 + "01234567"
SUBJECT = Subject("cpam-bas-rhin/suivi", COMMIT, "glpat-secret", "cpam-bas-rhin/suivi-courriers")
CHECK = checking.check_id(SUBJECT.project, COMMIT, "1/8.2")


def tried(number: int, stage: Stage, *, age_s: float = 10, why: str = "", unanswering: bool = False) -> Attempt:
    return Attempt(checking.job_name(CHECK, number), number, stage, age_s, why, unanswering)


DONE, ACTIVE, FAILED = tried(1, Stage.DONE), tried(1, Stage.ACTIVE), tried(1, Stage.FAILED, why="interrompu")
OLD = tried(3, Stage.FAILED, age_s=checking.ROUND_S + 1)


@pytest.mark.parametrize(
    ("attempts", "step"),
    [
        pytest.param((), Start(1), id="nothing was tried: the first attempt"),
        pytest.param((ACTIVE,), Wait(ACTIVE), id="one is under way: wait for it"),
        pytest.param((DONE,), Read(DONE), id="one has ended well: read it"),
        pytest.param((FAILED,), Start(2), id="one failed: another"),
        pytest.param((FAILED, tried(2, Stage.ACTIVE)), Wait(tried(2, Stage.ACTIVE)), id="the second is under way"),
        pytest.param((tried(1, Stage.DONE, unanswering=True),), Start(2), id="one ended without an answer: another"),
        pytest.param((OLD,), Start(4), id="those of an earlier round do not count, their names do"),
        pytest.param((OLD, tried(4, Stage.FAILED)), Start(5), id="a new round begins"),
    ],
)
def test_what_was_tried_decides_what_is_done_next(attempts: tuple[Attempt, ...], step: Any) -> None:
    assert checking.next_step(attempts) == step
    assert checking.next_step(tuple(reversed(attempts))) == step


def test_after_three_failures_the_last_reason_is_told_and_nothing_more_is_started() -> None:
    attempts = tuple(tried(number, Stage.FAILED, why=f"raison {number}") for number in (1, 2, 3))
    step = checking.next_step(attempts)
    assert isinstance(step, GiveUp)
    assert step.why.startswith("raison 3 (3 essais")


def job(*conditions: tuple[str, str, str]) -> dict[str, Any]:
    said = [{"type": kind, "status": status, "reason": reason} for kind, status, reason in conditions]
    return {"metadata": {"name": f"check-{CHECK}-2"}, "status": {"conditions": said}}


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "status": status}


def ended(**terminated: Any) -> dict[str, Any]:
    return pod(phase="Failed", containerStatuses=[{"state": {"terminated": terminated}}])


@pytest.mark.parametrize(
    ("reason", "pods", "words"),
    [
        pytest.param("DeadlineExceeded", (), "temps imparti", id="too long"),
        pytest.param("BackoffLimitExceeded", (pod(phase="Failed", reason="Evicted"),), "Evicted", id="evicted"),
        pytest.param("BackoffLimitExceeded", (ended(reason="OOMKilled", exitCode=137),), "mémoire", id="memory"),
        pytest.param("BackoffLimitExceeded", (ended(reason="Error", exitCode=139),), "code 139", id="crash"),
        pytest.param("BackoffLimitExceeded", (), "disparu", id="its pod was deleted"),
    ],
)
def test_a_failed_job_says_why_in_words_for_the_reader(reason: str, pods: tuple[Any, ...], words: str) -> None:
    seen = checking.attempt(job(("Failed", "True", reason)), pods, age_s=1)
    assert (seen.number, seen.stage) == (2, Stage.FAILED)
    assert words in seen.why


def test_a_job_without_a_final_condition_is_under_way() -> None:
    assert checking.attempt({"metadata": {"name": "check-a-1"}}, (), age_s=1).stage is Stage.ACTIVE
    assert checking.attempt(job(("Complete", "True", "")), (), age_s=1).stage is Stage.DONE


def objects(subject: Subject = SUBJECT, forge_url: str = "https://forge.example") -> tuple[Any, ...]:
    return checking.objects(
        subject, 1, check=CHECK, namespace="amcloud-system", image="registre.example/amcloud/operator@sha256:ab",
        forge_url=forge_url, deadline_s=600, templates=assets.check_templates(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("https-forge", objects(), id="a forge by name, with a token"),
        pytest.param(
            "public-project",
            objects(Subject("a/b", COMMIT, None, "n/a"), "http://198.18.0.1:8929"),
            id="a forge by address, a public project",
        ),
    ],
)
def test_the_objects_of_an_attempt_are_the_golden_ones(
    name: str, found: tuple[Any, ...], request: pytest.FixtureRequest
) -> None:
    written = yaml.safe_dump_all(found, allow_unicode=True, sort_keys=True)
    file = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--update-golden"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written, encoding="utf-8")
    assert written == file.read_text(encoding="utf-8")


def test_neither_the_job_nor_its_arguments_carry_the_token_and_the_pod_has_no_right_in_the_cluster() -> None:
    policy, made = objects()
    assert "glpat-secret" not in yaml.safe_dump([policy, made])
    template = made["spec"]["template"]["spec"]
    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"]["runAsNonRoot"] is True
    (container,) = template["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["limits"].keys() >= {"cpu", "memory", "ephemeral-storage"}
    assert (made["spec"]["backoffLimit"], made["spec"]["activeDeadlineSeconds"]) == (0, 600)
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy["spec"]


def test_the_secret_goes_with_its_job_and_has_its_name() -> None:
    _, made = objects()
    found = checking.secret({**made, "metadata": {**made["metadata"], "uid": "u-1"}}, "glpat-secret")
    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Job", "u-1")
    assert found["metadata"]["name"] == made["metadata"]["name"]
    volume = next(v for v in made["spec"]["template"]["spec"]["volumes"] if v["name"] == "token")
    assert volume["secret"]["secretName"] == found["metadata"]["name"]


def test_names_follow_from_project_commit_and_engine_alone() -> None:
    assert checking.check_id("cpam-bas-rhin/suivi", COMMIT, "1/8.2") == CHECK
    others = {checking.check_id("cpam-bas-rhin/suivi", COMMIT, "2/8.2"), checking.check_id("a/b", COMMIT, "1/8.2")}
    assert CHECK not in others and len(others) == 2
    assert len(checking.job_name(CHECK, 999)) <= 63


def test_a_template_that_makes_another_kind_is_a_broken_installation() -> None:
    with pytest.raises(BrokenInstallationError, match="Pod"):
        checking.objects(
            SUBJECT, 1, check=CHECK, namespace="n", image="i", forge_url="https://f.example", deadline_s=1,
            templates={"a.yaml.j2": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"},
        )  # fmt: skip
