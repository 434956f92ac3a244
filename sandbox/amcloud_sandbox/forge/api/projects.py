"""Projects: make, find, rename, archive, delete; deploy tokens."""

from __future__ import annotations

import json
import shutil

from amcloud_sandbox.forge import access, git, shapes
from amcloud_sandbox.forge.access import VISIBILITIES, Level, group_level, level
from amcloud_sandbox.forge.api.groups import PATH, PATH_PROBLEM
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, bad_parameter, bad_request, forbidden, not_found
from amcloud_sandbox.forge.paging import Answer, keyset, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now, parse_time, stamp

ORDERS = ("id", "name", "path", "created_at", "updated_at", "last_activity_at", "similarity", "star_count")
OWN_TABLES = (
    "hooks",
    "labels",
    "issues",
    "notes",
    "merge_requests",
    "pipelines",
    "jobs",
    "environments",
    "deployments",
    "protected_branches",
    "protected_tags",
)


@api("GET", "/projects")
def projects(call: Call) -> Answer:
    """Projects that the caller sees, filtered as GitLab filters."""
    rows = [row for row in call.store.all("select * from projects") if _kept(call, row)]
    order = call.choice("order_by", ORDERS, "created_at") or "created_at"
    descending = call.choice("sort", ("asc", "desc"), "desc") == "desc"
    column = order if order not in {"similarity", "star_count"} else "id"
    rows.sort(key=lambda row: (row[column], row["id"]), reverse=descending)
    simple = bool(call.flag("simple"))
    return keyset(call, rows, lambda row: _shown(call, row, simple=simple))


def _kept(call: Call, row: Row) -> bool:
    found = level(call.store, call.caller, row)
    if not found or found < (call.integer("min_access_level") or 0):
        return False
    if call.flag("membership") and not _member(call, row):
        return False
    archived, search = call.flag("archived"), (call.text("search") or "").lower()
    text = row["full_path"] if call.flag("search_namespaces") else f"{row['name']} {row['path']}"
    topics = set(call.words("topic") or ())
    return (
        (archived is None or bool(row["archived"]) == archived)
        and search in text.lower()
        and topics <= set(json.loads(row["topics"]))
        and call.text("visibility") in {None, row["visibility"]}
        and _within(call, "last_activity", row["last_activity_at"])
        and _within(call, "updated", row["updated_at"])
        and row["id"] > (call.integer("id_after") or 0)
        and (call.integer("id_before") is None or row["id"] < (call.integer("id_before") or 0))
    )


def _member(call: Call, row: Row) -> bool:
    if call.caller is None or call.caller.user is None:
        return False
    plain = access.Caller({**call.caller.user, "admin": 0}, call.caller.scopes, call.caller.token)
    return bool(level(call.store, plain, {**row, "visibility": "private"}))


def _within(call: Call, name: str, value: str) -> bool:
    for side in ("after", "before"):
        text = call.text(f"{name}_{side}")
        if text is None:
            continue
        try:
            bound = stamp(parse_time(text))
        except ValueError:
            raise bad_parameter(f"{name}_{side} is invalid") from None
        if (value < bound) if side == "after" else (value > bound):
            return False
    return True


def _shown(call: Call, row: Row, *, simple: bool) -> Row:
    shown = shapes.project(call.forge, row, call.caller)
    if not simple:
        return shown
    names = (
        "id description name name_with_namespace path path_with_namespace created_at default_branch tag_list topics "
        "ssh_url_to_repo http_url_to_repo web_url readme_url forks_count avatar_url star_count "
        "last_activity_at visibility namespace"
    )
    return {name: shown[name] for name in names.split()}


