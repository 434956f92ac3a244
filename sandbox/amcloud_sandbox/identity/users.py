"""The sample agents of the directory: visibly no real persons."""

from __future__ import annotations

from dataclasses import dataclass

ORGANISATION_CLAIM = "organisation"


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who may sign in; ``organisation``: 3-digit code of the fund, None for somebody of no fund."""

    subject: str
    name: str
    organisation: str | None

    @property
    def claims(self) -> dict[str, object]:
        """What the id_token says besides the subject (scopes ``profile`` and ``email`` asked for)."""
        claims: dict[str, object] = {"name": self.name, "email": self.subject, "preferred_username": self.subject}
        return claims if self.organisation is None else {**claims, ORGANISATION_CLAIM: self.organisation}


def agent_of(organisation: str) -> Agent:
    """The sample agent of the fund with this 3-digit code."""
    return Agent(f"agent-{organisation}@exemple.invalid", f"Agent {organisation} (exemple)", organisation)


USERS = (
    *map(agent_of, ("671", "681", "311")),
    Agent("agent-sans-organisme@exemple.invalid", "Agent sans organisme (exemple)", None),
)
