"""Passes over an application with merge requests: what stands in each of them afterwards."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, ORGANISATIONS, SETTINGS, THREE, TWO, manifest, result
from amcloud_story import hosted, one_pass, settle

from amcloud.errors import RepositoryRefusedError
from amcloud.reconcile import reconcile
from amcloud.stages.to_forge import contests
from amcloud.stages.to_forge.contests import Note
from amcloud.stages.to_forge.merge_requests import MergeRequest
from psram.model import Finding, RuleResult

NORMS = replace(SETTINGS, norms_project="normes/psram")
URL = "https://forge.example/cpam-bas-rhin/suivi-courriers/-/merge_requests/3"
REQUEST = MergeRequest(3, "essai", "main", TWO, URL)
CAMILLE, PASSER_BY = 7, 8


def opened(outside: FakeWorld, *requests: MergeRequest) -> FakeWorld:
    """These merge requests are open, and the pass that follows settles."""
    outside.forge.requests = list(requests or [REQUEST])
    settle(outside)
    return outside


def world() -> FakeWorld:
    outside = hosted()
    outside.settings = NORMS
    outside.discussion.levels = {CAMILLE: contests.LEVEL}
    outside.conformance.results[TWO] = (result("SEC-001"),)
    return outside


def test_a_merge_request_has_one_note_with_its_verdict_and_its_places() -> None:
    outside = opened(world())
    (told,) = outside.discussion.told(3)
    assert "non conforme, une règle bloque" in told
    place = f"https://forge.example/cpam-bas-rhin/suivi-courriers/-/blob/{TWO}/src/Cle.php#L3"
    assert f"[`src/Cle.php:3`]({place}) **nouveau**" in told
    assert f"**Par rapport à `main`** ([`{ONE[:8]}`]" in told
    assert f"{SETTINGS.reports_url}/cpam-bas-rhin/suivi-courriers/acceptance/{TWO}" in told


def test_a_push_edits_the_note_in_place() -> None:
    outside = opened(world())
    opened(outside, replace(REQUEST, commit=THREE))
    (told,) = outside.discussion.told(3)
    assert "conforme, rien ne bloque" in told and THREE[:8] in told


def test_a_note_that_somebody_deleted_or_changed_is_put_back() -> None:
    outside = opened(world())
    (told,) = outside.discussion.told(3)
    outside.discussion.comments[3].clear()
    settle(outside)
    assert outside.discussion.told(3) == [told]
    outside.discussion.comments[3][0] = replace(outside.discussion.comments[3][0], body=told[:80])
    settle(outside)
    assert outside.discussion.told(3) == [told]


def test_somebody_elses_note_with_our_marker_is_left_alone() -> None:
    outside = world()
    forged = "<!-- amcloud-note cpam-bas-rhin/suivi-courriers -->\nConforme !"
    outside.discussion.say(3, forged, author=PASSER_BY)
    opened(outside)
    assert outside.discussion.comments[3][0].body == forged and len(outside.discussion.told(3)) == 1


def test_each_merge_request_has_its_own_note() -> None:
    outside = opened(world(), REQUEST, replace(REQUEST, iid=4, commit=THREE))
    assert "non conforme" in outside.discussion.told(3)[0]
    assert "conforme, rien ne bloque" in outside.discussion.told(4)[0]


def test_a_merge_request_of_the_commit_that_a_stage_follows_has_a_note_too() -> None:
    outside = opened(world(), replace(REQUEST, commit=ONE))
    assert f"Commit [`{ONE[:8]}`]" in outside.discussion.told(3)[0]


def test_while_the_commit_is_read_the_note_stays_what_it_was() -> None:
    outside = opened(world())
    before = outside.discussion.told(3)
    outside.conformance.under_way.add(THREE)
    outside.forge.requests = [replace(REQUEST, commit=THREE)]
    one_pass(outside)
    assert outside.discussion.told(3) == before


def test_the_regions_referent_is_named() -> None:
    outside = world()
    owner = replace(ORGANISATIONS["671"], region="Bas-Rhin", referent="referent@bas-rhin.example")
    outside.cluster.organisations_by_code["671"] = owner
    (told,) = opened(outside).discussion.told(3)
    assert "de la région Bas-Rhin répond en premier : `referent@bas-rhin.example`" in told


def test_a_mechanical_correction_is_offered_as_a_patch_of_the_commits_files() -> None:
    outside = world()
    broken = replace_finding(result("PHP-004"), "src/A.php")
    outside.conformance.results[TWO] = (broken,)
    outside.discussion.files = {"src/A.php": b"<?php\nclass A {}\n"}
    (told,) = opened(outside).discussion.told(3)
    assert "```diff\n--- a/src/A.php" in told and "+declare(strict_types=1);" in told


def replace_finding(made: RuleResult, path: str) -> RuleResult:
    """The result with a mechanical correction of ``path``."""
    return msgspec.structs.replace(made, patch="strict-types", findings=(Finding("manque", path, 1),))


def test_a_contest_opens_one_issue_and_its_answer_comes_back() -> None:
    outside = opened(world())
    outside.discussion.say(3, "/psram contester SEC-001 c'est une clé d'exemple")
    settle(outside)
    ((title, text, issue),) = outside.discussion.issues
    assert title == "Contestation de SEC-001 : cpam-bas-rhin/suivi-courriers!3"
    assert contests.waiting(text) == "cpam-bas-rhin/suivi-courriers"
    assert f"à l'étude par l'équipe des normes ([ticket]({issue.web_url}))." in outside.discussion.told(3)[0]
    answer = Note(1, 9, "normes", "Retenue, merci.")
    closed = replace(issue, closed=True, labels=frozenset({contests.UPHELD}), answers=(answer,))
    outside.discussion.issues[0] = (title, text, closed)
    settle(outside)
    assert "retenue : la règle sera corrigée" in outside.discussion.told(3)[0]
    assert "Réponse de `normes` : Retenue, merci." in outside.discussion.told(3)[0]
    assert len(outside.discussion.issues) == 1


def test_the_answer_is_still_told_once_the_commit_respects_the_rule() -> None:
    outside = opened(world())
    outside.discussion.say(3, "/psram contester SEC-001 c'est une clé d'exemple")
    settle(outside)
    opened(outside, replace(REQUEST, commit=THREE))
    assert "à l'étude par l'équipe des normes" in outside.discussion.told(3)[0]


@pytest.mark.parametrize(
    ("author", "text", "why"),
    [
        pytest.param(PASSER_BY, "/psram contester SEC-001 non", "il faut le rôle Developer", id="no right"),
        pytest.param(CAMILLE, "/psram contester SEC-001", "il manque le motif", id="no motive"),
        pytest.param(CAMILLE, "/psram contester PHP-001 non", "les normes psram-2026.1 n'ont pas", id="another rule"),
    ],
)
def test_a_contest_that_may_not_be_is_answered_in_the_note_alone(author: int, text: str, why: str) -> None:
    outside = opened(world())
    outside.discussion.say(3, text, author=author)
    settle(outside)
    assert outside.discussion.issues == []
    assert f"non transmise : {why}" in outside.discussion.told(3)[0]


def test_without_a_project_for_the_norms_people_are_told_so() -> None:
    outside = opened(world())
    outside.settings = SETTINGS
    outside.discussion.say(3, "/psram contester SEC-001 non")
    settle(outside)
    assert "cette plateforme n'a pas de projet pour les normes" in outside.discussion.told(3)[0]
    assert "Une règle se trompe" not in outside.discussion.told(3)[0]


def test_a_pass_killed_after_any_effect_leaves_one_note_and_one_issue() -> None:
    for kill_after in range(1, 12):
        outside = world()
        outside.discussion.say(3, "/psram contester SEC-001 c'est une clé d'exemple")
        outside.forge.requests = [REQUEST]
        outside.effects.clear()
        outside.kill_after = kill_after
        killed = False
        try:
            settle(outside)
        except BaseException as error:  # noqa: BLE001 - the fake's own end of the process
            killed = type(error).__name__ == "KilledError"
        outside.kill_after = None
        settle(outside)
        assert len(outside.discussion.told(3)) == len(outside.discussion.issues) == 1
        if not killed:
            return
    raise AssertionError("never ran to its end")


def test_a_forge_that_is_down_delays_the_note_and_holds_nothing_up() -> None:
    outside = world()
    outside.forge.requests = [REQUEST]
    outside.forge.down = True
    after = one_pass(outside)
    assert after is not None and after.troubled and outside.discussion.told(3) == []
    outside.forge.down = False
    settle(outside)
    assert len(outside.discussion.told(3)) == 1


def test_nothing_is_written_twice() -> None:
    outside = opened(world())
    outside.effects.clear()
    found = outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
    assert found is not None
    reconcile(found, outside.world())
    assert outside.effects == []


def test_out_of_standard_the_note_is_for_information() -> None:
    outside = FakeWorld(settings=NORMS)
    outside.cluster.add(manifest(track="hors-standard"))
    outside.conformance.results[TWO] = (result("SEC-001"),)
    assert "donné pour information" in opened(outside).discussion.told(3)[0]


def test_a_commit_that_cannot_be_read_says_why_in_the_note() -> None:
    outside = world()
    outside.conformance.error = RepositoryRefusedError("Le commit dépasse 128 Mio : @all")
    outside.forge.requests = [REQUEST]
    one_pass(outside)
    (told,) = outside.discussion.told(3)
    assert "commit non vérifié" in told and "Le commit dépasse 128 Mio : `@all`" in told


def test_a_norms_project_that_is_closed_to_us_does_not_hide_the_verdict() -> None:
    outside = opened(world())
    outside.discussion.say(3, "/psram contester SEC-001 non")
    outside.discussion.closed = True
    settle(outside)
    (told,) = outside.discussion.told(3)
    assert "une règle bloque" in told and "la plateforme n'a pas accès à son projet des normes" in told


def test_strangers_crowd_out_nobody() -> None:
    outside = opened(world())
    for number in range(contests.MOST + 2):
        outside.discussion.say(3, f"/psram contester ZZZ-{number:03} non", author=PASSER_BY)
    outside.discussion.say(3, "/psram contester SEC-001 c'est une clé d'exemple")
    settle(outside)
    assert len(outside.discussion.issues) == 1
