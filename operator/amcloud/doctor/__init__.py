"""``amcloud doctor``: what is examined, family by family.

A family is one module with ``examine(ground)``; adding one is a line here.
A family looks and says; it changes nothing. What the services answer is read by ``clients/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from amcloud.doctor.findings import Finding, State
from amcloud.doctor.ground import Ground
from amcloud.errors import AmcloudError

__all__ = ["CLUSTER", "PROJECT", "Family", "Finding", "Ground", "State", "examine"]


@dataclass(frozen=True, slots=True)
class Family:
    """A family of checks; ``module`` has ``examine(ground) -> Iterable[Finding]``, imported when it is its turn."""

    name: str
    title: str
    """In French, as a heading."""
    module: str

    def examine(self, ground: Ground) -> Iterable[Finding]:
        """Every finding of the family."""
        found: Callable[[Ground], Iterable[Finding]] = import_module(self.module).examine
        return found(ground)


CLUSTER: Final = (
    Family("cluster", "Cluster", "amcloud.doctor.cluster"),
    Family("kinds", "Définitions (CRD)", "amcloud.doctor.kinds"),
    Family("rights", "Droits de l'opérateur", "amcloud.doctor.rights"),
    Family("settings", "Réglages et secrets", "amcloud.doctor.configuration"),
    Family("norms", "Normes", "amcloud.doctor.norms"),
    Family("organisations", "Organismes", "amcloud.doctor.organisations"),
    Family("services", "Services", "amcloud.doctor.services"),
    Family("operations", "Exploitation", "amcloud.doctor.operations"),
)
"""What ``amcloud doctor`` examines, in that order."""

PROJECT: Final[tuple[Family, ...]] = (
    Family("project", "Projet, droits et protections", "amcloud.doctor.project"),
    Family("hook", "Webhook", "amcloud.doctor.hook"),
    Family("ci", "Chaîne de fabrication", "amcloud.doctor.ci"),
    Family("localapp", "LocalApp et accès au dépôt", "amcloud.doctor.declaration"),
)
"""What ``amcloud doctor PROJET`` examines: ``ground.project`` is then the project's path in the forge."""


def examine(families: Iterable[Family], ground: Ground) -> Iterator[tuple[Family, tuple[Finding, ...]]]:
    """Each family with what it found; one that could not look says so, and the others go on."""
    for family in families:
        found: list[Finding] = []
        try:
            found.extend(family.examine(ground))
        except AmcloudError as error:
            remedy = "Rendez ce service joignable, ou donnez le droit qui manque, puis recommencez."
            found.append(Finding(family.name, State.UNKNOWN, f"Examen inachevé : {error}", remedy))
        yield family, tuple(found)
