"""The web hook: every notification gets an explicit answer, and passes are asked for when it should."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from amcloud.web import webhook
from amcloud.workqueue import Key

TOKEN = "jeton-webhook"
PROJECT = "cpam-bas-rhin/suivi-courriers"
KEY = Key("cpam-bas-rhin", "suivi-courriers")


class Asked:
    """Which projects were asked for."""

    def __init__(self) -> None:
        self.projects: list[str] = []
        self.causes: list[str] = []
        self.waits: list[float] = []
        self.urgent: list[bool] = []

    def __call__(self, project: str, *, cause: str = "", after_s: float = 0.0, urgent: bool = False) -> Sequence[Key]:
        self.projects.append(project)
        self.causes.append(cause)
        self.waits.append(after_s)
        self.urgent.append(urgent)
        return (KEY,) if project == PROJECT else ()


def event(kind: str, **more: Any) -> bytes:
    return json.dumps({"object_kind": kind, "project": {"path_with_namespace": PROJECT}, **more}).encode()


@pytest.mark.parametrize("kind", ["push", "tag_push", "merge_request", "pipeline"])
def test_an_event_of_a_known_project_asks_for_its_applications(kind: str) -> None:
    asked = Asked()
    answer = webhook.answer(event(kind, after="1" * 40), asked)
    assert (answer.status, answer.result, answer.applications) == (202, "accepted", (str(KEY),))
    assert asked.projects == [PROJECT]


@pytest.mark.parametrize(
    ("body", "status", "result"),
    [
        pytest.param(event("push", after="0" * 40), 202, "deleted", id="a deleted branch"),
        pytest.param(event("note"), 200, "ignored", id="an ignored event"),
        pytest.param(
            json.dumps({"object_kind": "push", "project": {"path_with_namespace": "autre/x"}}).encode(),
            200,
            "unknown-project",
            id="an unknown project",
        ),
        pytest.param(b"{", 400, "bad-json", id="not JSON"),
        pytest.param(b"[1]", 400, "bad-json", id="not an object"),
        pytest.param(b"\xff\xfe", 400, "bad-json", id="not text"),
        pytest.param(b"[" * 100_000, 400, "bad-json", id="deep nesting"),
        pytest.param(b'{"object_kind": "push"}', 400, "no-project", id="no project"),
        pytest.param(b'{"object_kind": "push", "project": "x"}', 400, "no-project", id="a project that is a text"),
        pytest.param(b'{"object_kind": {}}', 200, "ignored", id="a kind that is an object"),
    ],
)
def test_anything_else_is_answered_with_a_word_and_a_sentence(body: bytes, status: int, result: str) -> None:
    answer = webhook.answer(body, Asked())
    assert (answer.status, answer.result) == (status, result)
    assert answer.message


@given(st.binary(max_size=200) | st.from_regex(rb'\{"object_kind": ?"push", ?"project": ?.{0,40}\}', fullmatch=True))
def test_any_body_gets_an_answer(body: bytes) -> None:
    assert webhook.answer(body, Asked()).status in {200, 202, 400}


async def _client(asked: Asked) -> TestClient[web.Request, web.Application]:
    app = web.Application(client_max_size=webhook.BODY_MOST_BYTES)
    app.add_routes(webhook.routes(asked, TOKEN))
    return TestClient(TestServer(app))


def told(asked: Asked, *sent: tuple[bytes, dict[str, str]]) -> list[tuple[int, str, float]]:
    """Status, word and seconds of processor of each answer, one after the other."""

    async def run() -> list[tuple[int, str, float]]:
        found = []
        async with await _client(asked) as client:
            for body, headers in sent:
                began = time.process_time()
                reply = await client.post(webhook.PATH, data=body, headers=headers)
                found.append((reply.status, (await reply.json())["result"], time.process_time() - began))
        return found

    return asyncio.run(run())


def posted(body: bytes, headers: dict[str, str], asked: Asked | None = None) -> tuple[int, dict[str, Any], list[str]]:
    asked = asked or Asked()

    async def run() -> tuple[int, dict[str, Any]]:
        app = web.Application(client_max_size=webhook.BODY_MOST_BYTES)
        app.add_routes(webhook.routes(asked, TOKEN))
        async with TestClient(TestServer(app)) as client:
            reply = await client.post(webhook.PATH, data=body, headers=headers)
            return reply.status, await reply.json()

    status, told = asyncio.run(run())
    return status, told, asked.projects


def test_the_right_token_is_let_in() -> None:
    status, told, projects = posted(event("push", after="1" * 40), {"X-Gitlab-Token": TOKEN})
    assert (status, told["result"], projects) == (202, "accepted", [PROJECT])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param("13792a34-cac6-4fda-95a8-c58e00a3954e", True, id="the forge's own"),
        pytest.param('x" app="autre', False, id="not a name"),
    ],
)
def test_the_forge_s_name_of_the_delivery_is_the_cause_of_the_passes(sent: str, kept: bool) -> None:
    asked = Asked()
    posted(event("push", after="1" * 40), {"X-Gitlab-Token": TOKEN, "X-Gitlab-Event-UUID": sent}, asked)
    (cause,) = asked.causes
    assert (cause == sent) is kept
    assert cause


@pytest.mark.parametrize("headers", [{}, {"X-Gitlab-Token": ""}, {"X-Gitlab-Token": "autre"}, {"X-Gitlab-Token": "é"}])
def test_a_wrong_token_is_refused_before_the_body_is_read(headers: dict[str, str]) -> None:
    status, told, projects = posted(event("push"), headers)
    assert (status, told["result"], projects) == (401, "wrong-token", [])


def test_a_body_beyond_the_bound_is_refused() -> None:
    status, told, _ = posted(b"x" * (webhook.BODY_MOST_BYTES + 1), {"X-Gitlab-Token": TOKEN})
    assert (status, told["result"]) == (413, "too-large")


PUSH = event("push", after="1" * 40)


def test_a_delivery_that_comes_twice_asks_once_and_says_so() -> None:
    asked = Asked()
    headers = {"X-Gitlab-Token": TOKEN, "Idempotency-Key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"}
    answers = told(asked, (PUSH, headers), (PUSH, headers), (PUSH, {**headers, "Idempotency-Key": "autre-envoi"}))
    assert [(status, word) for status, word, _ in answers] == [(202, "accepted"), (200, "duplicate"), (202, "accepted")]
    assert len(asked.projects) == 2


def test_a_delivery_that_nobody_wanted_yet_is_heard_when_it_comes_again() -> None:
    asked = Asked()
    unknown = PUSH.replace(b"suivi-courriers", b"plus-tard")
    headers = {"X-Gitlab-Token": TOKEN, "Idempotency-Key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"}
    assert [word for _, word, _ in told(asked, (unknown, headers), (unknown, headers))] == ["unknown-project"] * 2


def test_every_answer_takes_less_than_a_tenth_of_a_second_of_processor() -> None:
    headers = {"X-Gitlab-Token": TOKEN}
    big = event("push", after="1" * 40, commits=[{"message": "x" * 1000}] * 900)
    answers = told(Asked(), (PUSH, headers), (big, headers), (b"{", headers), (event("build"), headers), (PUSH, {}))
    assert max(seconds for _, _, seconds in answers) < 0.1, answers


def test_a_project_that_notifies_without_end_gets_its_passes_later_and_no_error() -> None:
    asked = Asked()
    answers = told(asked, *[(PUSH, {"X-Gitlab-Token": TOKEN})] * 40)
    words = [word for _, word, _ in answers]
    assert {status for status, _, _ in answers} == {202}, "GitLab would disable the hook"
    assert words[0] == "accepted" and words[-1] == "postponed"
    assert len(asked.waits) == 40 and asked.waits[-1] > 0
    assert all(asked.urgent), "somebody pushed: not behind those that wait for their turn"


def test_a_stranger_who_insists_is_refused_without_being_heard_and_the_forge_still_is() -> None:
    asked = Asked()
    answers = told(asked, *[(PUSH, {"X-Gitlab-Token": "faux"})] * 15, (PUSH, {"X-Gitlab-Token": TOKEN}))
    assert [word for _, word, _ in answers] == ["wrong-token"] * 10 + ["too-many"] * 5 + ["accepted"]


def test_the_answer_names_what_it_will_be_called_everywhere() -> None:
    _, answer, _ = posted(
        PUSH, {"X-Gitlab-Token": TOKEN, "X-Gitlab-Event-UUID": "13792a34-cac6-4fda-95a8-c58e00a3954e"}
    )
    assert answer["correlation"] == "13792a34-cac6-4fda-95a8-c58e00a3954e"


def test_a_body_that_does_not_arrive_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "BODY_S", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"object_kind": '
        await asyncio.sleep(0.5)
        yield b'"push"}'

    async def run() -> tuple[int, str]:
        async with await _client(Asked()) as client:
            reply = await client.post(webhook.PATH, data=slowly(), headers={"X-Gitlab-Token": TOKEN})
            return reply.status, (await reply.json())["result"]

    assert asyncio.run(run()) == (408, "too-slow")
