"""The outside world: each module adapts one service to one Protocol of ``ports`` and its errors to ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amcloud.ports import World
    from amcloud.settings import Settings


def world(settings: Settings) -> World:
    """All services of one installation. Imported late: one client is often wanted without the others.

    Raises:
        BrokenInstallationError: there is no way to reach a cluster from here.
    """
    from amcloud.clients import assembly

    return assembly.world(settings)
