"""What stands behind the story: the machine is checked, AM Cloud is started and installed, then an act is played."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox import apps, binaries, images, lifecycle, parts, prerequisites
from amcloud_sandbox.demo import anyapp, foreign, install, platform, story
from amcloud_sandbox.demo.narrator import Narrator
from amcloud_sandbox.demo.platform import Platform
from amcloud_sandbox.demo.programs import run_any
from amcloud_sandbox.demo.scene import Scene
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.progress import Progress

FIRST_REFUSED = "annuaire-local"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for; all ``None``: the samples on this machine's own cluster."""

    app: str | None = None
    context: str | None = None
    registry: str | None = None
    forge: str | None = None


def play(narrator: Narrator, wishes: Wishes) -> None:
    """The whole job, observed.

    Raises:
        SandboxError: the machine, the cluster or a service lacks something.
        ObservationFailedError: something that is promised was not observed.
    """
    layout = Layout()
    elsewhere = foreign.chosen(wishes.context, wishes.registry, wishes.forge)
    source = anyapp.source(wishes.app) if wishes.app else None
    names = foreign.PARTS if elsewhere else None
    prerequisites.ensure(parts.load(names), layout=layout, say=narrator.say)
    if source is None:
        _first_refusal(narrator, layout)

    narrator.title("AM Cloud démarre sur cette machine")
    with Progress() as progress:
        lifecycle.prepare(layout=layout, progress=progress)
        lifecycle.up(names, layout=layout, progress=progress)
    kubectl = str(binaries.ensure(("kubectl",), layout=layout, say=narrator.say).path("kubectl"))
    where = platform.of_sandbox(layout, kubectl=kubectl)
    if elsewhere:
        where = foreign.platform_of(elsewhere, where)
    scene = _ready(narrator, where)
    if source is None:
        story.tell(scene)
    else:
        anyapp.tell(scene, source)


def close(narrator: Narrator) -> None:
    """Everything that was started or made is gone; the caches stay."""
    with Progress() as progress:
        lifecycle.down(None, layout=Layout(), progress=progress)
    narrator.say("tout est arrêté ; les caches restent")


def _first_refusal(narrator: Narrator, layout: Layout) -> None:
    """The same norms on a laptop, before anything is started."""
    narrator.title("Sur le poste du développeur, avant même de pousser")
    folder = layout.state / "demo" / f"{FIRST_REFUSED}.poste"
    shutil.rmtree(folder, ignore_errors=True)
    apps.write(FIRST_REFUSED, apps.revisions(FIRST_REFUSED)[0], folder)
    code, text = run_any([str(Path(sys.executable).with_name("amcloud")), "check", str(folder)])
    narrator.quote(f"amcloud check {FIRST_REFUSED}", text)
    narrator.expect(code == 1, "le contrôle refuse, et dit pourquoi", instead=f"code de sortie {code}")


def _ready(narrator: Narrator, where: Platform) -> Scene:
    """Images, operator, norms and organisations are in place."""
    narrator.title("Les images de base et l'opérateur sont fabriqués et installés")
    target = foreign.target(where)
    images.php_base(where.layout, narrator.say, target)
    images.python_base(where.layout, narrator.say, target)
    image = images.operator(where.layout, narrator.say, target)
    hook_url = install.prepare(where, narrator, image=image)
    work = where.layout.state / "demo"
    work.mkdir(parents=True, exist_ok=True)
    return Scene(where, narrator, work, hook_url)
