"""Is an instance's database closed between organisations? What the probe saw of each table → yes, no, or not known.

The probe itself is in :mod:`amcloud.clients.isolation`: it acts as two synthetic organisations on the real tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

READER, OWNER_OF_CANARIES = "998", "999"
"""Codes of the two synthetic organisations: no real one may have them."""
TENANT_COLUMN: Final = "organisation"
NAMED: Final = 3
"""Tables that a sentence names before it counts the others."""


class Breach(StrEnum):
    """What one organisation could do to another's rows."""

    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    INSERT = "insert"
    READ_WITHOUT_ORGANISATION = "read-without-organisation"


_SAID: Final = {
    Breach.READ: "lire les lignes",
    Breach.UPDATE: "modifier les lignes",
    Breach.DELETE: "effacer les lignes",
    Breach.INSERT: "écrire au nom",
    Breach.READ_WITHOUT_ORGANISATION: "lire, sans organisme courant, les lignes",
}


@dataclass(frozen=True, slots=True, order=True)
class TableProbe:
    """What was seen of one table (or view) that has a tenant column."""

    table: str
    """Its name, with its schema when that is not ``public``."""
    breaches: tuple[Breach, ...] = ()
    unproven: str = ""
    """Why nothing could be proven of it; empty when a canary row was really looked for."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """What was seen of a database: tables in order of their names. None at all is isolated: nothing is shared."""

    tables: tuple[TableProbe, ...] = ()

    @property
    def leaks(self) -> tuple[TableProbe, ...]:
        """Tables where one organisation reaches another's rows."""
        return tuple(one for one in self.tables if one.breaches)

    @property
    def unproven(self) -> tuple[TableProbe, ...]:
        """Tables of which nothing could be proven, and that did not leak."""
        return tuple(one for one in self.tables if one.unproven and not one.breaches)

    @property
    def isolated(self) -> bool | None:
        """``False`` when a table leaks, ``None`` when one could not be proven, else ``True``."""
        if self.leaks:
            return False
        return None if self.unproven else True

    def sentence(self) -> str:
        """What to tell the operator and the developer."""
        if self.leaks:
            said = "; ".join(f"{one.table} : un organisme peut {_can(one)} d'un autre" for one in self.leaks[:NAMED])
            return f"Fuite entre organismes constatée en base. {said}{_others(self.leaks)}."
        if self.unproven:
            said = "; ".join(f"{one.table} ({one.unproven})" for one in self.unproven[:NAMED])
            return f"Isolation non prouvée pour {said}{_others(self.unproven)}."
        if not self.tables:
            return "Aucune table n'est partagée entre organismes."
        return f"Isolation constatée sur {len(self.tables)} table{'s' if len(self.tables) > 1 else ''}."


def _can(probe: TableProbe) -> str:
    return ", ".join(_SAID[breach] for breach in probe.breaches)


def _others(probes: tuple[TableProbe, ...]) -> str:
    left = len(probes) - NAMED
    return f"; et {left} autre{'s' if left > 1 else ''}" if left > 0 else ""
