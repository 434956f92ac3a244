"""What the sandbox puts into its forge: people with their tokens, CI variables, and the project of the pipelines.

Everything goes through python-gitlab and git, as on a real GitLab.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gitlab
from gitlab.exceptions import GitlabGetError

from amcloud import assets
from amcloud.clients.signing import Signer
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import COMPOSER_URL, REGISTRY_NAME, REGISTRY_URL, Layout

PIPELINES_PROJECT, PIPELINES_TAG, BRANCH = "amcloud/pipelines", "v1", "main"
PHP_BASE_IMAGE = f"{REGISTRY_NAME}/amcloud/php-base:8.2"
# User name → credential file of its token.
PEOPLE: Mapping[str, str] = {
    "amcloud-operateur": "forge-operator-token",
    "developpeur": "forge-developpeur-token",
    "exploitant": "forge-exploitant-token",
    "auditeur": "forge-auditeur-token",
    "dc2r": "forge-dc2r-token",
}
NAMES = {
    "amcloud-operateur": "Opérateur AM Cloud",
    "developpeur": "Développeur (exemple)",
    "exploitant": "Exploitant (exemple)",
    "auditeur": "Auditeur (exemple)",
    "dc2r": "Agent de la DC2R (exemple)",
}
PROVENANCE_KEY = "provenance-key"
TIMEOUT_S = 20
NOT_FOUND = 404


def connect(url: str, token: str) -> gitlab.Gitlab:
    """The forge's API as the holder of ``token``."""
    return gitlab.Gitlab(url, private_token=token, timeout=TIMEOUT_S)


def write_secret(path: Path, text: str) -> None:
    """The file holds ``text``, readable by its owner only, at no moment by others."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def ensure_people(layout: Layout, *, url: str, token: str) -> None:
    """Each of :data:`PEOPLE` exists and its credential file holds a valid token of scope ``api``."""
    root = connect(url, token)
    for username, credential in PEOPLE.items():
        path = layout.credentials / credential
        if path.exists() and _valid(url, path.read_text(encoding="utf-8").strip()):
            continue
        found = root.users.list(username=username, get_all=True)
        user: Any = (
            found[0]
            if found
            else root.users.create(
                {
                    "username": username,
                    "name": NAMES[username],
                    "email": f"{username}@forge.example",
                    "force_random_password": True,
                }
            )
        )
        issued = user.personal_access_tokens.create({"name": "bac à sable", "scopes": ["api"]})
        write_secret(path, issued.token)


def _valid(url: str, token: str) -> bool:
    try:
        connect(url, token).auth()
    except gitlab.GitlabError:
        return False
    return True


def ensure_variables(variables: Mapping[str, str], *, url: str, token: str) -> None:
    """Every pipeline of the instance sees these variables."""
    root: Any = connect(url, token)
    for key, value in variables.items():
        try:
            root.variables.get(key).delete()
        except GitlabGetError as error:
            if error.response_code != NOT_FOUND:
                raise
        root.variables.create({"key": key, "value": value, "raw": True})


def provenance_key(layout: Layout) -> str:
    """The operator's key for attestations, made once a sandbox: no job's account may read its file."""
    path = layout.credentials / PROVENANCE_KEY
    if not path.exists():
        write_secret(path, base64.b64encode(secrets.token_bytes(32)).decode())
    return path.read_text(encoding="utf-8").strip()


def instance_variables(layout: Layout) -> dict[str, str]:
    """CI variables that the pipelines of this sandbox need; the database's only when there is one."""
    found = {
        "COMPOSER_REPOSITORY_URL": COMPOSER_URL,
        "AMCLOUD_PHP_BASE_IMAGE": PHP_BASE_IMAGE,
        "AMCLOUD_ADVISORIES": f"{COMPOSER_URL}/advisories.json",
        "AMCLOUD_REGISTRY_URL": REGISTRY_URL,
        "AMCLOUD_PROVENANCE_PUBLIC_KEY": Signer(provenance_key(layout)).public_key,
    }
    database = layout.credentials / "postgres-ci-url"
    return {**found, "TEST_DATABASE_URL": database.read_text(encoding="utf-8").strip()} if database.exists() else found


