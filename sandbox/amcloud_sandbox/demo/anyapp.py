"""``make demo APP=…``: any repository is taken as the samples are: pushed, declared, judged, hosted or refused."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amcloud_sandbox.demo import cluster, ending
from amcloud_sandbox.demo.developer import quote_status
from amcloud_sandbox.demo.programs import WorkTree, run
from amcloud_sandbox.demo.projects import BRANCH, Pushed
from amcloud_sandbox.demo.scene import STAGE, Scene, manifest_of
from amcloud_sandbox.errors import SandboxError

GIT_URL = re.compile(r"^(https?|file)://|^git@")
NAME = re.compile(r"[^a-z0-9]+")
MAX_NAME = 40


@dataclass(frozen=True, slots=True)
class Source:
    """A repository to take: a folder or an address that git can clone."""

    name: str
    location: str


def source(wished: str) -> Source:
    """What ``APP=`` names.

    Raises:
        SandboxError: neither a folder nor an address.
    """
    is_url = GIT_URL.match(wished) is not None
    if not is_url and not Path(wished).is_dir():
        raise SandboxError(f"APP={wished}", "ni un dossier, ni une adresse git (https://…)")
    location = wished if is_url else str(Path(wished).resolve())
    name = NAME.sub("-", Path(location.rstrip("/").removesuffix(".git")).name.lower()).strip("-")[:MAX_NAME].strip("-")
    if not name or not name[0].isalpha():
        name = f"app-{name}".strip("-")[:MAX_NAME]
    return Source(name, location)


def tell(scene: Scene, wanted: Source) -> None:
    """The repository is pushed to the forge, declared, and its verdict and hosting are awaited and told."""
    narrator = scene.narrator
    narrator.title(f"{wanted.name} est poussée dans la forge et déclarée")
    folder = _clone(scene, wanted)
    manifest = _manifest(folder, wanted.name)
    cast = scene.declare(manifest, folder)
    cast.pushed_at = time.monotonic()
    tree = WorkTree(folder, scene.platform.forge_developer_token)
    cast.pushed = Pushed(cast.project, tree.push(f"{scene.platform.forge_url}/{cast.project}.git", BRANCH))
    scene.platform.kubectl.apply(manifest)
    status = scene.wait_for_verdict(cast)
    quote_status(scene, cast, status)
    if status.status == "success" and manifest["spec"]["track"] != "hors-standard":
        scene.wait_until_served_or_refused(cast)
    narrator.quote("kubectl get lapp -A", scene.platform.kubectl("get", "lapp", "-A"))
    found = scene.local_app(cast)
    narrator.say(str(cluster.condition(found, "Ready").get("message", "")))
    ending.summary(scene)


def _clone(scene: Scene, wanted: Source) -> Path:
    folder = scene.work / wanted.name
    shutil.rmtree(folder, ignore_errors=True)
    if (Path(wanted.location) / ".git").exists() or GIT_URL.match(wanted.location):
        run(["git", "clone", "--quiet", "--no-hardlinks", wanted.location, str(folder)])
        return folder
    shutil.copytree(wanted.location, folder, symlinks=True)
    tree = WorkTree(folder, "")
    tree.git("init", "--quiet", f"--initial-branch={BRANCH}")
    tree.git("add", "--all", "--force")
    identity = ("-c", "user.name=Équipe exemple", "-c", "user.email=equipe@exemple.invalid")
    tree.git(*identity, "commit", "--quiet", "--allow-empty", "--message", "Import")
    return folder


def _manifest(folder: Path, name: str) -> dict[str, Any]:
    """The repository's own LocalApp when it carries one, else the simplest declaration for the first organisation."""
    code, _, namespace, _ = cluster.ORGANISATIONS[0]
    if (folder / "localapp.yaml").is_file():
        return manifest_of(folder)
    spec = {
        "title": name,
        "owner": {"organisation": code, "contact": "contact@exemple.invalid"},
        "track": "homologation",
        "lifecycle": "service",
        "repository": {"project": f"{namespace}/{name}", "credentialsRef": {"name": "forge-token"}},
        "stages": [{"name": STAGE, "ref": {"branch": BRANCH}}],
        "organisations": [code],
    }
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": cluster.API, "kind": "LocalApp", "metadata": metadata, "spec": spec}
