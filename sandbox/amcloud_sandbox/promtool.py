"""Prometheus' own ``promtool``, to judge alerts on series; from the PATH, else from Debian's package, not installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from amcloud_sandbox.apt import PrivateApt
from amcloud_sandbox.layout import Layout

PACKAGE = "prometheus"


def ensure(*, layout: Layout, say: Callable[[str], None]) -> Path:
    """The program, fetched once and kept in the cache.

    Raises:
        SandboxError: it is neither on this machine nor on the mirrors that it uses.
    """
    if found := shutil.which("promtool"):
        return Path(found)
    kept = layout.cache / "promtool"
    if not kept.exists():
        work = layout.cache / "promtool.work"
        shutil.rmtree(work, ignore_errors=True)
        unpacked = PrivateApt(work).prepare(say).unpack(PACKAGE, say)
        (unpacked / "usr" / "bin" / "promtool").rename(kept)
        shutil.rmtree(work)
    return kept
