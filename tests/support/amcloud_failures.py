"""A project on the forge's stand-in, followed by the real story: what goes wrong, and what is then read where.

Forge and git are real clients over HTTP; cluster, database and norm engine are those of the unit tests; time is ours.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from amcloud_fakes import FakeWorld
from amcloud_samples import SETTINGS, image_of, manifest

from amcloud import reconcile
from amcloud.clients.budget import Budget
from amcloud.clients.forge import GitlabForge
from amcloud.clients.registry import OciRegistry
from amcloud.clients.source import GitSource
from amcloud.ports import World
from amcloud_sandbox.testing.forge import CI_FILE, RunningForge

RESYNC_S = 300.0
JUNIT = '<testsuite><testcase classname="IsolationTest" name="a"/></testsuite>'
_numbers = itertools.count(1)


@dataclass
class Scene:
    """One project, one LocalApp, the operator's eyes and the developer's."""

    forge: RunningForge
    folder: Path
    path: str = field(default_factory=lambda: f"cpam-bas-rhin/panne-{next(_numbers)}")
    credentials: str | None = None
    registry: OciRegistry | None = None
    """The real client of a registry; images in memory without it."""

    def __post_init__(self) -> None:
        self.project = self.forge.project(self.path, visibility="public", maintainers=("amcloud",))
        self.outside = FakeWorld(settings=replace(SETTINGS, forge_token=self.forge.user("amcloud")))
        self.outside.time = datetime.now(UTC)
        self.outside.cluster.add(manifest(repository={"project": self.path}))
        self.outside.cluster.forge_token = lambda app: self.credentials  # type: ignore[method-assign,assignment]
        self.token_file = self.folder / "token"
        self.token_file.write_text(self.forge.user("amcloud"), encoding="utf-8")
        self.budget = Budget(clock=self.seconds, sleep=self.outside.passes)
        self.gitlab = GitlabForge(
            self.forge.url, "", budget=self.budget, token_file=self.token_file, clock=self.seconds
        )
        own = self.gitlab.calls
        self.source = GitSource(self.forge.url, self.folder / "git", budget=self.budget, own_token=lambda: own.token)

    def seconds(self) -> float:
        """The scene's time."""
        return self.outside.time.timestamp()

    def world(self) -> World:
        """What a pass is handed."""
        registry: Any = self.registry or self.outside.registry
        made = self.outside.world()
        return replace(made, forge=self.gitlab, source=self.source, registry=registry, cause="envoi-de-la-forge")

    def push(self, files: dict[str, str] | None = None, *, message: str = "Change") -> str:
        """A developer pushes; whole unless told otherwise."""
        whole = {".gitlab-ci.yml": CI_FILE, "a": str(next(_numbers))} if files is None else files
        return self.forge.commit(self.path, whole, message=message)

    def one_pass(self) -> reconcile.Next:
        """One pass, now."""
        found = self.outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
        assert found is not None
        return reconcile.reconcile(found, self.world())

    def waits(self, passes: int = 12) -> None:
        """So many passes, each when the one before said: nobody does anything."""
        for _ in range(passes):
            after_s = self.one_pass().after_s
            self.outside.passes(min(RESYNC_S, RESYNC_S if after_s is None else after_s + 1))

    def built(self, commit: str, **ended: Any) -> None:
        """The newest pipeline of a commit ends; with success, its image is in the registry."""
        found: Any = self.forge.client().projects.get(self.project.id).pipelines.list(sha=commit, get_all=True)
        number = max(one.id for one in found if one.source != "external")
        body = {
            "jobs": {"tests": "success", "build-image": "success"},
            "files": {"tests": {"junit.xml": JUNIT}},
            **ended,
        }
        self.forge.internal("POST", f"/pipelines/{number}/finish", body)
        if not ended:
            self.outside.registry.images[commit] = image_of(commit)

    def pipelines(self, commit: str) -> int:
        """How many pipelines a commit had."""
        found: Any = self.forge.client().projects.get(self.project.id).pipelines.list(sha=commit, get_all=True)
        return sum(one.source != "external" for one in found)

    def reads(self, commit: str) -> dict[str, tuple[str, str]]:
        """What the developer reads on a commit: state and sentence of each of our statuses."""
        listed: Any = (
            self.forge.client().projects.get(self.project.id).commits.get(commit, lazy=True).statuses.list(get_all=True)
        )
        return {s.name: (s.status, s.description) for s in sorted(listed, key=lambda s: s.id) if "amcloud/" in s.name}

    def ready(self) -> tuple[str, str, str]:
        """What the operator reads first on the LocalApp."""
        return self.condition("Ready")

    def condition(self, type_: str) -> tuple[str, str, str]:
        """Status, reason and message of a condition."""
        found = self.outside.cluster.status().get("conditions", [])
        one = next((c for c in found if c["type"] == type_), {})
        return one.get("status", ""), one.get("reason", ""), one.get("message", "")

    def serves(self, commit: str) -> None:
        """The commit is in service and everybody was told, without anybody's hand."""
        for _ in range(12):
            self.waits(1)
            stage = next(iter(self.outside.cluster.status().get("stages", [])), {})
            notified = self.condition("ForgeNotified")[0] == "True"
            if self.ready()[1] == "Serving" and stage.get("deployedCommit") == commit and notified:
                break
        assert self.ready()[:2] == ("True", "Serving"), self.ready()
        told = self.reads(commit)
        assert told["amcloud/acceptance"][0] == told["amcloud/psram"][0] == "success", told
        assert self.condition("ForgeNotified")[:2] == ("True", "Notified")
        assert "owedStatuses" not in self.outside.cluster.status()