def ensure_project(
    root: gitlab.Gitlab,
    path: str,
    *,
    visibility: str = "private",
    maintainers: tuple[str, ...] = (),
    reporters: tuple[str, ...] = (),
) -> Any:
    """The project at ``path`` (python-gitlab's object), its groups included, with these users as members."""
    *groups, name = path.split("/")
    parent: Any = None
    for depth in range(len(groups)):
        parent = _ensure_group(root, "/".join(groups[: depth + 1]), parent)
    try:
        project: Any = root.projects.get(path)
    except GitlabGetError as error:
        if error.response_code != NOT_FOUND:
            raise
        project = root.projects.create(
            {"name": name, "path": name, "namespace_id": parent.id, "visibility": visibility}
        )
    present = {member.username for member in project.members.list(get_all=True)}
    wanted = dict.fromkeys(reporters, gitlab.const.AccessLevel.REPORTER)
    wanted |= dict.fromkeys(maintainers, gitlab.const.AccessLevel.MAINTAINER)
    for username, level in wanted.items():
        if username not in present:
            user = root.users.list(username=username, get_all=True)[0]
            project.members.create({"user_id": user.id, "access_level": level})
    return project


def _ensure_group(root: gitlab.Gitlab, path: str, parent: Any) -> Any:
    try:
        return root.groups.get(path, with_projects=False)
    except GitlabGetError as error:
        if error.response_code != NOT_FOUND:
            raise
    name = path.rpartition("/")[2]
    return root.groups.create({"name": name, "path": name, **({"parent_id": parent.id} if parent else {})})


def publish_pipelines(layout: Layout, *, url: str, token: str) -> str:
    """Id of the commit of ``amcloud/pipelines`` that its tag v1 names, after both hold the product's pipelines.

    A tag that names other content is moved: the sandbox follows the checkout.
    """
    root = connect(url, token)
    try:
        ensure_project(root, PIPELINES_PROJECT, visibility="internal")
        with tempfile.TemporaryDirectory(dir=_folder(layout)) as folder:
            return _publish(Path(folder), f"{url}/{PIPELINES_PROJECT}.git", token)
    except (gitlab.GitlabError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or str(error)
        raise SandboxError("publication des pipelines", str(detail)) from error


def _folder(layout: Layout) -> Path:
    layout.state.mkdir(parents=True, exist_ok=True)
    return layout.state


def _publish(work: Path, remote: str, token: str) -> str:
    def run(*arguments: str) -> str:
        return _git(work, token, *arguments)

    run("init", "--quiet", f"--initial-branch={BRANCH}")
    published = run("ls-remote", remote, f"refs/heads/{BRANCH}", f"refs/tags/{PIPELINES_TAG}").splitlines()
    if any(line.endswith(f"refs/heads/{BRANCH}") for line in published):
        run("fetch", "--quiet", "--depth=1", remote, BRANCH)
        run("reset", "--quiet", "--hard", "FETCH_HEAD")
        run("rm", "-r", "--quiet", ".")
    shutil.copytree(
        assets.folder("pipelines"), work, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git*", "__pycache__")
    )
    run("add", "--all")
    if run("status", "--porcelain"):
        run("commit", "--quiet", "--message", "Pipelines AM Cloud")
    commit = run("rev-parse", "HEAD")
    if not published or any(not line.startswith(commit) for line in published):
        run("push", "--quiet", "--force", remote, f"HEAD:refs/heads/{BRANCH}", f"+HEAD:refs/tags/{PIPELINES_TAG}")
    return commit


def _git(folder: Path, token: str, *arguments: str) -> str:
    env = {
        **os.environ,
        **{
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "AM Cloud"), ("EMAIL", "amcloud@forge.example"))
        },
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        # The token reaches git by the environment: in no argument, address or file.
        "FORGE_TOKEN": token,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": '!f() { echo username=oauth2; echo "password=$FORGE_TOKEN"; }; f',
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()
