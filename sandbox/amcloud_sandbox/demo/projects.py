"""The developer's side: projects of the forge, pushes, and what is read on a commit."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gitlab
from gitlab.exceptions import GitlabGetError
from gitlab.v4.objects import Project

from amcloud_sandbox import apps
from amcloud_sandbox.demo.platform import Platform
from amcloud_sandbox.demo.programs import WorkTree, run

BRANCH = "main"
TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Pushed:
    """A commit on the forge."""

    project: str
    commit: str


def connect(platform: Platform, token: str | None = None) -> gitlab.Gitlab:
    """The forge's API, as the administrator unless a token says otherwise."""
    return gitlab.Gitlab(platform.forge_url, private_token=token or platform.forge_root_token, timeout=TIMEOUT_S)


def ensure_project(platform: Platform, path: str, *, hook_url: str) -> Project:
    """The private project at ``path`` with its group, the developer as maintainer, the operator, and the webhook."""
    forge = connect(platform)
    group_path, _, name = path.rpartition("/")
    group = _get(forge.groups, group_path) or forge.groups.create({"name": group_path, "path": group_path})
    project = _get(forge.projects, path) or forge.projects.create(
        {"name": name, "path": name, "namespace_id": group.id, "visibility": "private", "default_branch": BRANCH}
    )
    project = forge.projects.get(project.id)
    members = {member.username for member in project.members.list(get_all=True)}
    for username in ("developpeur", "amcloud-operateur"):
        if username not in members:
            user = forge.users.list(username=username, get_all=True)[0]
            project.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.MAINTAINER})
    if hook_url not in {hook.url for hook in project.hooks.list(get_all=True)}:
        events = ("push_events", "tag_push_events", "merge_requests_events", "pipeline_events")
        project.hooks.create({"url": hook_url, "token": platform.webhook_token, **dict.fromkeys(events, True)})
    return project


def _get(manager: Any, path: str) -> Any | None:
    try:
        return manager.get(path)
    except GitlabGetError as error:
        if error.response_code == 404:  # noqa: PLR2004 - the word "absent" of HTTP
            return None
        raise


def deploy_token(project: Project) -> str:
    """A new token that may read this repository, and nothing else: the organisation's own credential."""
    token = project.access_tokens.create(
        {"name": "amcloud-hebergement", "scopes": ["read_repository"], "access_level": 20, "expires_at": "2099-01-01"}
    )
    return str(token.token)


def push_revision(platform: Platform, project: str, app: str, revision: str, work: Path) -> Pushed:
    """Commit one revision of a sample on top of what the branch holds, and push it with git."""
    tree = WorkTree(work / app, platform.forge_developer_token)
    if not tree.path.exists():
        tree.path.mkdir(parents=True)
        run(["git", "init", "--quiet", f"--initial-branch={BRANCH}", str(tree.path)])
        _fetch(tree, platform, project)
    for entry in tree.path.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    apps.write(app, revision, tree.path)
    tree.git("add", "--all")
    if tree.git("status", "--porcelain"):
        identity = ("-c", "user.name=Équipe exemple", "-c", "user.email=equipe@exemple.invalid")
        tree.git(*identity, "commit", "--quiet", "--message", f"{app} : révision {revision}")
    return Pushed(project, tree.push(f"{platform.forge_url}/{project}.git", BRANCH))


def _fetch(tree: WorkTree, platform: Platform, project: str) -> None:
    url = f"{platform.forge_url}/{project}.git"
    if tree.git("ls-remote", "--heads", url, BRANCH):
        tree.git("fetch", "--quiet", url, BRANCH)
        tree.git("reset", "--quiet", "--hard", "FETCH_HEAD")


def statuses(platform: Platform, pushed: Pushed) -> dict[str, Any]:
    """Latest statuses of a commit by name, as its developer reads them."""
    forge = connect(platform, platform.forge_developer_token)
    project = forge.projects.get(pushed.project, lazy=False)
    found = project.commits.get(pushed.commit).statuses.list(get_all=True)
    return {status.name: status for status in found}
