"""Rows as GitLab's JSON: users, groups, projects, commits, branches, hooks, tokens. Field names are GitLab's own."""

from __future__ import annotations

import json
from typing import Any

from amcloud_sandbox.forge import git
from amcloud_sandbox.forge.access import VISIBILITIES, Caller, Level, group_level, level
from amcloud_sandbox.forge.deliveries import EVENTS, alert_status
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row

HOOK_EVENTS = (
    *EVENTS.values(),
    "issues_events",
    "confidential_issues_events",
    "confidential_note_events",
    "wiki_page_events",
    "releases_events",
    "feature_flag_events",
    "emoji_events",
    "resource_access_token_events",
    "resource_deploy_token_events",
    "milestone_events",
)


def user(forge: Forge, row: Row) -> Row:
    """The short form of a user."""
    return {
        "id": row["id"],
        "username": row["username"],
        "public_email": None,
        "name": row["name"],
        "state": row["state"],
        "locked": False,
        "avatar_url": None,
        "web_url": f"{forge.config.url}/{row['username']}",
    }


def public_user(forge: Forge, row: Row) -> Row:
    """A user as a job names the one who started it."""
    return {**user(forge, row), "created_at": row["created_at"], "bio": "", "bot": False}


def full_user(forge: Forge, row: Row) -> Row:
    """A user as that user or an administrator sees it."""
    return {
        **public_user(forge, row),
        "confirmed_at": row["created_at"],
        "email": row["email"],
        "commit_email": row["email"],
        "two_factor_enabled": False,
        "external": False,
        "private_profile": False,
        "can_create_group": bool(row["admin"]),
        "can_create_project": True,
        "projects_limit": 100000,
        "namespace_id": None,
        "identities": [],
        **({"is_admin": True} if row["admin"] else {}),
    }


def namespace(forge: Forge, row: Row) -> Row:
    """A group as a namespace."""
    return {
        "id": row["id"],
        "name": row["name"],
        "path": row["path"],
        "kind": "group",
        "full_path": row["full_path"],
        "parent_id": row["parent_id"],
        "avatar_url": None,
        "web_url": f"{forge.config.url}/groups/{row['full_path']}",
    }


def group(forge: Forge, row: Row) -> Row:
    """A group."""
    return {
        "id": row["id"],
        "web_url": f"{forge.config.url}/groups/{row['full_path']}",
        "name": row["name"],
        "path": row["path"],
        "description": row["description"],
        "visibility": row["visibility"],
        "full_name": row["full_path"].replace("/", " / "),
        "full_path": row["full_path"],
        "created_at": row["created_at"],
        "parent_id": row["parent_id"],
        "avatar_url": None,
        "lfs_enabled": False,
        "archived": False,
    }


def project(forge: Forge, row: Row, caller: Caller | None = None) -> Row:
    """A project; ``permissions`` are the caller's."""
    url, path = forge.config.url, row["full_path"]
    parent = forge.store.one("select * from groups where id = ?", row["group_id"])
    assert parent is not None
    return {
        "id": row["id"],
        "description": row["description"],
        "name": row["name"],
        "name_with_namespace": f"{parent['full_path'].replace('/', ' / ')} / {row['name']}",
        "path": row["path"],
        "path_with_namespace": path,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "default_branch": row["default_branch"],
        "tag_list": json.loads(row["topics"]),
        "topics": json.loads(row["topics"]),
        "ssh_url_to_repo": f"git@{url.partition('://')[2].partition(':')[0]}:{path}.git",
        "http_url_to_repo": f"{url}/{path}.git",
        "web_url": f"{url}/{path}",
        "readme_url": None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": row["last_activity_at"],
        "visibility": row["visibility"],
        "namespace": namespace(forge, parent),
        "empty_repo": git.is_empty(forge.config.repository(row["id"])),
        "archived": bool(row["archived"]),
        "creator_id": row["creator_id"],
        "jobs_enabled": bool(row["jobs_enabled"]),
        "builds_access_level": "enabled" if row["jobs_enabled"] else "disabled",
        "issues_enabled": True,
        "merge_requests_enabled": True,
        "wiki_enabled": False,
        "snippets_enabled": False,
        "container_registry_enabled": False,
        "shared_runners_enabled": True,
        "lfs_enabled": False,
        "ci_config_path": row["ci_config_path"] or "",
        "ci_default_git_depth": 20,
        "public_jobs": True,
        "merge_method": "merge",
        "only_allow_merge_if_pipeline_succeeds": False,
        "permissions": _permissions(forge, row, caller),
    }


