"""``amcloud rollback`` and ``amcloud promote``: what they ask, and what comes of it in the operator's own passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import typer
from amcloud_clock import Sleepers
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, THREE, TWO, image_of, result
from amcloud_story import DEPLOYMENT, NAME, hosted, made_once, push, settle
from typer.testing import CliRunner

from amcloud.cli import promote, rollback, waiting
from amcloud.clients import desk
from amcloud.settings import INTENTION
from amcloud.stages.declared import intention
from amcloud.stages.declared.intention import Kind
from amcloud.stages.gate import Acceptance, Dossier
from amcloud.stages.objects.operations import Key

PRODUCTION = Key("apps", "Deployment", f"{NAME}-production", NAME)
BOTH = [{"name": "acceptance", "ref": {"branch": "main"}}, {"name": "production", "ref": {"tag": "v*"}}]


class Desk:
    """A person's computer: LocalApps by the API, whose operator makes its passes whenever they look."""

    def __init__(self, outside: FakeWorld, *, operator: bool = True) -> None:
        self.outside, self.operator = outside, operator
        self.patches: list[dict[str, Any]] = []

    def resource(self, *_: object) -> Desk:
        return self

    def path(self, namespace: str = "", name: str = "") -> str:
        return f"{namespace}/{name}"

    def items(self, *_: object, **__: object) -> list[Any]:
        return [self.outside.cluster.local_app(*key) for key in self.outside.cluster.apps]

    def get(self, path: str, **_: object) -> Any:
        if self.operator:
            settle(self.outside)
        return self.outside.cluster.local_app(*path.split("/"))

    def patch(self, path: str, body: dict[str, Any], **_: object) -> Any:
        namespace, name = path.split("/")
        metadata = self.outside.cluster.apps[namespace, name]["metadata"]
        metadata.setdefault("annotations", {}).update(body["metadata"]["annotations"])
        self.patches.append(body)
        return body

    def asked(self, stage: str = "acceptance") -> Any:
        annotations = self.outside.cluster.apps["cpam-bas-rhin", NAME]["metadata"]["annotations"]
        return intention.read(annotations[INTENTION + stage])


Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def made(person: Desk, *arguments: str) -> Any:
        app = typer.Typer()
        rollback.register(app)
        promote.register(app)
        monkeypatch.setattr(desk, "seat", lambda: (person, "camille\n"))
        monkeypatch.setattr(waiting, "time", Sleepers())
        return CliRunner().invoke(app, arguments)

    return made


@made_once
def two_served(*, stages: int = 1) -> FakeWorld:
    """ONE then TWO served at acceptance."""
    outside = hosted(stages=BOTH[:stages])
    push(outside, TWO)
    settle(outside)
    return outside


def image(outside: FakeWorld, key: Key = DEPLOYMENT) -> str:
    return str(outside.cluster.objects[key]["spec"]["template"]["spec"]["containers"][0]["image"])


def test_rollback_goes_to_the_previous_revision_and_stays_there_until_undone(run: Run) -> None:
    desk = Desk(two_served())
    done = run(desk, "rollback", NAME, "--reason", "courriers en double")
    assert (done.exit_code, done.stdout) == (0, f"Fait : {NAME}, étape acceptance : tenue sur 11111111.\n")
    assert "22222222 → 11111111" in done.stderr
    assert image(desk.outside) == image_of(ONE).reference
    asked = desk.asked()
    assert (asked.kind, asked.by, asked.why, asked.image) == (
        Kind.HOLD, "camille", "courriers en double", image_of(ONE).reference,
    )  # fmt: skip
    undone = run(desk, "rollback", NAME, "--undo")
    assert undone.exit_code == 0
    assert image(desk.outside) == image_of(TWO).reference


def test_rollback_names_a_kept_revision_by_its_first_characters(run: Run) -> None:
    desk = Desk(two_served())
    push(desk.outside, THREE)
    settle(desk.outside)
    assert run(desk, "rollback", NAME, ONE[:7], "--stage", "acceptance").exit_code == 0
    assert image(desk.outside) == image_of(ONE).reference


def test_kept_revisions_are_listed_newest_first_and_nothing_is_asked(run: Run) -> None:
    desk = Desk(two_served())
    listed = json.loads(run(desk, "rollback", NAME, "--list", "--output", "json").stdout)
    assert [(one["commit"], one["inService"]) for one in listed] == [(TWO, True), (ONE, False)]
    assert listed[0]["image"] == image_of(TWO).reference
    text = run(desk, "rollback", NAME, "--list").stdout.splitlines()
    assert text[0].startswith("COMMIT") and text[1].startswith("22222222") and text[1].endswith("← en service")
    assert desk.patches == []


def test_a_revision_that_leaked_is_listed_as_such_and_refused(run: Run) -> None:
    desk = Desk(two_served())
    status = desk.outside.cluster.status()["stages"][0]
    status["history"][1]["leak"] = "Fuite entre organismes constatée en base. courrier : lire les lignes d'un autre."
    assert run(desk, "rollback", NAME, "--list").stdout.splitlines()[2].endswith("← fuite entre organismes")
    assert json.loads(run(desk, "rollback", NAME, "--list", "-o", "json").stdout)[1]["leak"].startswith("Fuite")
    done = run(desk, "rollback", NAME, ONE[:7])
    assert done.exit_code == 3 and "n'est ni reprise ni promue" in done.stderr and "courrier" in done.stderr
    assert desk.patches == []


