"""Webhooks of a project, and the log of their deliveries."""

from __future__ import annotations

import json
import uuid
from urllib.parse import urlsplit

from amcloud_sandbox.forge import events, git, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.deliveries import EVENTS
from amcloud_sandbox.forge.errors import ApiError, bad_request, not_found
from amcloud_sandbox.forge.git import NO_SHA, Change
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now


def _url(call: Call) -> str:
    url = call.required("url")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ApiError(422, "Invalid url given")
    return url


def _events(call: Call, before: set[str]) -> str:
    wanted = {event for event in shapes.HOOK_EVENTS if call.flag(event, event in before)}
    return json.dumps(sorted(wanted))


@api("GET", "/projects/{id}/hooks")
def hooks(call: Call) -> Answer:
    """Webhooks of the project."""
    project = call.project(Level.MAINTAINER)
    return page(
        call, call.store.all("select * from hooks where project_id = ? order by id", project["id"]), shapes.hook
    )


@api("POST", "/projects/{id}/hooks")
def create(call: Call) -> Answer:
    """A new webhook; push events unless told otherwise."""
    project = call.project(Level.MAINTAINER)
    row = call.store.insert(
        "hooks",
        project_id=project["id"],
        url=_url(call),
        name=call.text("name"),
        description=call.text("description"),
        token=call.text("token"),
        events=_events(call, {"push_events"}),
        branch_filter=call.text("push_events_branch_filter") or "",
        ssl=int(bool(call.flag("enable_ssl_verification", True))),
        uuid=str(uuid.uuid4()),
        created_at=now(),
    )
    return Answer(shapes.hook(row), 201)


def _find(call: Call) -> tuple[Row, Row]:
    project = call.project(Level.MAINTAINER)
    row = call.store.one("select * from hooks where project_id = ? and id = ?", project["id"], call.number("hook_id"))
    if row is None:
        raise not_found()
    return project, row


@api("GET", "/projects/{id}/hooks/{hook_id}")
def hook(call: Call) -> Row:
    """One webhook."""
    return shapes.hook(_find(call)[1])


@api("PUT", "/projects/{id}/hooks/{hook_id}")
def update(call: Call) -> Row:
    """The webhook after the change; a new address enables a disabled one again."""
    row = _find(call)[1]
    changed: Row = {key: call.text(key) for key in ("name", "description", "token") if call.text(key) is not None}
    changed["events"] = _events(call, set(json.loads(row["events"])))
    if call.text("url") is not None:
        changed |= {"url": _url(call), "failures": 0, "backoffs": 0, "disabled_until": None}
    if call.text("push_events_branch_filter") is not None:
        changed["branch_filter"] = call.text("push_events_branch_filter")
    if call.flag("enable_ssl_verification") is not None:
        changed["ssl"] = int(bool(call.flag("enable_ssl_verification")))
    return shapes.hook(call.store.update("hooks", row["id"], **changed))


@api("DELETE", "/projects/{id}/hooks/{hook_id}")
def delete(call: Call) -> Answer:
    """The webhook is gone."""
    row = _find(call)[1]
    call.store.run("delete from hook_events where hook_id = ?", row["id"])
    call.store.run("delete from hooks where id = ?", row["id"])
    return Answer(None, 204)


@api("POST", "/projects/{id}/hooks/{hook_id}/test/{trigger}")
def test(call: Call) -> Answer:
    """One delivery made now, of the last commit's push; it enables a paused hook when it succeeds."""
    project, row = _find(call)
    trigger = call.path["trigger"].replace("_events", "_hooks")
    if trigger not in EVENTS:
        raise ApiError(400, {"error": "trigger does not have a valid value"})
    repo = call.forge.config.repository(project["id"])
    sha = git.resolve(repo, project["default_branch"])
    if sha is None:
        raise ApiError(422, "Ensure the project has at least one commit.")
    if trigger not in {"push_hooks", "tag_push_hooks"}:
        raise ApiError(422, "Ensure the project has matching records.")
    last = git.commit(repo, sha)
    before = last.parents[0] if last and last.parents else NO_SHA
    payload = events.push(
        call.forge, project, Change(f"refs/heads/{project['default_branch']}", before, sha), call.user()
    )
    entry = call.forge.deliveries.send(row["id"], trigger, payload)
    if entry is None or entry["response_status"][:1] != "2":
        raise ApiError(422, entry["response_body"] if entry and entry["response_body"] else "Hook execution failed")
    return Answer({"message": "201 Created"}, 201)


@api("GET", "/projects/{id}/hooks/{hook_id}/events")
def deliveries(call: Call) -> Answer:
    """The hook's deliveries, newest first; ``status``: a code, or successful, client_failure, server_failure."""
    row = _find(call)[1]
    rows = call.store.all("select * from hook_events where hook_id = ? order by id desc", row["id"])
    wanted = call.text("status")
    return page(
        call, [item for item in rows if wanted is None or _is(item["response_status"], wanted)], shapes.hook_event
    )


def _is(status: str, wanted: str) -> bool:
    families = {"successful": "2", "client_failure": "4", "server_failure": "5"}
    return status[:1] == families[wanted] if wanted in families else status == wanted


@api("POST", "/projects/{id}/hooks/{hook_id}/events/{event_id}/resend")
def resend(call: Call) -> Answer:
    """The same delivery again, with the same idempotency key."""
    row = _find(call)[1]
    entry = call.store.one("select * from hook_events where id = ? and hook_id = ?", call.number("event_id"), row["id"])
    if entry is None:
        raise not_found()
    headers = json.loads(entry["request_headers"])
    sent = call.forge.deliveries.send(
        row["id"],
        entry["trigger"],
        json.loads(entry["request_data"]),
        key=headers["Idempotency-Key"],
        event=headers["X-Gitlab-Event-UUID"],
    )
    if sent is None:
        raise bad_request("The hook is gone")
    return Answer(
        {
            "response_status": int(sent["response_status"])
            if sent["response_status"].isdigit()
            else sent["response_status"]
        },
        201,
    )
