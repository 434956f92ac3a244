"""Credentials of one instance: made, kept, renewed. Passwords are drawn here; PostgreSQL learns them in ``database``.

PostgreSQL has one password a role, so an instance has two roles of each kind that sign in by turns: those of one turn
stay valid until nobody uses them any more (docs/decisions/0009-rotation-by-alternate-roles.md).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from amcloud.stages.declared.app import Rotation
from amcloud.stages.render import Access

SECRET_BYTES: Final = 32


class Turn(StrEnum):
    """Which roles sign in; the value ends their names."""

    FIRST = ""
    SECOND = "_b"

    @property
    def other(self) -> Turn:
        """The roles that do not."""
        return Turn.SECOND if self is Turn.FIRST else Turn.FIRST


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the two roles that sign in at one turn."""

    owner: str
    app: str


def roles(database: str, turn: Turn = Turn.FIRST) -> Roles:
    """The roles of ``database`` at ``turn``; those of the first turn own and may, the others act as them."""
    return Roles(f"{database}_owner{turn}", f"{database}_app{turn}")


def turn(database: str, access: Access | None) -> Turn:
    """Whose turn it is by the credentials; the first one's when there are none, or for roles that are not ours."""
    named = unquote(urlsplit(access.app_url).username or "") if access else ""
    return Turn.SECOND if named == roles(database, Turn.SECOND).app else Turn.FIRST


def password(url: str) -> str:
    """The password in an address; empty when there is none."""
    return unquote(urlsplit(url).password or "")


def asked(known: Access, rotation: Rotation) -> bool:
    """Whether ``rotation`` was not yet answered by ``known``."""
    return known.rotation != rotation.token


def completed(database: str, known: Access | None, rotation: Rotation | None, *, server: str) -> Access:
    """``known`` with today's ``server`` (``host:port``), or new credentials, which answer ``rotation`` at once."""
    now = roles(database, turn(database, known))
    return Access(
        app_url=_url(now.app, password(known.app_url) if known else "", server, database),
        owner_url=_url(now.owner, password(known.owner_url) if known else "", server, database),
        app_secret=known.app_secret if known else _drawn(),
        oidc_client_secret=known.oidc_client_secret if known else _drawn(),
        rotation=known.rotation if known else rotation.token if rotation else "",
    )


def renewed(database: str, known: Access, rotation: Rotation, *, server: str) -> Access:
    """New passwords of the roles whose turn comes; APP_SECRET stays unless asked for, the provider's secret always."""
    now = roles(database, turn(database, known).other)
    return Access(
        app_url=_url(now.app, "", server, database),
        owner_url=_url(now.owner, "", server, database),
        app_secret=_drawn() if rotation.app_secret else known.app_secret,
        oidc_client_secret=known.oidc_client_secret,
        rotation=rotation.token,
    )


def _drawn() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _url(role: str, kept: str, server: str, database: str) -> str:
    return f"postgresql://{quote(role)}:{quote(kept or _drawn(), safe='')}@{server}/{quote(database)}"