def _permissions(forge: Forge, row: Row, caller: Caller | None) -> Row:
    found: Row = {"project_access": None, "group_access": None}
    if caller is None or caller.user is None:
        return found
    inherited = group_level(forge.store, caller, row["group_id"])
    own = level(forge.store, caller, row)
    if inherited and not caller.admin:
        found["group_access"] = {"access_level": inherited, "notification_level": 3}
    if own > max(inherited, Level.REPORTER) or (own and not inherited and row["visibility"] == "private"):
        found["project_access"] = {"access_level": own, "notification_level": 3}
    return found


def hook_project(forge: Forge, row: Row) -> Row:
    """A project as webhooks write it."""
    full = project(forge, row)
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "web_url": full["web_url"],
        "avatar_url": None,
        "git_ssh_url": full["ssh_url_to_repo"],
        "git_http_url": full["http_url_to_repo"],
        "namespace": full["namespace"]["name"],
        "visibility_level": VISIBILITIES[row["visibility"]],
        "path_with_namespace": row["full_path"],
        "default_branch": row["default_branch"],
        "ci_config_path": full["ci_config_path"],
        "homepage": full["web_url"],
        "url": full["ssh_url_to_repo"],
        "ssh_url": full["ssh_url_to_repo"],
        "http_url": full["http_url_to_repo"],
    }


def commit(forge: Forge, row: Row, found: git.Commit) -> Row:
    """A commit of the project."""
    return {
        "id": found.id,
        "short_id": found.id[:8],
        "created_at": found.committed,
        "parent_ids": list(found.parents),
        "title": found.title,
        "message": found.message,
        "author_name": found.author_name,
        "author_email": found.author_email,
        "authored_date": found.authored,
        "committer_name": found.committer_name,
        "committer_email": found.committer_email,
        "committed_date": found.committed,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{forge.config.url}/{row['full_path']}/-/commit/{found.id}",
    }


def member(forge: Forge, row: Row) -> Row:
    """A member of a group or project (row of members)."""
    return {
        **user(forge, forge.user(row["user_id"])),
        "access_level": row["access_level"],
        "created_at": row["created_at"],
        "expires_at": None,
        "membership_state": "active",
    }


def hook(row: Row) -> Row:
    """A project's webhook; its token is never shown."""
    wanted = set(json.loads(row["events"]))
    return {
        "id": row["id"],
        "url": row["url"],
        "name": row["name"],
        "description": row["description"],
        "created_at": row["created_at"],
        "project_id": row["project_id"],
        "enable_ssl_verification": bool(row["ssl"]),
        "alert_status": alert_status(row),
        "disabled_until": row["disabled_until"],
        "url_variables": [],
        "custom_headers": [],
        "custom_webhook_template": None,
        "branch_filter_strategy": "wildcard",
        "push_events_branch_filter": row["branch_filter"],
        "repository_update_events": False,
        **{event: event in wanted for event in HOOK_EVENTS},
    }


def hook_event(row: Row) -> Row:
    """One delivery of the log."""
    decoded = ("request_headers", "request_data", "response_headers")
    kept = ("id", "url", "trigger", "response_body", "response_status", "execution_duration", "created_at")
    return {**{name: row[name] for name in kept}, **{name: json.loads(row[name]) for name in decoded}}


def token(row: Row, text: str | None = None) -> Row:
    """A personal access token; its text only when just made."""
    shown: dict[str, Any] = {
        "id": row["id"],
        "name": row["name"],
        "revoked": bool(row["revoked"]),
        "created_at": row["created_at"],
        "description": None,
        "scopes": row["scopes"].split(),
        "user_id": row["user_id"],
        "last_used_at": row["last_used_at"],
        "active": not row["revoked"],
        "expires_at": row["expires_at"],
    }
    return {**shown, "token": text} if text else shown
