"""The web hook: every notification gets an explicit answer, and passes are asked for when it should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
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

    def __call__(self, project: str, *, cause: str = "") -> Sequence[Key]:
        self.projects.append(project)
        self.causes.append(cause)
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


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.from_regex(rb'\{"object_kind": ?"push", ?"project": ?.{0,40}\}', fullmatch=True))
def test_any_body_gets_an_answer(body: bytes) -> None:
    assert webhook.answer(body, Asked()).status in {200, 202, 400}


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
