"""Data that had to go with their application while the database did not answer: remembered, and removed when it does.

The application's deletion does not wait for that. What is owed stands in ConfigMaps of the operator's own namespace, so
that neither the application's end nor a restart forgets it.
"""

from __future__ import annotations

import contextlib
import threading

from amcloud import errors
from amcloud.ports import World
from amcloud.stages import render, report
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import Place

_one_at_a_time = threading.Lock()
"""A name may come back while its former data are being removed: never both at once (there is one operator)."""


def owe(found: Object, namespace: str, error: errors.AmcloudError, world: World) -> None:
    """The instance's data could not be removed: that is said, and done later."""
    world.cluster.owe(world.settings.namespace, namespace)
    world.cluster.emit(found, report.data_left(namespace, error))


def settle(place: Place, world: World) -> None:
    """Before an instance of that name begins: what is owed of a former one is removed first.

    Raises:
        UnavailableError: the database does not answer; the new instance waits.
    """
    with _one_at_a_time:
        if place.namespace in world.cluster.owed(world.settings.namespace):
            _remove(place.namespace, world)


def sweep(world: World) -> tuple[str, ...]:
    """Remove what is owed of instances that are gone; which ones were removed. A database that is down is met later."""
    done = []
    for namespace in world.cluster.owed(world.settings.namespace):
        with _one_at_a_time, contextlib.suppress(errors.AmcloudError):
            still = namespace in world.cluster.owed(world.settings.namespace)
            if still and world.cluster.instance_owner(namespace) is None:
                _remove(namespace, world)
                done.append(namespace)
    return tuple(done)


def _remove(namespace: str, world: World) -> None:
    world.database.drop(render.database_name(namespace))
    world.cluster.settle(world.settings.namespace, namespace)
