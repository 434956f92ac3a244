"""The developer's side: projects of the forge, pushes, and what is read on a commit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import gitlab
from gitlab.v4.objects import Project

from amcloud.clients.forge_calls import ForgeCalls
from amcloud.clients.forge_link import ForgeLink
from amcloud.stages.to_forge import forge_link
from amcloud_sandbox import apps
from amcloud_sandbox.demo.platform import Platform
from amcloud_sandbox.demo.programs import WorkTree, run
from amcloud_sandbox.forge import provision

BRANCH, RELEASES = "main", "v*"
NORMS = "amcloud/normes"
"""Project where the norms' team, here the auditor, answers contested rules."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A commit on the forge."""

    project: str
    commit: str


def connect(platform: Platform, token: str | None = None) -> gitlab.Gitlab:
    """The forge's API, as the administrator unless a token says otherwise."""
    return provision.connect(platform.forge_url, token or platform.forge_root_token)


def shared_runners(platform: Platform) -> tuple[str, ...]:
    """Descriptions of the runners that the forge's administrators offer to everybody."""
    found = connect(platform).runners_all.list(type="instance_type", get_all=True)
    return tuple(sorted({str(runner.description) for runner in found}))


def ensure_project(platform: Platform, path: str, *, hook_url: str) -> Project:
    """The private project at ``path`` with its webhook: developer and operator maintain it, the others may read.

    Release tags are protected; the forge itself protects the first branch.
    """
    maintainers, reporters = ("developpeur", "amcloud-operateur"), ("exploitant", "auditeur", "dc2r")
    project: Project = provision.ensure_project(connect(platform), path, maintainers=maintainers, reporters=reporters)
    if RELEASES not in {rule.name for rule in project.protectedtags.list(get_all=True)}:
        project.protectedtags.create({"name": RELEASES, "create_access_level": gitlab.const.AccessLevel.MAINTAINER})
    tie(platform, path, hook_url=hook_url)
    return project


def ensure_norms(platform: Platform, *, hook_url: str) -> Project:
    """The project of the norms: the auditor answers there, everybody may read, its webhook tells the operator."""
    members = ("auditeur", "amcloud-operateur")
    project: Project = provision.ensure_project(connect(platform), NORMS, visibility="internal", maintainers=members)
    tie(platform, NORMS, hook_url=hook_url)
    return project


def tie(platform: Platform, path: str, *, hook_url: str) -> None:
    """What ``amcloud forge connect`` does: hook and labels are there, and as they should be, whatever was there."""
    events, today = forge_link.events_of(path, norms_project=NORMS), datetime.now(UTC).date()
    wanted = forge_link.Wanted(hook_url, events=events, labels=forge_link.labels_of(path, norms_project=NORMS))
    link = ForgeLink(ForgeCalls(platform.forge_url, platform.forge_root_token), path)
    for step in forge_link.plan(link.found(), wanted, today=today):
        link.carry_out(step, url=hook_url, webhook_token=platform.webhook_token, today=today, events=events)


def let_in(platform: Platform, project: Project, organisation: str) -> Any:
    """The organisation's service account, which may read this project and, of private ones, only those of its own."""
    forge, username = connect(platform), f"service-{organisation}"
    found = forge.users.list(username=username, get_all=True)
    person = {"username": username, "name": f"Compte de service {organisation} (exemple)"}
    mail = {"email": f"{username}@exemple.invalid", "force_random_password": True, "skip_confirmation": True}
    account = found[0] if found else forge.users.create({**person, **mail})
    if account.id not in {member.id for member in project.members.list(get_all=True)}:
        project.members.create({"user_id": account.id, "access_level": gitlab.const.AccessLevel.REPORTER})
    return account


def reading_token(account: Any) -> str:
    """A new token of a service account that may read repositories, and nothing else."""
    wanted = {"name": "amcloud-hebergement", "scopes": ["read_repository"]}
    return str(account.personal_access_tokens.create(wanted).token)


def accepted(platform: Platform, token: str) -> bool:
    """Whether the forge knows this token."""
    try:
        connect(platform, token).personal_access_tokens.get("self")
    except gitlab.GitlabAuthenticationError:
        return False
    except gitlab.GitlabGetError as error:
        return error.response_code == HTTPStatus.FORBIDDEN  # known, for less than that
    return True


def push_revision(platform: Platform, project: str, app: str, revision: str, work: Path) -> Pushed:
    """Commit one revision of a sample on top of what the branch holds, and push it with git."""
    message = f"{app} : révision {revision}"
    return push_content(platform, project, work / app, lambda folder: apps.write(app, revision, folder), message)


def push_content(
    platform: Platform, project: str, folder: Path, write: Callable[[Path], object], message: str
) -> Pushed:
    """Commit what ``write`` writes on top of what the branch holds, and push it; ``folder`` is the clone."""
    tree = WorkTree(folder, platform.forge_developer_token)
    if not (tree.path / ".git").exists():
        tree.path.mkdir(parents=True, exist_ok=True)
        run(["git", "init", "--quiet", f"--initial-branch={BRANCH}", str(tree.path)])
    _follow(tree, platform, project)
    for entry in tree.path.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    write(tree.path)
    tree.git("add", "--all")
    if tree.git("status", "--porcelain"):
        identity = ("-c", "user.name=Équipe exemple", "-c", "user.email=equipe@exemple.invalid")
        tree.git(*identity, "commit", "--quiet", "--message", message)
    return Pushed(project, tree.push(f"{platform.forge_url}/{project}.git", BRANCH))


def _follow(tree: WorkTree, platform: Platform, project: str) -> None:
    """The work tree is at what the branch holds on the forge: somebody may have pushed since."""
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
