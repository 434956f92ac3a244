"""The forge shows where an application runs: what it is told after a pass, and when an application goes."""

from __future__ import annotations

from collections.abc import Sequence

from amcloud import errors
from amcloud.ports import World
from amcloud.stages import deployments, manifest
from amcloud.stages.app import App
from amcloud.stages.outcome import StageOutcome
from amcloud.stages.render import Object


def show(
    app: App, outcomes: Sequence[StageOutcome], others: Sequence[Object], world: World
) -> errors.AmcloudError | None:
    """Deployments of this pass are shown; why they could not be, if so: a later pass does."""
    if app.repository is None:
        return None
    try:
        world.deployments.record(app.source.project, deployments.records(app, outcomes, others))
    except errors.RepositoryRefusedError:
        return None  # environments are switched off, or the project is gone: the stages say that one
    except errors.AmcloudError as error:
        return error
    return None


def end(found: Object, others: Sequence[Object], world: World) -> None:
    """Where an application that goes did run is shown as stopped, if the forge answers: it holds nothing up.

    Nothing is asked for a manifest that was never valid: its project may be somebody else's.
    """
    project = ""
    try:
        app = manifest.parse(found, world.cluster.organisations(), world.cluster.namespace_organisation)
        project = app.source.project if app.repository else ""
        ended = deployments.at_the_end(app, others)
        if ended.ended:
            world.deployments.record(project, ended)
    except errors.InvalidManifestError:
        return
    except errors.AmcloudError as error:
        world.cluster.emit(found, deployments.left(project, error))
