"""Notes, contests and deployments through python-gitlab, on the forge's stand-in: written once, found again, mended."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from amcloud.clients.deployments import GitlabDeployments
from amcloud.clients.discussion import GitlabDiscussion
from amcloud.clients.forge import GitlabForge
from amcloud.errors import ForgeUnavailableError
from amcloud.stages.declared.app import Ref, RefKind, StageName
from amcloud.stages.to_forge import contests
from amcloud.stages.to_forge.deployments import Deployment, Records, State
from amcloud.stages.to_forge.merge_requests import MergeRequest
from amcloud_sandbox.forge.store import now
from amcloud_sandbox.testing.forge import RunningForge

NUMBERS = count(1)
MARKER = "<!-- amcloud-note cpam-bas-rhin/suivi-courriers -->"
DEVELOPER, REPORTER = 30, 20
ACCEPTANCE = StageName.ACCEPTANCE
MAIN = Ref(RefKind.BRANCH, "main")
URL = "https://suivi-courriers.acceptance.amcloud.example"


class Desk:
    """A project with an open merge request, the norms' project, and the operator's clients."""

    def __init__(self, forge: RunningForge, number: int) -> None:
        self.forge = forge
        self.path, self.norms_path = f"cpam-bas-rhin/discussion-{number}", f"normes/psram-{number}"
        self.project = forge.project(self.path, maintainers=("amcloud",))
        self.norms = forge.project(self.norms_path, maintainers=("amcloud",))
        self.main = forge.commit(self.path, {"src/A.php": "<?php\n"})
        self.commit = forge.commit(self.path, {"src/A.php": "<?php\nclass A {}\n"}, branch="essai")
        made = {"title": "Essai", "source_branch": "essai", "target_branch": "main"}
        self.request_row = self.project.mergerequests.create(made)
        self.gitlab = GitlabForge(forge.url, forge.user("amcloud"))

    def fresh(self) -> GitlabDiscussion:
        """An operator that has just started."""
        return GitlabDiscussion(self.gitlab.calls, norms_project=self.norms_path)

    def request(self) -> MergeRequest:
        """The merge request as it is now."""
        (found,) = self.gitlab.merge_requests(self.path)
        return found

    def notes(self) -> list[Any]:
        return list(self.request_row.notes.list(sort="asc", get_all=True))

    def person(self, name: str, level: int, project: Any = None) -> tuple[int, str]:
        """Number and token of somebody with that level on the project."""
        token = self.forge.user(name)
        number = int(self.forge.client().users.list(username=name, get_all=False)[0].id)
        (project or self.project).members.create({"user_id": number, "access_level": level})
        return number, token

    def comments(self, number: int) -> None:
        """So many comments of root's, as if they had been posted."""
        (ours,) = self.notes()
        store = self.forge.state.store
        row = store.one("select * from notes where id = ?", ours.id)
        assert row is not None
        for _ in range(number):
            store.insert("notes", **{**row, "id": None, "author_id": 1, "body": "commentaire", "created_at": now()})

    def requests(self, path: str = "*") -> int:
        return len(self.forge.requests(path))


@pytest.fixture
def desk(forge: RunningForge) -> Desk:
    return Desk(forge, next(NUMBERS))


def test_the_note_is_written_once_edited_in_place_and_found_again_after_a_restart(desk: Desk) -> None:
    assert desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nun\n")
    assert not desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nun\n")
    assert desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\ndeux\n")
    (note,) = desk.notes()
    assert (note.body.strip(), note.author["username"]) == (f"{MARKER}\n\ndeux", "amcloud")


def test_two_passes_that_race_leave_one_note(desk: Desk) -> None:
    request, start = desk.request(), threading.Barrier(4)

    def one_pass(number: int) -> None:
        calls = GitlabForge(desk.forge.url, desk.forge.user("amcloud")).calls
        talk = GitlabDiscussion(calls, norms_project=desk.norms_path)
        talk.notes(desk.path, request)  # each has seen that there is none
        start.wait()
        talk.tell(desk.path, request, MARKER, f"{MARKER}\n\nverdict")

    with ThreadPoolExecutor(4) as passes:
        list(passes.map(one_pass, range(4)))
    desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nverdict")
    assert [note.body for note in desk.notes()] == [f"{MARKER}\n\nverdict"]


