"""What takes long and needs no running service, done side by side: compilation beside downloads and base images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from amcloud_sandbox import binaries, images
from amcloud_sandbox.composer import repository
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.parts import forge

Say = Callable[[str], None]
Task = Callable[[Layout, Say], object]


def _kubernetes(layout: Layout, say: Say) -> None:
    binaries.ensure(binaries.CLUSTER_PROGRAMS, layout=layout, say=say)


# The longest first: the others fill the time in which it waits or uses one core.
TASKS: Mapping[str, Task] = {
    "programmes de Kubernetes": _kubernetes,
    "dépôt Composer": repository.build,
    "gitlab-ci-local": forge.ensure_ci_local,
    "images de base": images.prebuild,
}


def run(tasks: Mapping[str, Task], *, layout: Layout, say: Say) -> None:
    """Every task is done; each line says whose it is.

    Raises:
        SandboxError: the first failure, once the tasks that had begun have ended.
    """
    with ThreadPoolExecutor(max_workers=len(tasks)) as workers:
        running = [workers.submit(_told, name, task, layout, say) for name, task in tasks.items()]
        wait(running, return_when=FIRST_EXCEPTION)
        for one in running:
            one.cancel()
    for one in running:
        if not one.cancelled():
            one.result()


def _told(name: str, task: Task, layout: Layout, say: Say) -> None:
    began = time.monotonic()
    task(layout, lambda text: say(f"{name} : {text}"))
    say(f"{name} : fait en {time.monotonic() - began:.0f} s")
