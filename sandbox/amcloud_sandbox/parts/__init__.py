"""The services of the sandbox: one module a service, in the order in which they start.

What belongs here: the shape of a part and the list of them. A new part is one module with a ``PART`` and one name
in :data:`ORDER`. Parts are imported by name, when needed.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Protocol

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout

# Order of starting; stopping goes the other way.
ORDER: tuple[str, ...] = (
    "kubernetes",
    "node",
    "registry",
    "postgres",
    "composer",
    "identity",
    "national",
    "forge",
    "edge",
)


class Part(Protocol):
    """One service of the sandbox."""

    @property
    def name(self) -> str:
        """Short name, the one that ``--parts`` takes."""

    @property
    def title(self) -> str:
        """What it is, in French, as shown in the progress."""

    @property
    def debian_packages(self) -> tuple[str, ...]:
        """Debian packages that must be installed before :meth:`up`."""

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The service is up and healthy on return; idempotent; calls ``say`` at least every 10 s."""

    def down(self, layout: Layout) -> None:
        """Nothing that :meth:`up` started or made is left (caches excepted); idempotent."""

    def healthy(self, layout: Layout) -> bool:
        """Whether the service answers now."""


def available() -> tuple[str, ...]:
    """Names of the parts whose module is installed, in starting order."""
    return tuple(name for name in ORDER if importlib.util.find_spec(f"{__name__}.{name}") is not None)


def load(names: Sequence[str] | None = None) -> tuple[Part, ...]:
    """The parts called ``names`` (all available ones when None), in starting order.

    Raises:
        SandboxError: a name that is no part.
    """
    known = available()
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise SandboxError(f"composant inconnu : {', '.join(unknown)}", f"choix possibles : {', '.join(known)}")
    return tuple(_load(name) for name in known if names is None or name in names)


def _load(name: str) -> Part:
    # A part is the module's PART object, or the module itself when it has the functions.
    module = importlib.import_module(f"{__name__}.{name}")
    part: Part = getattr(module, "PART", module)
    return part
