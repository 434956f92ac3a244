"""How full an instance's database is, against ``spec.hosting.database.storage``. Told, never enforced.

It is told by steps, so that a database that grows by a row an hour does not change the status at each pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STEPS: Final = (100, 90, 80)
"""Percents of what was asked for from which something is said, highest first."""
GIB: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Storage:
    """Room that a database takes, with its indexes, and room that was asked for."""

    used_bytes: int
    asked_gib: int

    @property
    def step(self) -> int | None:
        """The highest of :data:`STEPS` that is reached, or ``None``."""
        return next((step for step in STEPS if self.used_bytes * 100 >= step * self.asked_gib * GIB), None)

    @property
    def exceeded(self) -> bool:
        """Whether it takes all that was asked for, or more."""
        return self.step == max(STEPS)

    def sentence(self) -> str:
        """What to tell the developer and the operator; empty while there is room."""
        if self.exceeded:
            return (
                f"la base occupe les {self.asked_gib} Gio demandés, ou plus. Rien n'est coupé ni refusé : effacez ou "
                "archivez des données, ou demandez plus."
            )
        if self.step is None:
            return ""
        return (
            f"la base occupe plus de {self.step} % des {self.asked_gib} Gio demandés : "
            "prévoyez d'archiver, ou demandez plus."
        )
