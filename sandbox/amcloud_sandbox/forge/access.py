"""Who is calling, and what they may do: tokens, members, access levels."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from amcloud_sandbox.forge.errors import forbidden, not_found, unauthorized
from amcloud_sandbox.forge.store import Row, Store, now


class Level(IntEnum):
    """GitLab's access levels."""

    NONE = 0
    GUEST = 10
    REPORTER = 20
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50


READ_SCOPES = frozenset({"api", "read_api"})
VISIBILITIES = {"private": 0, "internal": 10, "public": 20}
# Names of GitLab's token prefixes, by kind.
PREFIXES = {"personal": "glpat-", "project": "glpat-", "deploy": "gldt-", "job": "glcbt-"}


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a valid token. ``user`` is None for a deploy token, which opens one project's repository only."""

    user: Row | None
    scopes: frozenset[str]
    token: Row

    @property
    def admin(self) -> bool:
        """Whether nothing is hidden from or refused to the caller."""
        return bool(self.user and self.user["admin"])


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(
    store: Store, *, kind: str, name: str, scopes: frozenset[str], value: str | None = None, **columns: object
) -> tuple[Row, str]:
    """A new token's row and its text, which is not kept."""
    text = value or PREFIXES[kind] + secrets.token_urlsafe(20)
    row = store.insert(
        "tokens",
        kind=kind,
        name=name,
        scopes=" ".join(sorted(scopes)),
        digest=digest(text),
        created_at=now(),
        **columns,
    )
    return row, text


def caller_of(store: Store, token: str | None) -> Caller | None:
    """The holder of ``token``; None without one.

    Raises:
        ApiError: 401, the token is unknown, revoked, expired, or its job is over.
    """
    if not token:
        return None
    row = store.one("select * from tokens where digest = ?", digest(token))
    if row is None or row["revoked"] or (row["expires_at"] or "9") <= now()[:10] or _job_over(store, row):
        raise unauthorized()
    user = store.one("select * from users where id = ?", row["user_id"]) if row["user_id"] else None
    if user is not None and user["state"] != "active":
        raise forbidden("Your account has been blocked.") from None
    return Caller(user, frozenset(row["scopes"].split()), row)


def _job_over(store: Store, token: Row) -> bool:
    if token["kind"] != "job":
        return False
    return store.value("select status from pipelines where id = ?", token["job_id"]) not in {"pending", "running"}


def api_token(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The token of an API request, where GitLab looks for it."""
    bearer = headers.get("authorization", "")
    found = (
        headers.get("private-token") or headers.get("job-token") or query.get("private_token") or query.get("job_token")
    )
    return found or (bearer[7:].strip() if bearer[:7].lower() == "bearer " else None)


def basic_password(header: str | None) -> tuple[str, str] | None:
    """User and password of a basic ``Authorization`` header; None when there is none or it is malformed."""
    if not header or header[:6].lower() != "basic ":
        return None
    try:
        user, _, password = base64.b64decode(header[6:], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def level(store: Store, caller: Caller | None, project: Row) -> int:
    """Access level of ``caller`` in the project, direct or inherited; public and internal ones let anyone read."""
    if caller is None:
        return Level.REPORTER if project["visibility"] == "public" else Level.NONE
    if caller.admin:
        return Level.OWNER
    if caller.user is None:
        return Level.REPORTER if caller.token["project_id"] == project["id"] else Level.NONE
    found = _member(store, "project", project["id"], caller.user["id"])
    found = max(found, group_level(store, caller, project["group_id"]))
    return max(found, Level.REPORTER) if project["visibility"] != "private" else found


def group_level(store: Store, caller: Caller | None, group_id: int | None) -> int:
    """Access level of ``caller`` in the group or one of those above it."""
    if caller is None or caller.user is None:
        return Level.NONE
    if caller.admin:
        return Level.OWNER
    found: int = Level.NONE
    while group_id is not None:
        found = max(found, _member(store, "group", group_id, caller.user["id"]))
        group_id = store.value("select parent_id from groups where id = ?", group_id)
    return found


def _member(store: Store, source: str, source_id: int, user_id: int) -> int:
    sql = "select access_level from members where source = ? and source_id = ? and user_id = ?"
    return store.value(sql, source, source_id, user_id) or Level.NONE


def require(store: Store, caller: Caller | None, project: Row, wanted: int) -> None:
    """Returns when ``caller`` has the level ``wanted`` in the project.

    Raises:
        ApiError: 404 when the project is hidden from the caller, else 401 or 403.
    """
    found = level(store, caller, project)
    if found == Level.NONE:
        raise not_found("Project")
    if found < wanted:
        raise unauthorized() if caller is None else forbidden()


def may_move(store: Store, caller: Caller | None, project: Row, ref: str, *, tag: bool) -> bool:
    """Whether ``caller`` may push or merge to a branch, or make a tag: also who may touch the pipelines of either."""
    found = level(store, caller, project)
    table, columns = (
        ("protected_tags", ("create_level",)) if tag else ("protected_branches", ("push_level", "merge_level"))
    )
    rules = store.all(f"select * from {table} where project_id = ?", project["id"])
    mine = [rule for rule in rules if fnmatch.fnmatchcase(ref, rule["name"])]
    levels = [rule[column] for rule in mine for column in columns if rule[column] != Level.NONE]
    return found >= Level.DEVELOPER and (not mine or any(found >= needed for needed in levels))
