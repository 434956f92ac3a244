"""Checks in worker processes: bounded, shared, and never for longer than a pass should wait."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from amcloud.clients import process_checks
from amcloud.clients.process_checks import ProcessChecks
from amcloud.errors import RepositoryRefusedError
from amcloud.ports import UnderWay
from amcloud.stages.jobs.checking import Subject
from psram.facts import Facts
from psram.model import Limits, Php
from psram.worker.protocol import Answer, Request


def subject(letter: str) -> Subject:
    return Subject(f"groupe/{letter}", letter * 40, None, "espace/app")


class Commits:
    """Every commit is there; some take until they are let go."""

    def __init__(self) -> None:
        self.gates: dict[str, threading.Event] = {}
        self.fetched: list[str] = []

    def fetch(self, project: str, commit: str, token: str | None) -> Path:
        self.fetched.append(commit)
        if gate := self.gates.get(commit):
            assert gate.wait(10)
        if commit[0] == "f":
            raise RepositoryRefusedError("fermé")
        return Path("/nowhere")


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Commits:
    def run(request: Request, *, cache: object) -> Answer:
        if request.commit[0] == "e":
            return Answer(problem="trop grand")
        return Answer(facts=Facts(request.commit, "tree"))

    monkeypatch.setattr(process_checks.worker, "run", run)
    return Commits()


def checks(commits: Commits, *, processes: int = 2) -> ProcessChecks:
    return ProcessChecks(commits, php=Php(), limits=Limits(), processes=processes, patience_s=0.05)


def test_a_quick_check_is_answered_within_the_pass(commits: Commits) -> None:
    assert checks(commits).facts(subject("a")) == Facts("a" * 40, "tree")


def test_what_could_not_be_read_is_an_answer_that_says_why(commits: Commits) -> None:
    found = checks(commits).facts(subject("e"))
    assert isinstance(found, Facts)
    assert (found.truncated, found.tree) == ("trop grand", "")


def test_a_refusal_reaches_the_pass_that_comes_back_for_it(commits: Commits) -> None:
    commits.gates["f" * 40] = threading.Event()
    reading = checks(commits)
    assert isinstance(reading.facts(subject("f")), UnderWay)
    commits.gates["f" * 40].set()
    with pytest.raises(RepositoryRefusedError):
        while isinstance(reading.facts(subject("f")), UnderWay):
            pass


def test_a_long_check_is_under_way_asked_once_and_holds_up_nobody_else(commits: Commits) -> None:
    commits.gates["a" * 40] = threading.Event()
    reading = checks(commits)
    assert isinstance(reading.facts(subject("a")), UnderWay)
    assert isinstance(reading.facts(subject("a")), UnderWay)
    assert reading.facts(subject("b")) == Facts("b" * 40, "tree")
    commits.gates["a" * 40].set()
    while isinstance(found := reading.facts(subject("a")), UnderWay):
        pass
    assert found == Facts("a" * 40, "tree")
    assert commits.fetched.count("a" * 40) == 1


def test_checks_beyond_the_bound_wait_for_their_turn_and_get_it(commits: Commits) -> None:
    for letter in "ab":
        commits.gates[letter * 40] = threading.Event()
    reading = checks(commits, processes=2)
    for letter in "abc":
        assert isinstance(reading.facts(subject(letter)), UnderWay)
    assert "c" * 40 not in commits.fetched
    commits.gates["b" * 40].set()
    while isinstance(found := reading.facts(subject("c")), UnderWay):
        pass
    assert found == Facts("c" * 40, "tree")
    commits.gates["a" * 40].set()