def test_people_and_their_forgeries_are_left_alone(desk: Desk) -> None:
    _, token = desk.person("camille", DEVELOPER)
    theirs = desk.forge.client(token).projects.get(desk.path).mergerequests.get(desk.request().iid)
    theirs.notes.create({"body": f"{MARKER}\nConforme !"})
    desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nverdict")
    assert [note.author["username"] for note in desk.notes()] == ["camille", "amcloud"]


def test_our_note_is_found_among_hundreds(desk: Desk) -> None:
    talk = desk.fresh()
    talk.tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nun")
    desk.comments(130)
    assert len(desk.fresh().notes(desk.path, desk.request())) == 131
    assert not desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nun")


def test_a_quiet_merge_request_costs_no_request(desk: Desk) -> None:
    talk = desk.fresh()
    for _ in range(2):
        talk.tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nun")
    request, before = desk.request(), desk.requests("/api/*")
    for _ in range(5):
        assert not talk.tell(desk.path, request, MARKER, f"{MARKER}\n\nun")
    assert desk.requests("/api/*") == before


def test_a_comment_is_seen_because_its_merge_request_has_changed(desk: Desk) -> None:
    talk = desk.fresh()
    assert talk.notes(desk.path, desk.request()) == ()
    desk.request_row.notes.create({"body": "/psram contester SEC-001 non"})
    (note,) = talk.notes(desk.path, desk.request())
    assert contests.requests([note], own=talk.own())[0].rule == "SEC-001"


def test_levels_count_groups_and_strangers_have_none(desk: Desk) -> None:
    camille, _ = desk.person("camille", DEVELOPER)
    desk.forge.user("alex")
    alex = int(desk.forge.client().users.list(username="alex", get_all=False)[0].id)
    talk = desk.fresh()
    assert (talk.level(desk.path, camille), talk.level(desk.path, alex)) == (DEVELOPER, 0)


def test_files_are_read_as_they_are_in_the_commit(desk: Desk) -> None:
    found = desk.fresh().contents(desk.path, desk.commit, ("src/A.php", "absent.php"))
    assert found == {"src/A.php": b"<?php\nclass A {}\n"}


def opened(desk: Desk, talk: GitlabDiscussion, rule: str = "SEC-001") -> str:
    number, iid = talk.number(desk.path), desk.request().iid
    text = f"{contests.marker(desk.path, number, iid, rule)}\n\nMotif."
    talk.contest(desk.path, f"Contestation de {rule} : {desk.path}!{iid}", text)
    return contests.key(number, iid, rule)


def test_a_contest_is_found_again_with_the_answer_of_those_who_may_answer(desk: Desk) -> None:
    key = opened(desk, desk.fresh())
    _, judge = desk.person("normes", DEVELOPER, desk.norms)
    _, passer_by = desk.person("alex", REPORTER, desk.norms)
    for token, text in ((judge, "Vous avez raison."), (passer_by, "Mais non !")):
        desk.forge.client(token).projects.get(desk.norms_path).issues.get(1).notes.create({"body": text})
    issue = desk.norms.issues.get(1)
    desk.norms.issues.update(1, {"add_labels": contests.UPHELD, "state_event": "close"})
    found = desk.fresh().contested(desk.path, desk.request().iid)[key]
    assert (found.iid, found.closed, found.web_url) == (1, True, issue.web_url)
    assert contests.UPHELD in found.labels
    assert [(note.author, note.body) for note in found.answers] == [("normes", "Vous avez raison.")]


def test_an_issue_opened_twice_in_a_race_ends_as_one(desk: Desk) -> None:
    talk = desk.fresh()
    key = opened(desk, talk)
    opened(desk, talk)
    assert desk.fresh().contested(desk.path, desk.request().iid)[key].iid == 1
    assert [(one.iid, one.state) for one in desk.norms.issues.list(get_all=True)] == [(2, "closed"), (1, "opened")]
    assert list(desk.fresh().contested(desk.path, desk.request().iid)) == [key]


def test_an_issue_that_somebody_else_wrote_answers_nothing(desk: Desk) -> None:
    talk = desk.fresh()
    _, token = desk.person("alex", REPORTER, desk.norms)
    text = contests.marker(desk.path, talk.number(desk.path), desk.request().iid, "SEC-001")
    theirs = desk.forge.client(token).projects.get(desk.norms_path)
    theirs.issues.create(
        {"title": "x", "description": text, "labels": ",".join(contests.labels(talk.number(desk.path)))}
    )
    assert talk.contested(desk.path, desk.request().iid) == {}