@api("POST", "/projects")
def create_project(call: Call) -> Answer:
    """A new project, with its empty repository."""
    call.user()
    if call.text("name") is None and call.text("path") is None:
        raise bad_parameter("name, path are missing, at least one parameter must be provided")
    name = call.text("name") or call.required("path")
    path = call.text("path") or name.lower().replace(" ", "-")
    if not PATH.match(path) or path.endswith((".", ".git", ".atom")):
        raise bad_request({"path": [PATH_PROBLEM]})
    group = namespace(call)
    full = f"{group['full_path']}/{path}"
    taken = "select 1 from projects where full_path = ? union all select 1 from groups where full_path = ?"
    if call.store.value(taken, full, full):
        raise bad_request(
            {
                "project_namespace.name": ["has already been taken"],
                "name": ["has already been taken"],
                "path": ["has already been taken"],
            }
        )
    visibility = call.choice("visibility", tuple(VISIBILITIES), "private") or "private"
    row = made(call, group, path, name, visibility, call.text("default_branch") or "main")
    return Answer(shapes.project(call.forge, row, call.caller), 201)


def made(call: Call, group: Row, path: str, name: str, visibility: str, branch: str) -> Row:  # noqa: PLR0917
    """A project's row, with its repository, empty, and its maker as owner."""
    user, at, full = call.user(), now(), f"{group['full_path']}/{path}"
    with call.store.together():
        row = call.store.insert(
            "projects", group_id=group["id"], path=path, name=name, full_path=full, visibility=visibility,
            description=call.text("description"), default_branch=branch, creator_id=user["id"],
            topics=json.dumps(call.words("topics") or []), ci_config_path=call.text("ci_config_path"),
            created_at=at, updated_at=at, last_activity_at=at,
        )  # fmt: skip
        call.store.run("delete from redirects where old_path = ?", full)
        if not user["admin"]:
            call.store.insert(
                "members",
                source="project",
                source_id=row["id"],
                user_id=user["id"],
                access_level=int(Level.OWNER),
                created_at=at,
            )
        git.create(
            call.forge.config.repository(row["id"]), default_branch=branch, hooks=call.forge.config.data / "hooks"
        )
    return row


def namespace(call: Call) -> Row:
    """The group where the caller may make a project."""
    wanted = call.text("namespace_id") or call.text("namespace_path")
    if wanted is None:
        raise ApiError(400, {"message": {"namespace": ["is not valid"]}})  # personal namespaces are not modelled
    column = "id" if wanted.isdigit() else "full_path"
    group = call.store.one(f"select * from groups where {column} = ?", wanted)
    if group is None or not group_level(call.store, call.caller, group["id"]):
        raise not_found("Namespace")
    if group_level(call.store, call.caller, group["id"]) < Level.DEVELOPER:
        raise forbidden()
    return group


@api("GET", "/projects/{id}")
def project(call: Call) -> Row:
    """One project, by number or path."""
    return shapes.project(call.forge, call.project(), call.caller)