def test_a_stage_that_is_not_declared_is_told_by_the_option_that_named_it(run: Run) -> None:
    done = run(Desk(two_served()), "promote", NAME, "--from", "acceptance")
    assert done.exit_code == 3 and "--to : « production » n'est pas dans spec.stages" in done.stderr


def test_a_dry_run_says_what_would_be_asked_and_asks_nothing(run: Run) -> None:
    desk = Desk(two_served())
    done = run(desk, "rollback", NAME, "--dry-run")
    assert done.exit_code == 0 and "Serait demandé" in done.stdout and image_of(ONE).reference in done.stdout
    found = json.loads(run(desk, "rollback", NAME, "--dry-run", "-o", "json").stdout)
    assert (found["state"], found["before"]["commit"], found["after"]["commit"]) == ("would", TWO, ONE)
    assert desk.patches == []


def test_a_revision_that_fails_is_refused_with_the_reason(run: Run) -> None:
    desk = Desk(two_served())
    desk.outside.cluster.broken.add(image_of(ONE).reference)
    desk.outside.passes(1000)
    done = run(desk, "rollback", NAME)
    assert done.exit_code == 1
    assert "n'aboutit pas" in done.stderr
    assert image(desk.outside) == image_of(TWO).reference


def test_when_time_is_over_the_request_stays_and_that_is_said(run: Run) -> None:
    desk = Desk(two_served(), operator=False)
    done = run(desk, "rollback", NAME, "--timeout", "1")
    assert done.exit_code == 2 and "reste inscrite" in done.stderr
    assert run(desk, "rollback", NAME, "--no-wait", "-o", "json").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((NAME, "1111"), "7 caractères", id="too short"),
        pytest.param((NAME, "9" * 40), "gardées : 22222222, 11111111", id="not kept"),
        pytest.param((NAME, ONE, "--undo"), "sans COMMIT", id="undo of a commit"),
        pytest.param((NAME, "--stage", "production"), "spec.stages", id="no such stage"),
        pytest.param((NAME, "--reason", "é" * 301), "300 caractères", id="a long story"),
        pytest.param(("inconnue",), "inconnue", id="no such application"),
    ],
)
def test_what_cannot_be_rolled_back_is_a_wrong_command_in_one_sentence(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    desk = Desk(two_served())
    done = run(desk, "rollback", *arguments)
    assert (done.exit_code, desk.patches) == (3, [])
    assert said in done.stderr


def test_the_very_first_revision_has_nothing_before_it(run: Run) -> None:
    done = run(Desk(hosted()), "rollback", NAME)
    assert done.exit_code == 3 and "aucune révision gardée avant" in done.stderr


def test_with_several_stages_one_must_be_named(run: Run) -> None:
    done = run(Desk(two_served(stages=2)), "rollback", NAME)
    assert done.exit_code == 3 and "acceptance, production" in done.stderr


def test_promote_puts_the_very_image_of_acceptance_in_production(run: Run) -> None:
    outside = two_served(stages=2)
    outside.cluster.acceptances = Dossier(acceptances=(Acceptance(TWO, positive=True),))
    done = run(Desk(outside), "promote", NAME, "--reason", "recette finie")
    assert (done.exit_code, done.stdout) == (0, f"Fait : {NAME}, étape production : promue à 22222222.\n")
    assert image(outside, PRODUCTION) == image_of(TWO).reference


def test_a_promotion_that_the_gate_refuses_says_the_gate_s_sentence(run: Run) -> None:
    outside = two_served(stages=2)
    done = run(Desk(outside), "promote", NAME)
    assert done.exit_code == 1
    assert "procès-verbal" in done.stderr
    assert PRODUCTION not in outside.cluster.objects


def test_a_kept_revision_may_be_promoted_over_what_the_tag_names(run: Run) -> None:
    outside = two_served(stages=2)
    outside.cluster.acceptances = Dossier(acceptances=tuple(Acceptance(one, positive=True) for one in (ONE, TWO)))
    outside.source.heads["refs/tags/v2"] = TWO
    desk = Desk(outside)
    settle(outside)
    assert image(outside, PRODUCTION) == image_of(TWO).reference
    assert run(desk, "promote", NAME, ONE).exit_code == 0
    assert desk.asked("production").instead == TWO
    assert image(outside, PRODUCTION) == image_of(ONE).reference
    assert run(desk, "promote", NAME, TWO).exit_code == 0  # again, over a promotion
    assert image(outside, PRODUCTION) == image_of(TWO).reference
    assert run(desk, "rollback", NAME, "--stage", "production", "--undo").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--from", "production", "--to", "acceptance"), "étape suivante", id="downwards"),
        pytest.param(("--from", "development"), "spec.stages", id="a stage that is not declared"),
        pytest.param(("9" * 40,), "gardées", id="a commit that never served"),
    ],
)
def test_what_cannot_be_promoted_is_a_wrong_command(run: Run, arguments: tuple[str, ...], said: str) -> None:
    desk = Desk(two_served(stages=2))
    done = run(desk, "promote", NAME, *arguments)
    assert (done.exit_code, desk.patches) == (3, [])
    assert said in done.stderr


def test_a_hold_is_done_whatever_becomes_of_the_newest_commit(run: Run) -> None:
    desk = Desk(two_served())
    desk.outside.conformance.results[THREE] = (result("SEC-001"),)
    push(desk.outside, THREE, built=False)
    assert run(desk, "rollback", NAME, ONE).exit_code == 0
    assert image(desk.outside) == image_of(ONE).reference
