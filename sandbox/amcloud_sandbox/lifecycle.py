"""All parts up in their order, all down in the opposite one; what is running, and what never should be left."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox import images, leftovers, network, parts, preparation, prerequisites, processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.locks import one_at_a_time
from amcloud_sandbox.progress import Progress


@dataclass(frozen=True, slots=True)
class PartState:
    """What `status` says of one part."""

    name: str
    title: str
    healthy: bool


def prepare(*, layout: Layout, progress: Progress) -> None:
    """All that the sandbox and the tests need is installed and compiled; nothing is started.

    Raises:
        SandboxError: the machine lacks something that cannot be installed or compiled.
    """
    with progress.step("vérification de la machine"):
        prerequisites.ensure(parts.load(), extra=images.DEBIAN_PACKAGES, starts=False, layout=layout, say=progress.say)
    _make_state_folder(layout)
    with progress.step("compilation, téléchargements, images de base"):
        preparation.run(preparation.TASKS, layout=layout, say=progress.say)


def up(names: Sequence[str] | None, *, layout: Layout, progress: Progress) -> None:
    """The parts called ``names`` (all when None) are healthy; those that were already are left alone.

    Raises:
        SandboxError: the machine lacks something, or a part does not start; what has started stays up.
    """
    chosen = parts.load(names)
    with one_at_a_time(_lock(layout), doing="démarrage ou arrêt du bac à sable", say=progress.say):
        with progress.step("vérification de la machine"):
            extra = () if names else images.DEBIAN_PACKAGES  # images are built once all is up
            prerequisites.ensure(chosen, extra=extra, layout=layout, say=progress.say)
        _make_state_folder(layout)
        layout.run.mkdir(parents=True, exist_ok=True)
        layout.credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
        network.ensure_host_address()
        _bridge_is_ours(layout).touch()
        for part in chosen:
            if part.healthy(layout):
                progress.line(f"{part.title} : déjà prêt")
                continue
            with progress.step(part.title):
                part.up(layout, progress.say)


def _make_state_folder(layout: Layout) -> None:
    """The state folder can be walked through by the accounts of PostgreSQL and of the runner, whoever made it first."""
    layout.state.mkdir(parents=True, exist_ok=True)
    layout.state.chmod(0o755)


def down(names: Sequence[str] | None, *, layout: Layout, progress: Progress) -> None:
    """Nothing of the parts called ``names`` (all when None) is left; caches stay. Fine when nothing runs.

    A part that fails to stop does not keep the others from stopping.

    Raises:
        SandboxError: at the end, with all that failed.
    """
    failed: list[str] = []
    with one_at_a_time(_lock(layout), doing="démarrage ou arrêt du bac à sable", say=progress.say):
        for part in reversed(parts.load(names)):
            with progress.step(f"arrêt : {part.title}"):
                try:
                    part.down(layout)
                except (SandboxError, OSError) as error:
                    failed.append(f"{part.title} : {error}")
        if names is None and not failed:
            _remove_all(layout)
    if failed:
        raise SandboxError("tout n'a pas pu être arrêté", "\n".join(failed))


def _remove_all(layout: Layout) -> None:
    for name in processes.names(layout=layout):
        processes.stop(name, layout=layout)
    if _bridge_is_ours(layout).exists():
        network.remove_host_address()
    leftovers.unmount_under(layout.state)
    shutil.rmtree(layout.state, ignore_errors=True)


def status(layout: Layout) -> tuple[PartState, ...]:
    """The state of every part, in starting order."""
    return tuple(PartState(part.name, part.title, part.healthy(layout)) for part in parts.load())


def _bridge_is_ours(layout: Layout) -> Path:
    # a sandbox with another state folder does not take the bridge away from this one
    return layout.state / "bridge"


def _lock(layout: Layout) -> Path:
    # not in the state folder, which `down` removes
    return layout.cache / "sandbox.lock"