@api("PUT", "/projects/{id}")
def update_project(call: Call) -> Row:
    """The project after the change; a new ``path`` leaves a redirect at the old one."""
    row = call.project(Level.MAINTAINER)
    changed: Row = {key: call.text(key) for key in ("name", "description", "ci_config_path") if key in call.params}
    visibility = call.choice("visibility", tuple(VISIBILITIES))
    if visibility:
        changed["visibility"] = visibility
    if call.words("topics") is not None:
        changed["topics"] = json.dumps(call.words("topics"))
    if call.flag("jobs_enabled") is not None or call.text("builds_access_level"):
        changed["jobs_enabled"] = int(
            call.flag("jobs_enabled", call.text("builds_access_level") != "disabled") or False
        )
    branch = call.text("default_branch")
    if branch is not None:
        repo = call.forge.config.repository(row["id"])
        if f"refs/heads/{branch}" not in git.refs(repo):
            raise bad_request(
                {
                    "base": [
                        "Could not set the default branch. Do you have a branch named '"
                        + branch
                        + "' in your repository?"
                    ]
                }
            )
        git.git(repo, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
        changed["default_branch"] = branch
    path = call.text("path")
    if path and path != row["path"]:
        changed |= _renamed(call, row, path)
    return shapes.project(
        call.forge, call.store.update("projects", row["id"], **changed, updated_at=now()), call.caller
    )


def _renamed(call: Call, row: Row, path: str) -> Row:
    if not PATH.match(path):
        raise bad_request({"path": [PATH_PROBLEM]})
    full = f"{row['full_path'].rpartition('/')[0]}/{path}"
    if call.store.value("select 1 from projects where full_path = ?", full):
        raise bad_request({"path": ["has already been taken"]})
    call.store.run("insert or replace into redirects values (?, ?)", row["full_path"], row["id"])
    call.store.run("delete from redirects where old_path = ?", full)
    return {"path": path, "full_path": full}


@api("DELETE", "/projects/{id}")
def delete_project(call: Call) -> Answer:
    """The project and all that belongs to it are gone."""
    row = call.project(Level.OWNER)
    with call.store.together():
        for table in OWN_TABLES:
            call.store.run(f"delete from {table} where project_id = ?", row["id"])
        call.store.run("delete from members where source = 'project' and source_id = ?", row["id"])
        call.store.run("delete from redirects where project_id = ?", row["id"])
        call.store.run("delete from forks where project_id = ? or parent_id = ?", row["id"], row["id"])
        call.store.run("delete from tokens where project_id = ?", row["id"])
        call.store.run("delete from projects where id = ?", row["id"])
    shutil.rmtree(call.forge.config.repository(row["id"]), ignore_errors=True)
    return Answer({"message": "202 Accepted"}, 202)


@api("POST", "/projects/{id}/archive")
def archive(call: Call) -> Answer:
    """The project is read-only."""
    return _archive(call, 1)


@api("POST", "/projects/{id}/unarchive")
def unarchive(call: Call) -> Answer:
    """The project can be changed again."""
    return _archive(call, 0)


def _archive(call: Call, value: int) -> Answer:
    row = call.store.update("projects", call.project(Level.OWNER)["id"], archived=value, updated_at=now())
    return Answer(shapes.project(call.forge, row, call.caller), 201)


# ---- deploy tokens


def _deploy_token(row: Row, text: str | None = None) -> Row:
    shown = {
        "id": row["id"],
        "name": row["name"],
        "username": row["username"],
        "expires_at": row["expires_at"],
        "scopes": row["scopes"].split(),
        "revoked": bool(row["revoked"]),
        "expired": False,
    }
    return {**shown, "token": text} if text else shown


@api("GET", "/projects/{id}/deploy_tokens")
def deploy_tokens(call: Call) -> Answer:
    """Deploy tokens of the project."""
    row = call.project(Level.MAINTAINER)
    return page(
        call,
        call.store.all("select * from tokens where kind = 'deploy' and project_id = ? order by id", row["id"]),
        _deploy_token,
    )


@api("POST", "/projects/{id}/deploy_tokens")
def create_deploy_token(call: Call) -> Answer:
    """A new deploy token; its text is shown once."""
    row, name, scopes = call.project(Level.MAINTAINER), call.required("name"), frozenset(call.words("scopes") or ())
    if not scopes or scopes - {
        "read_repository",
        "read_registry",
        "write_registry",
        "read_package_registry",
        "write_package_registry",
    }:
        raise bad_parameter("scopes does not have a valid value" if scopes else "scopes is missing")
    username = call.text("username")
    token, text = access.issue_token(
        call.store,
        kind="deploy",
        name=name,
        scopes=scopes,
        project_id=row["id"],
        username=username or "",
        expires_at=call.text("expires_at"),
    )
    if not username:
        token = call.store.update("tokens", token["id"], username=f"gitlab+deploy-token-{token['id']}")
    return Answer(_deploy_token(token, text), 201)


@api("DELETE", "/projects/{id}/deploy_tokens/{token_id}")
def delete_deploy_token(call: Call) -> Answer:
    """The deploy token no longer opens anything."""
    row = call.project(Level.MAINTAINER)
    sql = "delete from tokens where kind = 'deploy' and project_id = ? and id = ?"
    if not call.store.run(sql, row["id"], call.number("token_id")):
        raise not_found("Deploy Token")
    return Answer(None, 204)
