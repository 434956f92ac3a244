"""What the forge calls: check the token, name the project, ask for passes, answer in milliseconds. Work comes later.

Polling makes the operator right; web hooks only make it fast. Every answer to somebody who has the token and sends what
GitLab sends is 200 or 202, with a sentence: GitLab has no reason to disable the hook.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from aiohttp import web

from amcloud import metrics
from amcloud.stages.to_forge import contests
from amcloud.web import traffic

BODY_MOST_BYTES = 1024 * 1024
BODY_S = 5.0
"""Seconds that a body gets to arrive."""
PATH = "/webhooks/gitlab"
NO_COMMIT = "0" * 40
_UUID = re.compile(r"[0-9a-fA-F-]{16,64}")
_KEY = re.compile(r"[!-~]{8,128}")
EVENTS = ("push", "tag_push", "merge_request", "pipeline", "note", "issue")


Ask = Callable[[str], Sequence[object]]
"""Asks for passes over the applications of a forge project, and says which they are."""
AskFor = Callable[..., Sequence[object]]
"""The same, with ``cause=`` what asks for it, ``after_s=`` how long it may wait, ``urgent=`` before those that wait."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the forge is told. ``result`` is a closed word for machines, ``message`` is for people."""

    status: int
    result: str
    message: str
    applications: tuple[str, ...] = ()
    correlation: str = ""
    retry_after_s: float = 0.0


def answer(body: bytes, ask_project: Ask) -> Answer:
    """The answer to a notification whose token was right; passes are asked for on the way."""
    event = _event(body)
    if event is None:
        return Answer(400, "bad-json", "Le corps n'est pas un objet JSON.")
    kind = event.get("object_kind")
    if kind not in EVENTS:
        said = f"« {_short(kind)} »" if kind else "object_kind manque"
        return Answer(200, "ignored", f"Événement ignoré : {said}.")
    project = _project(event)
    if not project:
        return Answer(400, "no-project", "Le champ project.path_with_namespace manque.")
    if kind in {"note", "issue"}:
        waiting = _waiting(event, project)
        said = "Événement ignoré : rien n'y est demandé à AM Cloud."
        return _asked("accepted", waiting, ask_project(waiting), "Reçu") if waiting else Answer(200, "ignored", said)
    if kind in {"push", "tag_push"} and event.get("after") == NO_COMMIT:
        return _asked("deleted", project, ask_project(project), "Branche ou étiquette supprimée")
    return _asked("accepted", project, ask_project(project), "Reçu")


def _event(body: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


class Receiver:
    """Answers notifications; ``token`` is what the forge must send in ``X-Gitlab-Token``."""

    def __init__(self, ask_project: AskFor, token: str) -> None:
        self._ask = ask_project
        self._token = token.encode()
        self._deliveries = traffic.Deliveries()
        self._rates = traffic.Rates(traffic.BURST, traffic.EVERY_S)
        self._wrong = traffic.Rates(traffic.WRONG_BURST, traffic.WRONG_EVERY_S)

    async def receive(self, request: web.Request) -> web.Response:
        """One notification: its answer, counted."""
        reply = await self._reply(request)
        metrics.WEBHOOKS.labels(reply.result).inc()
        said = {"result": reply.result, "message": reply.message, "applications": list(reply.applications)}
        headers = {"Retry-After": str(int(reply.retry_after_s) + 1)} if reply.retry_after_s else None
        return web.json_response(
            {**said, "correlation": reply.correlation} if reply.correlation else said,
            status=reply.status,
            headers=headers,
            dumps=lambda value: json.dumps(value, ensure_ascii=False),
        )

    async def _reply(self, request: web.Request) -> Answer:
        given = request.headers.get("X-Gitlab-Token", "").encode()
        if not self._token or not hmac.compare_digest(given, self._token):
            return self._stranger(request.remote or "")
        try:
            async with asyncio.timeout(BODY_S):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return Answer(413, "too-large", f"Le corps dépasse {BODY_MOST_BYTES} octets.")
        except TimeoutError:
            return Answer(408, "too-slow", f"Le corps n'est pas arrivé en {BODY_S:.0f} secondes.")
        # the forge's own name of the delivery is what the journal and the forge's log of deliveries have in common
        named = request.headers.get("X-Gitlab-Event-UUID", "")
        correlation = named if _UUID.fullmatch(named) else uuid.uuid4().hex
        key = request.headers.get("Idempotency-Key", "")
        reply = self._known(body, key if _KEY.fullmatch(key) else "", correlation)
        log.info("webhook", correlation=correlation, result=reply.result, applications=list(reply.applications))
        return replace(reply, correlation=correlation)

    def _stranger(self, address: str) -> Answer:
        """Somebody without the token: refused, and not listened to when they insist."""
        wait_s = self._wrong.wait_s(address)
        if wait_s > 0:
            return Answer(429, "too-many", "Trop d'essais avec un mauvais jeton.", retry_after_s=wait_s)
        return Answer(401, "wrong-token", "Le jeton X-Gitlab-Token n'est pas le bon.")

    def _known(self, body: bytes, key: str, correlation: str) -> Answer:
        """The answer to a delivery of the forge; one that came before asks for nothing."""
        if self._deliveries.seen(key):
            return Answer(200, "duplicate", "Envoi déjà reçu il y a quelques minutes : rien de plus à faire.")
        waits: list[float] = []

        def ask(project: str) -> Sequence[object]:
            # too many notifications: the same passes, a little later and together
            waits.append(self._rates.wait_s(project.casefold()[:300]))
            after_s = traffic.POSTPONED_S if waits[0] > 0 else 0.0
            return self._ask(project, cause=correlation, after_s=after_s, urgent=True)

        reply = answer(body, ask)
        if reply.applications:
            self._deliveries.remember(key)
            if waits[0] > 0:
                words = f"Trop de notifications de ce projet : passage dans {traffic.POSTPONED_S:.0f} s."
                return replace(reply, result="postponed", message=words)
        return reply


def routes(ask_project: AskFor, token: str) -> list[web.RouteDef]:
    """The web hook's route; ``token`` is what the forge must send in ``X-Gitlab-Token``."""
    return [web.post(PATH, Receiver(ask_project, token).receive)]


def _asked(result: str, project: str, keys: Sequence[object], words: str) -> Answer:
    if not keys:
        return Answer(200, "unknown-project", f"Aucune application ne suit le projet « {_short(project)} ».")
    names = tuple(str(key) for key in keys)
    return Answer(202, result, f"{words} : passage demandé pour {', '.join(names[:5])}.", names[:50])


def _project(event: dict[str, Any]) -> str:
    project = event.get("project")
    path = project.get("path_with_namespace") if isinstance(project, dict) else None
    return path if isinstance(path, str) else ""


def _waiting(event: dict[str, Any], project: str) -> str:
    """The project whose note a comment or an issue may change, ``""`` for none."""
    said = _part(event, "object_attributes")
    if event["object_kind"] == "note" and said.get("noteable_type") == "MergeRequest":
        return project if contests.COMMAND in str(said.get("note")) else ""
    issue = said if event["object_kind"] == "issue" else _part(event, "issue")
    return contests.waiting(str(issue.get("description"))) or ""


def _part(event: dict[str, Any], name: str) -> dict[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _short(value: object) -> str:
    text = str(value)[:80]
    return "".join(character if character.isprintable() else "·" for character in text)
