"""The running sandbox for the end-to-end tests: started when it is not, and then stopped at the end of the session.

Two processes may run them at once, on the one sandbox: see ``tests/conftest.py``. Then ``test_ending.py`` stops it.

``ground`` adds the operator of this checkout, as `make demo` installs it, and a scene to declare and push applications.
Tests that use it take applications of their own names and leave none behind (``Ground.application`` sees to that).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from amcloud_sandbox import access, apps, binaries, images, lifecycle
from amcloud_sandbox.demo import cluster, install, platform, projects
from amcloud_sandbox.demo.narrator import Narrator
from amcloud_sandbox.demo.platform import Platform
from amcloud_sandbox.demo.scene import Cast, Scene, manifest_of
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.progress import Progress

SAMPLE = "suivi-courriers"
LEAVING_S = 180
Change = Callable[[Path], object]


@pytest.fixture(scope="session")
def sandbox_env() -> Iterator[dict[str, str]]:
    """Environment of a shell that uses the sandbox as administrator: KUBECONFIG, PATH with its kubectl, AMCLOUD_*."""
    layout = Layout()
    was_up = layout.kubeconfig.exists()
    with Progress() as progress:
        lifecycle.up(None, layout=layout, progress=progress)
    yield {**os.environ, **access.variables(None, layout=layout, path=os.environ["PATH"])}
    if not was_up and "PYTEST_XDIST_WORKER" not in os.environ:
        with Progress() as progress:
            lifecycle.down(None, layout=layout, progress=progress)


@dataclass(frozen=True)
class Ground:
    """The sandbox with the operator's image installed, and a folder for clones."""

    where: Platform
    image: str
    work: Path
    scene: Scene
    leaving: list[Cast] = field(default_factory=list)
    """Applications that were removed and may take a while to go: nobody waits but the end of the session."""

    @contextlib.contextmanager
    def application(
        self, name: str, change: Change = lambda folder: None, *, manifest: Mapping[str, Any] | None = None
    ) -> Iterator[Cast]:
        """The conforming sample under another name, changed by ``change``, is pushed and declared; removed at the end.

        ``manifest`` holds fields laid over the spec of its LocalApp. Nothing is waited for.
        """
        folder = self.work / f"{name}.source"
        renamed(folder, name)
        declared = manifest_of(folder)
        declared["spec"].update(manifest or {})
        cast = self.scene.declare(declared, folder)
        try:
            self.push(cast, change)
            self.where.kubectl.apply(declared)
            yield cast
        finally:
            self.where.kubectl("delete", "lapp", name, "-n", cast.namespace, "--ignore-not-found", "--wait=false")
            self.leaving.append(cast)
            self.scene.casts.pop(name, None)

    def push(self, cast: Cast, change: Change, *, revision: str = "r1") -> None:
        """A commit of the sample's revision, changed by ``change``, goes to the application's project."""

        def write(folder: Path) -> None:
            renamed(folder, cast.name, revision)
            change(folder)

        cast.pushed_at = time.monotonic()
        cast.pushed = projects.push_content(self.where, cast.project, self.work / cast.name, write, "exemple")

    def stage(self, cast: Cast, stage: str = "acceptance") -> dict[str, Any]:
        """The stage's part of the LocalApp's status; empty when there is none yet."""
        return dict(cluster.stage_status(self.scene.local_app(cast), stage))


@pytest.fixture(scope="session")
def ground(sandbox_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """CRDs, rights, the operator of this checkout, norms, organisations and pipelines are in place."""
    layout, narrator = Layout(), Narrator()
    kubectl = str(binaries.ensure(("kubectl",), layout=layout, say=narrator.say).path("kubectl"))
    where = platform.of_sandbox(layout, kubectl=kubectl)
    images.php_base(layout, narrator.say)
    image = images.operator(layout, narrator.say)
    hook = install.prepare(where, narrator, image=image)
    work = tmp_path_factory.mktemp("ground")
    made = Ground(where, image, work, Scene(where, narrator, work, hook))
    yield made
    deadline = time.monotonic() + LEAVING_S
    while any(made.scene.local_app(cast) for cast in made.leaving):
        assert time.monotonic() < deadline, f"not gone: {[cast.name for cast in made.leaving]}"
        time.sleep(1)


def renamed(folder: Path, name: str, revision: str = "r1") -> None:
    """The conforming sample, under a name of its own: the demonstration has the other."""
    apps.write(SAMPLE, revision, folder)
    manifest = folder / "localapp.yaml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(SAMPLE, name), encoding="utf-8")
