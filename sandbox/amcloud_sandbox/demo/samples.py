"""Act 3: three sample applications are pushed with git and declared with kubectl, all for the acceptance stage."""

from __future__ import annotations

import shutil

from amcloud_sandbox import apps
from amcloud_sandbox.demo.scene import Scene, manifest_of

FIRST_REVISION = "r1"
SAMPLES = ("suivi-courriers", "annuaire-local", "tableau-perso")


def push_and_declare(scene: Scene) -> None:
    """Each sample is pushed and its LocalApp applied; the first verdicts are awaited by the next act."""
    scene.narrator.title("Trois applications sont poussées dans la forge et déclarées (kubectl apply)")
    for name in SAMPLES:
        folder = scene.work / f"{name}.source"
        shutil.rmtree(folder, ignore_errors=True)
        apps.write(name, FIRST_REVISION, folder)
        manifest = manifest_of(folder)
        cast = scene.declare(manifest, folder)
        scene.push(cast, FIRST_REVISION)
        scene.platform.kubectl.apply(manifest)
        scene.narrator.say(f"kubectl apply : LocalApp {cast.namespace}/{name}, filière {manifest['spec']['track']}")
