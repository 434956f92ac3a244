"""An instance's end, with its application or with a stage given up: what goes, and in which order.

Needs no forge, no database and no valid manifest: what cannot be removed now is said, and owed (``leftovers``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from amcloud import errors, leftovers, showing
from amcloud.ports import World
from amcloud.stages import manifest, render
from amcloud.stages.manifest import App, DeletionPolicy
from amcloud.stages.objects.operations import Object


def release(found: Object, world: World, others: Sequence[Object] = ()) -> bool:
    """The app's instances go, and its data if its policy is ``Delete``; whether nothing of it is left."""
    waiting = [_remove(found, namespace, world) for namespace in world.cluster.instances(found)]
    if not all(waiting):
        return False
    showing.end(found, others, world)
    world.cluster.set_finalizer(found, present=False)
    return True


def give_up(app: App, found: Object, world: World) -> None:
    """Instances that the manifest no longer asks for go: a stage taken out, or an app that became hors-standard."""
    hosted = app.track is not manifest.Track.HORS_STANDARD
    wanted = {render.place(app, stage, domain=world.settings.domain).namespace for stage in app.stages if hosted}
    for namespace in world.cluster.instances(found):
        if namespace not in wanted:
            _remove(found, namespace, world)


def _remove(found: Object, namespace: str, world: World) -> bool:
    """Whether an instance is gone; its data goes first, if the manifest says so and the database answers."""
    if manifest.deletion_policy(found) is DeletionPolicy.DELETE:
        try:
            world.database.drop(render.database_name(namespace))
        except errors.AmcloudError as error:
            leftovers.owe(found, namespace, error, world)
    else:
        with contextlib.suppress(errors.AmcloudError):  # an empty schema and sample rows: nothing that is worth a wait
            world.walks.end(render.database_name(namespace))
    return world.cluster.delete_namespace(namespace)
