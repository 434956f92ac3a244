"""``make demo APP=…``: any repository is taken as the samples are: pushed, declared, judged, hosted or refused."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amcloud_sandbox.demo import cluster, ending, projects
from amcloud_sandbox.demo.developer import quote_status
from amcloud_sandbox.demo.programs import WorkTree, run
from amcloud_sandbox.demo.projects import Pushed
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
    sources = _sources(scene, wanted)
    manifest = _manifest(sources, wanted.name)
    cast = scene.declare(manifest, sources)
    cast.pushed_at = time.monotonic()
    cast.pushed = _push(scene, cast.project, wanted.name, sources)
    narrator.say(f"git push : {cast.project}, commit {cast.commit[:8]}")
    scene.platform.kubectl.apply(manifest)
    status = scene.wait_for_verdict(cast)
    quote_status(scene, cast, status)
    if status.status == "success" and manifest["spec"]["track"] != "hors-standard":
        scene.wait_until_served_or_refused(cast)
    narrator.quote("kubectl get lapp -A", scene.platform.kubectl("get", "lapp", "-A"))
    found = scene.local_app(cast)
    narrator.say(str(cluster.condition(found, "Ready").get("message", "")))
    ending.summary(scene)


def _sources(scene: Scene, wanted: Source) -> Path:
    """A folder with what is to be pushed: a fresh clone of a repository, or the plain folder itself."""
    if not _is_repository(wanted.location):
        return Path(wanted.location)
    folder = scene.work / f"{wanted.name}.clone"
    shutil.rmtree(folder, ignore_errors=True)
    run(["git", "clone", "--quiet", "--no-hardlinks", wanted.location, str(folder)])
    return folder


def _is_repository(location: str) -> bool:
    return bool(GIT_URL.match(location)) or (Path(location) / ".git").exists()


def _push(scene: Scene, project: str, name: str, sources: Path) -> Pushed:
    """A repository's own commits replace what the branch held; a plain folder becomes one more commit."""
    if not (sources / ".git").exists():

        def write(folder: Path) -> None:
            shutil.copytree(sources, folder, symlinks=True, dirs_exist_ok=True)

        return projects.push_content(scene.platform, project, scene.work / name, write, f"Import de {sources.name}")
    tree = WorkTree(sources, scene.platform.forge_developer_token)
    url = f"{scene.platform.forge_url}/{project}.git"
    tree.git("push", "--quiet", "--force", url, f"HEAD:refs/heads/{projects.BRANCH}")
    return Pushed(project, tree.git("rev-parse", "HEAD").strip())


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
        "stages": [{"name": STAGE, "ref": {"branch": projects.BRANCH}}],
        "organisations": [code],
    }
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": cluster.API, "kind": "LocalApp", "metadata": metadata, "spec": spec}
