"""The dispatcher: who is asked for, what an error becomes, and that nothing stops it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import structlog
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, PROJECT, SETTINGS, START, TWO, manifest

from amcloud.dispatch import Dispatcher
from amcloud.errors import RepositoryRefusedError, UnavailableError
from amcloud.reconcile import Next
from amcloud.stages.build import PipelineStatus
from amcloud.workqueue import Key

KEY, OTHER = Key("cpam-bas-rhin", "suivi-courriers"), Key("cpam-bas-rhin", "autre")


def dispatcher(outside: FakeWorld, run: Any = None) -> Dispatcher:
    made = Dispatcher(outside.world(), run=run) if run else Dispatcher(outside.world())
    made.know(KEY, PROJECT)
    return made


def waiting(made: Dispatcher) -> set[Key]:
    taken = set()
    while made.queue.waiting:
        key = made.queue.take()
        assert key is not None
        taken.add(key)
    return taken


def passed(made: Dispatcher, key: Key = KEY) -> None:
    made.ask(key)
    assert made.queue.take() == key
    made.one_pass(key)


def test_a_connector_wakes_the_applications_that_call_it_and_no_other() -> None:
    made = dispatcher(FakeWorld())
    made.know(KEY, PROJECT, frozenset({"referentiel-assures"}))
    made.know(OTHER, "cpam-bas-rhin/autre", frozenset({"annuaire"}))
    assert made.ask_callers("referentiel-assures") == (KEY,)
    made.know(KEY, PROJECT)
    assert made.ask_callers("referentiel-assures") == ()
    made.forget(OTHER)
    assert made.ask_callers("annuaire") == ()


def test_a_project_asks_for_its_own_applications_whatever_the_case() -> None:
    made = dispatcher(FakeWorld())
    made.know(OTHER, "cpam-bas-rhin/autre")
    assert made.ask_project(PROJECT.upper()) == (KEY,)
    assert waiting(made) == {KEY}
    assert made.ask_project("inconnu/x") == ()


def test_an_application_that_changes_project_is_found_by_the_new_one_alone() -> None:
    made = dispatcher(FakeWorld())
    made.know(KEY, "cpam-bas-rhin/nouveau")
    assert made.ask_project(PROJECT) == ()
    assert made.ask_project("cpam-bas-rhin/nouveau") == (KEY,)


def test_a_forgotten_application_is_asked_for_no_more() -> None:
    made = dispatcher(FakeWorld())
    made.ask(KEY)
    made.forget(KEY)
    assert waiting(made) == set()
    assert made.ask_project(PROJECT) == ()


def test_an_error_that_nobody_foresaw_is_told_on_the_localapp_and_tried_again_later() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())

    def crash(found: Any, world: Any, others: Any) -> Next:
        raise ZeroDivisionError("jeton-secret")

    made = dispatcher(outside, crash)
    passed(made)
    ready = outside.cluster.status()["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "InternalError")
    assert "ZeroDivisionError" in ready["message"] and "jeton-secret" not in ready["message"]
    assert made.ailment() == ""
    assert made.queue.waiting == 0, "the next try waits"
    passed(made)


def test_an_unreachable_cluster_costs_a_delay_and_nothing_else() -> None:
    outside = FakeWorld()

    def unreachable(namespace: str, name: str) -> None:
        raise UnavailableError("API : pas de réponse")

    outside.cluster.local_app = unreachable  # type: ignore[method-assign,assignment]
    made = dispatcher(outside)
    passed(made)
    assert made.queue.longest_pass_s == 0


def test_an_application_that_is_gone_gets_no_further_pass() -> None:
    outside = FakeWorld()
    made = dispatcher(outside)
    passed(made)
    assert made.queue.waiting == 0


def test_a_settled_application_is_seen_again_within_the_resync_time() -> None:
    outside = FakeWorld(settings=replace(SETTINGS, resync_s=0.01))
    outside.cluster.add(manifest())
    outside.source.heads = {}
    made = dispatcher(outside)
    passed(made)
    assert made.queue.take() == KEY


def test_polling_asks_for_what_was_active_since_the_last_look() -> None:
    outside = FakeWorld()
    outside.forge.active = frozenset({PROJECT})
    made = dispatcher(outside)
    made.poll_once()
    outside.passes(60)
    made.poll_once()
    assert outside.forge.asked_since == [START, START]
    assert waiting(made) == {KEY}


def test_polling_asks_only_for_projects_whose_branches_moved() -> None:
    outside = FakeWorld()
    outside.forge.active = frozenset({PROJECT, "inconnu/x"})
    made = dispatcher(outside)
    assert made.poll_once() == [PROJECT]
    assert made.poll_once() == []
    outside.source.heads["refs/heads/ma-branche"] = TWO
    assert made.poll_once() == [PROJECT]
    outside.source.error = UnavailableError("git : pas de réponse")
    assert made.poll_once() == []
    outside.source.error = RepositoryRefusedError("jeton refusé")
    assert made.poll_once() == [PROJECT], "the pass says what is wrong"


def test_a_failed_poll_looks_back_to_the_last_one_that_succeeded() -> None:
    outside = FakeWorld()
    made = dispatcher(outside)
    made.poll_once()
    outside.forge.down = True
    outside.passes(7200)
    with pytest.raises(UnavailableError):
        made.poll_once()
    outside.forge.down = False
    made.poll_once()
    assert outside.forge.asked_since[-1] == START


def test_two_applications_do_not_wait_for_each_other() -> None:
    outside = FakeWorld(settings=replace(SETTINGS, workers=2))
    outside.cluster.add(manifest())
    outside.cluster.add(manifest("autre"))
    both = threading.Barrier(2, timeout=10)

    def meet(found: Any, world: Any, others: Any) -> Next:
        both.wait()
        return Next()

    made = dispatcher(outside, meet)
    made.know(OTHER, "cpam-bas-rhin/autre")
    made.start()
    made.ask_all()
    try:
        for _ in range(200):
            if not made.queue.waiting and not made.queue.longest_pass_s and both.n_waiting == 0:
                break
            threading.Event().wait(0.02)
        assert not both.broken
    finally:
        made.stop(timeout_s=5)


def test_a_pass_from_push_to_service_runs_through_the_dispatcher() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    made = dispatcher(outside)
    passed(made)
    assert outside.cluster.status()["summary"]["ready"] == "True"


def test_a_decision_is_one_line_of_the_journal_when_it_is_news(capsys: pytest.CaptureFixture[str]) -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    made = dispatcher(outside)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        made.ask_project(PROJECT, cause="0c0ffee0-uuid-de-la-forge")
        made.one_pass(KEY)
        made.one_pass(KEY)
    told = [line for line in lines if line["event"] == "stage_decision"]
    assert [line["log_level"] for line in told] == ["info", "debug"]
    first, again = told
    assert (first["app"], first["stage"], first["commit"]) == (str(KEY), "acceptance", ONE)
    assert (first["decision"], first["reason"]) == ("serving", "Serving")
    assert first["correlation"] == first["cause"] == "0c0ffee0-uuid-de-la-forge"
    assert again["correlation"] == first["correlation"], "it is the same commit, whatever asked for the pass"
    assert again["cause"] not in {"", first["cause"]}


def second(**spec: Any) -> dict[str, Any]:
    """Another LocalApp, declared later."""
    made = manifest("autre", uid="uid-2", **spec)
    made["metadata"]["creationTimestamp"] = "2026-03-02T08:00:00Z"
    return made


def test_the_second_of_two_applications_on_one_stage_of_a_project_is_refused_and_told_who_has_it() -> None:
    outside = FakeWorld()
    first = manifest()
    first["metadata"]["creationTimestamp"] = "2026-03-01T08:00:00Z"
    outside.cluster.add(first)
    outside.cluster.add(second())
    made = dispatcher(outside)
    made.know(OTHER, PROJECT)
    for key in (KEY, OTHER):
        made.one_pass(key)
    ready = outside.cluster.status("autre")["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "NotOwned")
    assert str(KEY) in ready["message"] and PROJECT in ready["message"]
    assert outside.cluster.status()["conditions"][0]["reason"] != "NotOwned"
    made.forget(KEY)
    assert waiting(made) == {OTHER}, "what the first one held is free"


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"stages": [{"name": "development", "ref": {"branch": "develop"}}]}, id="another stage"),
        pytest.param({"repository": {"project": "cpam-bas-rhin/autre"}}, id="another project"),
    ],
)
def test_two_applications_that_share_no_stage_of_a_project_do_not_meet(spec: dict[str, Any]) -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.cluster.add(second(**spec))
    made = dispatcher(outside)
    made.know(OTHER, PROJECT)
    made.one_pass(OTHER)
    assert outside.cluster.status("autre")["conditions"][0]["reason"] != "NotOwned"


def test_a_push_comes_before_those_that_wait_for_their_turn() -> None:
    made = dispatcher(FakeWorld())
    made.know(OTHER, "cpam-bas-rhin/autre")
    made.ask(OTHER)
    made.ask_project(PROJECT, urgent=True)
    assert made.queue.take() == KEY


def test_of_several_notifications_before_a_pass_the_first_is_what_began_it() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    made = dispatcher(outside)
    for cause in ("premier-envoi", "second-envoi"):
        made.ask_project(PROJECT, cause=cause)
    passed(made)
    assert outside.cluster.status()["stages"][0]["correlation"] == "premier-envoi"


def test_a_renamed_project_is_told_and_asked_for_under_both_names() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.path = "cpam-bas-rhin/nouveau-nom"
    made = dispatcher(outside)
    passed(made)
    (problem,) = outside.cluster.status()["problems"]
    assert problem["path"] == "spec.repository.project" and "nouveau-nom" in problem["message"]
    assert made.ask_project("cpam-bas-rhin/Nouveau-Nom") == made.ask_project(PROJECT) == (KEY,)
    made.know(KEY, PROJECT)  # as each change of the LocalApp does
    assert made.ask_project("cpam-bas-rhin/nouveau-nom") == (KEY,)
    made.forget(KEY)
    assert made.ask_project("cpam-bas-rhin/nouveau-nom") == ()