def test_a_forge_that_fails_says_so_and_nothing_is_lost(desk: Desk) -> None:
    desk.forge.fail({"kind": "status", "status": 503, "path": "/api/v4/projects/*/notes*", "method": "POST"})
    with pytest.raises(ForgeUnavailableError, match=f"note de {desk.path}!1"):
        desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nun")
    desk.forge.fail()
    assert desk.fresh().tell(desk.path, desk.request(), MARKER, f"{MARKER}\n\nun")
    assert len(desk.notes()) == 1


# ---- deployments


def shown(desk: Desk) -> list[tuple[str, str, str]]:
    """Environment, commit and status of every deployment, oldest first."""
    listed = desk.project.deployments.list(order_by="id", sort="asc", get_all=True)
    return [(one.environment["name"], one.sha, one.status) for one in listed]


def environment(desk: Desk, name: str = "amcloud-acceptance") -> Any:
    (found,) = desk.project.environments.list(name=name, get_all=False)
    return found


def deployed(commit: str, state: State, url: str = "") -> Records:
    return Records((Deployment(ACCEPTANCE, commit, MAIN, state, url),))


def test_a_deployment_goes_from_running_to_success_with_its_address_and_once(desk: Desk) -> None:
    for _ in range(2):  # and again as an operator that has just started
        record = GitlabDeployments(desk.gitlab.calls).record
        record(desk.path, deployed(desk.main, State.RUNNING))
        record(desk.path, deployed(desk.main, State.SUCCESS, URL))
        assert shown(desk) == [("amcloud-acceptance", desk.main, "success")]
    found = environment(desk)
    assert (found.external_url, found.tier, found.state) == (URL, "staging", "available")


def test_a_revision_that_fails_gives_way_to_the_one_before(desk: Desk) -> None:
    record = GitlabDeployments(desk.gitlab.calls).record
    name = "amcloud-acceptance"
    for commit, state in (
        (desk.main, State.SUCCESS),
        (desk.commit, State.RUNNING),
        (desk.commit, State.FAILED),
        (desk.main, State.SUCCESS),
    ):
        record(desk.path, deployed(commit, state, URL))
    assert shown(desk) == [(name, desk.main, "success"), (name, desk.commit, "failed"), (name, desk.main, "success")]


def test_a_newer_revision_supersedes_one_that_still_rolls_out(desk: Desk) -> None:
    record = GitlabDeployments(desk.gitlab.calls).record
    record(desk.path, deployed(desk.main, State.RUNNING))
    record(desk.path, deployed(desk.commit, State.RUNNING))
    assert [status for _, _, status in shown(desk)] == ["canceled", "running"]


def test_a_stage_that_goes_is_stopped_and_one_that_comes_back_starts_again(desk: Desk) -> None:
    record = GitlabDeployments(desk.gitlab.calls).record
    record(desk.path, deployed(desk.main, State.SUCCESS, URL))
    desk.project.environments.create({"name": "amcloud-essai"})  # a project's own
    record(desk.path, Records(ended=frozenset(StageName)))
    assert environment(desk).state == "stopped"
    assert environment(desk, "amcloud-essai").state == "available"
    record(desk.path, deployed(desk.main, State.SUCCESS, URL))
    assert environment(desk).state == "available"


def test_a_tag_is_named_by_its_own_name(desk: Desk) -> None:
    desk.project.tags.create({"tag_name": "v1.2.0", "ref": desk.main})
    one = replace(deployed(desk.main, State.SUCCESS, URL).deployments[0], ref=Ref(RefKind.TAG, "v*"))
    GitlabDeployments(desk.gitlab.calls).record(desk.path, Records((one,)))
    (found,) = desk.project.deployments.list(get_all=True)
    assert found.ref == "v1.2.0"


def test_a_pass_without_news_asks_nothing(desk: Desk) -> None:
    record = GitlabDeployments(desk.gitlab.calls).record
    records = replace(deployed(desk.main, State.SUCCESS, URL), ended=frozenset({StageName.PRODUCTION}))
    assert record(desk.path, records)
    before = desk.requests("/api/*")
    assert not record(desk.path, records)
    assert desk.requests("/api/*") == before
