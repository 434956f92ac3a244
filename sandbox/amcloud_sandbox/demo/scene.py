"""What the acts share: the platform, the narrator, and what was pushed and seen of each application."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from amcloud_sandbox.demo import cluster, projects
from amcloud_sandbox.demo.narrator import Narrator
from amcloud_sandbox.demo.platform import Platform
from amcloud_sandbox.demo.projects import Pushed
from amcloud_sandbox.demo.record import Line

STAGE = "acceptance"
PSRAM = "amcloud/psram"
VERDICT_TIMEOUT_S = 120
SERVING_TIMEOUT_S = 300


@dataclass(slots=True)
class Cast:
    """One application of the story."""

    name: str
    namespace: str
    project: str
    line: Line
    work: Path
    pushed: Pushed | None = None
    pushed_at: float = 0.0

    @property
    def commit(self) -> str:
        """The newest commit pushed."""
        assert self.pushed is not None
        return self.pushed.commit


@dataclass(slots=True)
class Scene:
    """The platform, the narrator and the applications, by name."""

    platform: Platform
    narrator: Narrator
    work: Path
    hook_url: str
    casts: dict[str, Cast] = field(default_factory=dict)

    def declare(self, manifest: dict[str, Any], work: Path) -> Cast:
        """The LocalApp's project, credential and manifest exist; nothing is pushed yet."""
        name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        project_path = manifest["spec"]["repository"]["project"]
        project = projects.ensure_project(self.platform, project_path, hook_url=self.hook_url)
        account = projects.let_in(self.platform, project, namespace)
        credentials = manifest["spec"]["repository"].get("credentialsRef")
        if credentials and not self._known(namespace, credentials["name"]):
            token = projects.reading_token(account)
            self.platform.kubectl.apply(cluster.forge_secret(namespace, credentials["name"], token))
        return self.casts.setdefault(name, Cast(name, namespace, project_path, Line(name), work))

    def _known(self, namespace: str, secret: str) -> bool:
        """Whether the organisation's credential is there and the forge still takes it: one made anew knows it not."""
        found = self.platform.kubectl.find("get", "secret", secret, "-n", namespace)
        token = base64.b64decode(((found or {}).get("data") or {}).get("token", "")).decode()
        return bool(token) and projects.accepted(self.platform, token)

    def push(self, cast: Cast, revision: str) -> None:
        """One revision of a sample goes to the forge; only git is used."""
        cast.pushed_at = time.monotonic()
        cast.pushed = projects.push_revision(self.platform, cast.project, cast.name, revision, self.work)
        self.narrator.say(f"git push : {cast.project} révision {revision}, commit {cast.commit[:8]}")

    def local_app(self, cast: Cast) -> Any:
        """The LocalApp as kubectl shows it."""
        return cluster.local_app(self.platform, cast.namespace, cast.name)

    def wait_for_verdict(self, cast: Cast) -> Any:
        """The commit's status ``amcloud/psram``, once it is a verdict."""
        assert cast.pushed is not None
        pushed = cast.pushed

        def verdict() -> Any | None:
            status = projects.statuses(self.platform, pushed).get(PSRAM)
            return status if status is not None and status.status in {"success", "failed"} else None

        status = self.narrator.wait(f"{cast.name} : verdict", verdict, timeout_s=VERDICT_TIMEOUT_S)
        cast.line.commit, cast.line.verdict_s = cast.commit, time.monotonic() - cast.pushed_at
        cast.line.verdict = "conforme" if status.status == "success" else "refusée"
        cast.line.report_url = (status.target_url or "").partition("?")[0]  # less its correlation, for what is added
        return status

    def wait_until_serving(self, cast: Cast) -> None:
        """The pushed commit is what serves."""

        def serving() -> bool:
            stage = cluster.stage_status(self.local_app(cast), STAGE)
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in stage.get("conditions", []))
            return stage.get("deployedCommit") == cast.commit and ready

        self.narrator.wait(f"{cast.name} : mise en service", serving, timeout_s=SERVING_TIMEOUT_S)
        stage = cluster.stage_status(self.local_app(cast), STAGE)
        cast.line.serving_s, cast.line.url = time.monotonic() - cast.pushed_at, stage["url"]
        served = (self.local_app(cast)["status"] or {}).get("organisationsServed", 0)
        cast.line.organisations = str(served)

    def wait_until_served_or_refused(self, cast: Cast) -> None:
        """The pass has come to an end: the app serves, or somebody must act."""

        def ended() -> bool:
            found = self.local_app(cast)
            return any(cluster.condition(found, kind).get("status") == "True" for kind in ("Ready", "Stalled"))

        self.narrator.wait(f"{cast.name} : hébergement", ended, timeout_s=SERVING_TIMEOUT_S)
        if cluster.condition(self.local_app(cast), "Ready").get("status") == "True":
            self.wait_until_serving(cast)


def manifest_of(folder: Path) -> dict[str, Any]:
    """The LocalApp that an application's repository carries."""
    manifest: dict[str, Any] = yaml.safe_load((folder / "localapp.yaml").read_text(encoding="utf-8"))
    return manifest
