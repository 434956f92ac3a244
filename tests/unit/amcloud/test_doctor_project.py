"""What ``amcloud doctor PROJECT`` says of hooks, protections and runners, from values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from amcloud.clients.forge_state import LastPipeline
from amcloud.doctor import ci, hook, project
from amcloud.doctor.findings import State
from amcloud.stages.declared.app import Ref, RefKind
from amcloud.stages.to_forge.forge_link import EVENTS, LABELS, Action, Delivery, Found, Hook, Wanted, events_of, plan
from psram.proofs import ProtectedRef

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
URL = "https://webhooks.amcloud.example/webhooks/gitlab"
MAIN, TAGS = Ref(RefKind.BRANCH, "main"), Ref(RefKind.TAG, "v*")


def made(*statuses: str, state: str = "executable", events: tuple[str, ...] = EVENTS) -> Hook:
    deliveries = tuple(Delivery("2026-03-02T07:59:00Z", status) for status in statuses)
    return Hook(1, URL, frozenset(events), "", True, state, deliveries)


@pytest.mark.parametrize(
    ("hooks", "states"),
    [
        pytest.param([], {"hook": State.ERROR}, id="none"),
        pytest.param([made("202")], {"hook": State.OK, "hook-deliveries": State.OK}, id="in order"),
        pytest.param([made()], {"hook": State.OK, "hook-deliveries": State.OK}, id="never used"),
        pytest.param([made("202", "503")], {"hook": State.OK, "hook-deliveries": State.WARNING}, id="lost one"),
        pytest.param([made("503", "202")], {"hook": State.OK, "hook-deliveries": State.ERROR}, id="lost the last"),
        pytest.param([made("401")], {"hook": State.ERROR, "hook-deliveries": State.ERROR}, id="another token"),
        pytest.param(
            [made("202", state="disabled")], {"hook": State.ERROR, "hook-deliveries": State.OK}, id="disabled"
        ),
        pytest.param(
            [made("202", events=("push_events",))], {"hook": State.ERROR, "hook-deliveries": State.OK}, id="half of it"
        ),
        pytest.param(
            [made("202"), made("202")],
            {"hook": State.OK, "hook-twice": State.WARNING, "hook-deliveries": State.OK},
            id="twice",
        ),
    ],
)
def test_a_hook_that_does_not_do_its_work_is_told(hooks: list[Hook], states: dict[str, State]) -> None:
    found = list(hook.judged(hooks, URL, "amcloud forge connect x/y"))
    assert {one.check: one.state for one in found} == states
    assert all(one.remedy for one in found if one.state is not State.OK)


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        pytest.param("cpam-bas-rhin/suivi-courriers", "note_events", id="an older hook, before comments counted"),
        pytest.param("Amcloud/Normes", "issues_events", id="the norms' project, tied as an application's"),
    ],
)
def test_what_a_hook_does_not_send_is_named_and_forge_connect_mends_it(path: str, missing: str) -> None:
    wanted = events_of(path, norms_project="amcloud/normes")
    found = made("202", events=tuple(event for event in wanted if event != missing))
    (told, *_) = hook.judged([found], URL, f"amcloud forge connect {path}", wanted)
    assert told.state is State.ERROR and missing in told.said and told.remedy == f"amcloud forge connect {path}"
    steps = plan(Found((found,), frozenset(LABELS), ()), Wanted(URL, events=wanted), today=NOW.date())
    assert [step.action for step in steps if step.changes] == [Action.UPDATE_HOOK]


@pytest.mark.parametrize(
    ("branches", "tags", "states"),
    [
        pytest.param((ProtectedRef("main"),), (ProtectedRef("v*"),), [State.OK, State.OK], id="both"),
        pytest.param((ProtectedRef("ma*"),), (ProtectedRef("*"),), [State.OK, State.OK], id="by pattern"),
        pytest.param((), (), [State.ERROR, State.ERROR], id="none"),
        pytest.param((ProtectedRef("main", force_push=True),), (ProtectedRef("v1"),), [State.ERROR] * 2, id="weakly"),
    ],
)
def test_refs_that_stages_follow_must_be_protected(
    branches: tuple[ProtectedRef, ...], tags: tuple[ProtectedRef, ...], states: list[State]
) -> None:
    assert [one.state for one in project.protections([MAIN, TAGS, MAIN], branches, tags)] == states


@pytest.mark.parametrize(
    ("status", "minutes", "runners", "state"),
    [
        ("pending", 5, (), State.OK),
        ("pending", 25, (), State.ERROR),
        ("running", 25, ("usine",), State.OK),
        ("success", 25, ("#12",), State.ERROR),
    ],
)
def test_a_pipeline_that_nobody_takes_or_a_stranger_took_is_told(
    status: str, minutes: int, runners: tuple[str, ...], state: State
) -> None:
    began = NOW.replace(hour=7, minute=60 - minutes).isoformat()
    assert ci.runner(LastPipeline(7, status, began, runners), ("usine",), NOW).state is state
