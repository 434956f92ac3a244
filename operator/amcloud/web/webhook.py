"""What the forge calls: check the token, name the project, ask for passes, answer in milliseconds. Work comes later.

Polling makes the operator right; web hooks only make it fast. Every answer that is no error is 200 or 202, with a
sentence: GitLab has no reason to disable the hook.
"""

from __future__ import annotations

import hmac
import json
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from amcloud import metrics

BODY_MOST_BYTES = 1024 * 1024
PATH = "/webhooks/gitlab"
NO_COMMIT = "0" * 40
_UUID = re.compile(r"[0-9a-fA-F-]{16,64}")
EVENTS = ("push", "tag_push", "merge_request", "pipeline")


Ask = Callable[[str], Sequence[object]]
"""Asks for passes over the applications of a forge project, and says which they are."""
AskFor = Callable[..., Sequence[object]]
"""The same, with ``cause=`` what asks for it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the forge is told. ``result`` is a closed word for machines, ``message`` is for people."""

    status: int
    result: str
    message: str
    applications: tuple[str, ...] = ()


def answer(body: bytes, ask_project: Ask) -> Answer:
    """The answer to a notification whose token was right; passes are asked for on the way."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return Answer(400, "bad-json", "Le corps n'est pas du JSON.")
    if not isinstance(event, dict):
        return Answer(400, "bad-json", "Le corps n'est pas un objet JSON.")
    kind = event.get("object_kind")
    if kind not in EVENTS:
        said = f"« {_short(kind)} »" if kind else "object_kind manque"
        return Answer(200, "ignored", f"Événement ignoré : {said}.")
    project = _project(event)
    if not project:
        return Answer(400, "no-project", "Le champ project.path_with_namespace manque.")
    if kind in {"push", "tag_push"} and event.get("after") == NO_COMMIT:
        return _asked("deleted", project, ask_project(project), "Branche ou étiquette supprimée")
    return _asked("accepted", project, ask_project(project), "Reçu")


def routes(ask_project: AskFor, token: str) -> list[web.RouteDef]:
    """The web hook's route; ``token`` is what the forge must send in ``X-Gitlab-Token``."""

    async def receive(request: web.Request) -> web.Response:
        reply = await _receive(request, ask_project, token)
        metrics.WEBHOOKS.labels(reply.result).inc()
        return web.json_response(
            {"result": reply.result, "message": reply.message, "applications": list(reply.applications)},
            status=reply.status,
            dumps=lambda value: json.dumps(value, ensure_ascii=False),
        )

    return [web.post(PATH, receive)]


async def _receive(request: web.Request, ask_project: AskFor, token: str) -> Answer:
    given = request.headers.get("X-Gitlab-Token", "")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return Answer(401, "wrong-token", "Le jeton X-Gitlab-Token n'est pas le bon.")
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return Answer(413, "too-large", f"Le corps dépasse {BODY_MOST_BYTES} octets.")
    # the forge's own name of the delivery is what the journal and the forge's log of deliveries have in common
    correlation = request.headers.get("X-Gitlab-Event-UUID", "")
    correlation = correlation if _UUID.fullmatch(correlation) else uuid.uuid4().hex
    reply = answer(body, lambda project: ask_project(project, cause=correlation))
    log.info("webhook", correlation=correlation, result=reply.result, applications=list(reply.applications))
    return reply


def _asked(result: str, project: str, keys: Sequence[object], words: str) -> Answer:
    if not keys:
        return Answer(200, "unknown-project", f"Aucune application ne suit le projet « {_short(project)} ».")
    names = tuple(str(key) for key in keys)
    return Answer(202, result, f"{words} : passage demandé pour {', '.join(names[:5])}.", names[:50])


def _project(event: dict[str, Any]) -> str:
    project = event.get("project")
    path = project.get("path_with_namespace") if isinstance(project, dict) else None
    return path if isinstance(path, str) else ""


def _short(value: object) -> str:
    text = str(value)[:80]
    return "".join(character if character.isprintable() else "·" for character in text)
