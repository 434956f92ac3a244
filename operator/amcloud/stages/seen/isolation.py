"""Is an instance closed between organisations? What was seen of its tables and its routes → yes, no, or not known.

Two probes act as two synthetic organisations: :mod:`amcloud.clients.isolation` on the tables, in SQL, and
:mod:`amcloud.clients.walking` on the routes, over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from amcloud.stages.seen.walk import Walk

READER, OWNER_OF_CANARIES = "998", "999"
"""Codes of the two synthetic organisations: no real one may have them."""
LABELS: Final = {READER: "sonde-a", OWNER_OF_CANARIES: "sonde-b"}
"""Their DNS labels, in the pod of a walk and nowhere else."""
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
    """What was seen of an instance: tables in order of their names, and routes; no table at all: nothing is shared.

    ``walk`` is ``None`` where routes were not asked about (a restored database).
    """

    tables: tuple[TableProbe, ...] = ()
    walk: Walk | None = None
    walked_at: datetime | None = None
    """When the routes were walked last."""

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
        """``False`` when a table or a route leaks, ``None`` when one could not be proven, else ``True``."""
        if self.leaks or (self.walk and self.walk.leaks):
            return False
        return None if self.unproven or (self.walk and not self.walk.whole) else True

    def sentence(self) -> str:
        """What to tell the operator and the developer."""
        if self.isolated is False:
            found = self._leaks_said()
            return f"Fuite entre organismes constatée {found}."
        if self.isolated is None:
            tables = "; ".join(f"{one.table} ({one.unproven})" for one in self.unproven[:NAMED])
            said = [f"tables : {tables}{_others(self.unproven)}"] if tables else []
            said += [self.walk.doubt_sentence()] if self.walk and not self.walk.whole else []
            return f"Isolation non prouvée. {' ; '.join(said)}."
        if not self.tables:
            return "Aucune table n'est partagée entre organismes."
        routes = len(self.walk.closed) if self.walk else 0
        walked = f" et {routes} route{'s' if routes > 1 else ''}" if routes else ""
        return f"Isolation constatée sur {len(self.tables)} table{'s' if len(self.tables) > 1 else ''}{walked}."

    def _leaks_said(self) -> str:
        tables = "; ".join(f"{one.table} : un organisme peut {_can(one)} d'un autre" for one in self.leaks[:NAMED])
        said = [f"en base. {tables}{_others(self.leaks)}"] if tables else []
        if self.walk and self.walk.leaks:
            said.append(f"sur les routes. {self.walk.leak_sentence()}")
        return ", et ".join(said)


def _can(probe: TableProbe) -> str:
    return ", ".join(_SAID[breach] for breach in probe.breaches)


def _others(probes: tuple[TableProbe, ...]) -> str:
    left = len(probes) - NAMED
    return f"; et {left} autre{'s' if left > 1 else ''}" if left > 0 else ""
