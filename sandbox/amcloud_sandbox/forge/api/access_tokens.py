"""Access tokens of a project: each is a bot user with a level in that project alone."""

from __future__ import annotations

import secrets

from amcloud_sandbox.forge import access, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.api.users import SCOPES
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import bad_parameter, bad_request, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now

LEVELS = {int(level) for level in Level if level}


def _shape(call: Call, row: Row, text: str | None = None) -> Row:
    sql = "select access_level from members where source = 'project' and source_id = ? and user_id = ?"
    return {**shapes.token(row, text), "access_level": call.store.value(sql, row["project_id"], row["user_id"])}


@api("GET", "/projects/{id}/access_tokens")
def access_tokens(call: Call) -> Answer:
    """Access tokens of the project."""
    project = call.project(Level.MAINTAINER)
    sql = "select * from tokens where kind = 'project' and project_id = ? order by id"
    return page(call, call.store.all(sql, project["id"]), lambda row: _shape(call, row))


@api("POST", "/projects/{id}/access_tokens")
def create_access_token(call: Call) -> Answer:
    """A new access token with its bot user; its text is shown once."""
    project, name, scopes = call.project(Level.MAINTAINER), call.required("name"), frozenset(call.words("scopes") or ())
    if not scopes or scopes - SCOPES:
        raise bad_parameter("scopes does not have a valid value" if scopes else "scopes is missing")
    expires_at, wanted = call.required("expires_at"), call.integer("access_level", int(Level.MAINTAINER))
    if wanted not in LEVELS or wanted > access.level(call.store, call.caller, project):
        raise bad_request("User does not have permission to create project access token")
    username = f"project_{project['id']}_bot_{secrets.token_hex(16)}"
    with call.store.together():
        bot = call.store.insert(
            "users", username=username, name=name, email=f"{username}@noreply.forge.example", created_at=now()
        )
        call.store.insert(
            "members",
            source="project",
            source_id=project["id"],
            user_id=bot["id"],
            access_level=wanted,
            created_at=now(),
        )
        row, text = access.issue_token(
            call.store, kind="project", name=name, scopes=scopes, user_id=bot["id"], project_id=project["id"],
            expires_at=expires_at,
        )  # fmt: skip
    return Answer(_shape(call, row, text), 201)


def _find(call: Call) -> Row:
    project = call.project(Level.MAINTAINER)
    sql = "select * from tokens where kind = 'project' and project_id = ? and id = ?"
    row = call.store.one(sql, project["id"], call.number("token_id"))
    if row is None:
        raise not_found()
    return row


@api("GET", "/projects/{id}/access_tokens/{token_id}")
def access_token(call: Call) -> Row:
    """One access token."""
    return _shape(call, _find(call))


@api("DELETE", "/projects/{id}/access_tokens/{token_id}")
def revoke_access_token(call: Call) -> Answer:
    """The access token is revoked, its bot user blocked."""
    row = _find(call)
    call.store.update("tokens", row["id"], revoked=1)
    return Answer(None, 204)
