"""What the forge should show of where an application runs, and the step that brings it there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from amcloud_samples import ONE, ORGANISATIONS, TWO
from amcloud_samples import manifest as sample

from amcloud.stages import manifest
from amcloud.stages.declared.app import App, Ref, RefKind, StageName
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Revision
from amcloud.stages.to_forge import deployments
from amcloud.stages.to_forge.deployments import Change, Deployment, State

MAIN = Ref(RefKind.BRANCH, "main")
URL = "https://cpam-bas-rhin.suivi-courriers.acceptance.amcloud.example"
LET_IN = replace(StageOutcome.begin(StageName.ACCEPTANCE, None), commit=ONE, deployed=Revision(ONE, "image@sha256:1"))


def app(**spec: Any) -> App:
    return manifest.parse(sample(**spec), ORGANISATIONS, lambda _: "671")


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        pytest.param(replace(LET_IN, deployed=None), None, id="nothing was let in"),
        pytest.param(LET_IN.waiting(Reason.ROLLING_OUT, "", retry_after_s=1), State.RUNNING, id="rolling out"),
        pytest.param(LET_IN.waiting(Reason.PROVISIONING, "", retry_after_s=1), State.RUNNING, id="provisioning"),
        pytest.param(LET_IN.served(url=URL, organisations=()), State.SUCCESS, id="serving"),
        pytest.param(LET_IN.refused(Reason.MIGRATION_FAILED, ""), State.FAILED, id="its migration failed"),
        pytest.param(LET_IN.refused(Reason.ROLLOUT_FAILED, ""), State.FAILED, id="it does not start"),
        pytest.param(
            replace(LET_IN, commit=TWO).refused(Reason.NOT_CONFORMANT, "").served(url=URL, organisations=()),
            State.SUCCESS,
            id="the one before serves, a newer one was refused",
        ),
        pytest.param(
            replace(LET_IN, commit=TWO).refused(Reason.NOT_CONFORMANT, ""),
            None,
            id="newer one refused, not looked at",
        ),
        pytest.param(LET_IN.waiting(Reason.FORGE_UNAVAILABLE, "", retry_after_s=1), None, id="the forge is down"),
        pytest.param(
            replace(LET_IN, proven=True).refused(Reason.CRASH_LOOPING, ""), None, id="it served before, and crashes now"
        ),
        pytest.param(LET_IN.refused(Reason.NOT_OWNED, ""), None, id="somebody else's"),
    ],
)
def test_a_revision_let_in_is_shown_as_far_as_the_pass_knows(outcome: StageOutcome, shown: State | None) -> None:
    found = deployments.records(app(), (outcome,), ()).deployments
    assert [one.state for one in found] == ([shown] if shown else [])
    assert all((one.commit, one.ref) == (ONE, MAIN) for one in found)
    assert all(one.url == (URL if shown is State.SUCCESS else "") for one in found)
    assert outcome.ended is not Ended.CATALOGUED


def other(*stages: str, **metadata: Any) -> dict[str, Any]:
    made = sample("autre", stages=[{"name": name, "ref": {"branch": "x"}} for name in stages])
    return {**made, "metadata": {**made["metadata"], **metadata}}


DEVELOPMENT, ACCEPTANCE, PRODUCTION = StageName


@pytest.mark.parametrize(
    ("spec", "others", "ended"),
    [
        pytest.param({}, (), {DEVELOPMENT, PRODUCTION}, id="stages that are not asked for"),
        pytest.param({}, (other("production"),), {DEVELOPMENT}, id="one of them is another application's"),
        pytest.param(
            {}, (other("production", deletionTimestamp="2026"),), {DEVELOPMENT, PRODUCTION}, id="that is going away"
        ),
        pytest.param({"track": "hors-standard"}, (), set(StageName), id="never hosted"),
    ],
)
def test_where_nothing_runs_any_more_is_stopped(
    spec: dict[str, Any], others: tuple[dict[str, Any], ...], ended: set[StageName]
) -> None:
    assert deployments.records(app(**spec), (), others).ended == ended


def test_an_application_that_goes_ends_its_own_stages_alone() -> None:
    assert deployments.at_the_end(app(), ()).ended == {ACCEPTANCE}
    assert deployments.at_the_end(app(), (other("acceptance"),)).ended == frozenset()


WANTED = {state: Deployment(ACCEPTANCE, ONE, MAIN, state) for state in State}


@pytest.mark.parametrize(
    ("wanted", "commit", "state", "step"),
    [
        (State.RUNNING, "", "", Change.BEGIN),
        (State.SUCCESS, "", "", Change.BEGIN),
        (State.RUNNING, TWO, "success", Change.BEGIN),
        (State.RUNNING, TWO, "running", Change.SUPERSEDE),
        (State.RUNNING, ONE, "running", Change.NONE),
        (State.SUCCESS, ONE, "running", Change.FINISH),
        (State.FAILED, ONE, "running", Change.FINISH),
        (State.SUCCESS, ONE, "success", Change.NONE),
        (State.RUNNING, ONE, "success", Change.NONE),
        (State.FAILED, ONE, "success", Change.BEGIN),
        (State.FAILED, ONE, "failed", Change.NONE),
        (State.RUNNING, ONE, "failed", Change.BEGIN),
        (State.SUCCESS, ONE, "failed", Change.BEGIN),
    ],
)
def test_the_step_from_what_is_shown_to_what_is_wanted(wanted: State, commit: str, state: str, step: Change) -> None:
    assert deployments.change(WANTED[wanted], commit=commit, state=state, available=True) is step


@pytest.mark.parametrize("state", [State.RUNNING, State.SUCCESS, State.FAILED])
def test_what_was_just_recorded_is_recorded_once(state: State) -> None:
    assert deployments.change(WANTED[state], commit=ONE, state=state.value, available=True) is Change.NONE


def test_an_environment_that_was_stopped_begins_again_when_its_revision_serves() -> None:
    step = deployments.change(WANTED[State.SUCCESS], commit=ONE, state="success", available=False)
    assert step is Change.BEGIN


def test_environments_have_no_folder_and_a_name_of_ours() -> None:
    assert [deployments.environment(stage) for stage in StageName] == [
        "amcloud-development",
        "amcloud-acceptance",
        "amcloud-production",
    ]
    assert set(deployments.TIERS) == set(StageName)
