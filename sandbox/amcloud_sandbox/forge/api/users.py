"""Version, the current user, users and their tokens."""

from __future__ import annotations

import re
from typing import Any

from amcloud_sandbox.forge import access, shapes
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.config import REVISION, VERSION
from amcloud_sandbox.forge.errors import ApiError, bad_request, not_found, unauthorized
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now

SCOPES = frozenset(
    {"api", "read_api", "read_user", "read_repository", "write_repository", "sudo", "create_runner", "k8s_proxy"}
)
USERNAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$")


@api("GET", "/version")
def version(call: Call) -> Row:
    """Version of the GitLab that is modelled."""
    call.user()
    return {"version": VERSION, "revision": REVISION}


@api("GET", "/metadata")
def metadata(call: Call) -> Row:
    """Like :func:`version`, newer form."""
    return {**version(call), "kas": {"enabled": False, "externalUrl": None, "version": None}, "enterprise": False}


@api("GET", "/user")
def current_user(call: Call) -> Row:
    """The caller."""
    return shapes.full_user(call.forge, call.user())


@api("GET", "/users")
def users(call: Call) -> Answer:
    """Users, by ``username`` or ``search``."""
    call.user()
    name, search = call.text("username"), (call.text("search") or "").lower()
    rows = call.store.all("select * from users order by id desc")
    kept = [
        row
        for row in rows
        if (name is None or row["username"].lower() == name.lower())
        and search in f"{row['username']} {row['name']} {row['email']}".lower()
    ]
    shape = shapes.full_user if call.user()["admin"] else shapes.user
    return page(call, kept, lambda row: shape(call.forge, row))


@api("POST", "/users")
def create_user(call: Call) -> Answer:
    """A new user (administrators)."""
    call.admin()
    username, name, email = call.required("username"), call.required("name"), call.required("email")
    if not USERNAME.match(username):
        raise bad_request({"username": ["can contain only letters, digits, '_', '-' and '.'"]})
    taken = call.store.one("select * from users where username = ? or email = ?", username, email)
    if taken:
        field = "Username" if taken["username"] == username else "Email"
        raise ApiError(409, f"{field} has already been taken")
    admin = int(bool(call.flag("admin")))
    row = call.store.insert("users", username=username, name=name, email=email, admin=admin, created_at=now())
    return Answer(shapes.full_user(call.forge, row), 201)


def _user(call: Call) -> Row:
    row = call.store.one("select * from users where id = ?", call.number("user_id", "id"))
    if row is None:
        raise not_found("User")
    return row


@api("GET", "/users/{user_id}")
def one_user(call: Call) -> Row:
    """One user."""
    shape = shapes.full_user if call.user()["admin"] else shapes.user
    return shape(call.forge, _user(call))


@api("POST", "/users/{user_id}/block")
def block(call: Call) -> Answer:
    """The user is blocked: its tokens answer 403."""
    call.admin()
    call.store.update("users", _user(call)["id"], state="blocked")
    return Answer(True, 201)


@api("POST", "/users/{user_id}/unblock")
def unblock(call: Call) -> Answer:
    """The user is active again."""
    call.admin()
    call.store.update("users", _user(call)["id"], state="active")
    return Answer(True, 201)


@api("POST", "/users/{user_id}/personal_access_tokens")
def create_token(call: Call) -> Answer:
    """A token of another user (administrators); its text is shown once."""
    call.admin()
    return _new_token(call, _user(call)["id"], call.required("name"))


def _new_token(call: Call, user_id: int, name: str) -> Answer:
    scopes = frozenset(call.words("scopes") or [])
    if not scopes:
        raise bad_request({"scopes": ["can't be blank"]})
    if scopes - SCOPES:
        raise ApiError(400, {"error": "scopes does not have a valid value"})
    row, text = access.issue_token(
        call.store, kind="personal", name=name, scopes=scopes, user_id=user_id, expires_at=call.text("expires_at")
    )
    return Answer(shapes.token(row, text), 201)


@api("GET", "/personal_access_tokens")
def tokens(call: Call) -> Answer:
    """Tokens of the caller, or of anyone for administrators."""
    user = call.user()
    rows = call.store.all("select * from tokens where kind = 'personal' order by id")
    wanted = call.integer("user_id") if user["admin"] else user["id"]
    return page(call, [row for row in rows if wanted in {None, row["user_id"]}], shapes.token)


@api("GET", "/personal_access_tokens/self")
def own_token(call: Call) -> Row:
    """The token that the request carries."""
    call.user()
    assert call.caller is not None
    return shapes.token(call.caller.token)


def _token(call: Call) -> Row:
    user = call.user()
    if call.path["token_id"] == "self":
        assert call.caller is not None
        return call.caller.token
    row = call.store.one("select * from tokens where id = ? and kind = 'personal'", call.number("token_id"))
    if row is None or not (user["admin"] or row["user_id"] == user["id"]):
        raise not_found() if user["admin"] else unauthorized()
    return row


@api("DELETE", "/personal_access_tokens/{token_id}")
def revoke_token(call: Call) -> Answer:
    """The token is revoked."""
    call.store.update("tokens", _token(call)["id"], revoked=1)
    return Answer(None, 204)


@api("POST", "/personal_access_tokens/{token_id}/rotate")
def rotate_token(call: Call) -> Answer:
    """A new token of the same name and scopes; the old one is revoked."""
    old: Row = _token(call)
    call.store.update("tokens", old["id"], revoked=1)
    more: dict[str, Any] = {"user_id": old["user_id"], "expires_at": call.text("expires_at") or old["expires_at"]}
    row, text = access.issue_token(
        call.store, kind="personal", name=old["name"], scopes=frozenset(old["scopes"].split()), **more
    )
    return Answer(shapes.token(row, text))
