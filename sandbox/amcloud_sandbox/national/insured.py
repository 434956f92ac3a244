"""Sample insured persons: visibly nobody. Their numbers are not social security numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Insured:
    """A made-up person."""

    number: str
    name: str
    organisation: str
    """Code of the fund."""
    open_rights: bool

    def v1(self) -> dict[str, Any]:
        """As the first version answered: little."""
        return {"numero": self.number, "nom": self.name}

    def v2(self) -> dict[str, Any]:
        """As the current version answers."""
        return {**self.v1(), "organisme": self.organisation, "droits": {"ouverts": self.open_rights}}


SAMPLES = {
    one.number: one
    for one in (
        Insured("EX-0001", "Camille Exemple", "671", open_rights=True),
        Insured("EX-0002", "Dominique Fictif", "671", open_rights=False),
        Insured("EX-0003", "Claude Échantillon", "681", open_rights=True),
    )
}
