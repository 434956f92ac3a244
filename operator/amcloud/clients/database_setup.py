"""SQL that makes an instance's roles and database what they should be. Every statement may be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from amcloud.clients.credentials import Roles, Turn, roles
from amcloud.errors import BrokenInstallationError, NotOwnedError

APP_CONNECTIONS: Final = 80
OWNER_CONNECTIONS: Final = 5
_CLAIM: Final = "AM Cloud : "
_CLAIMED: Final = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s"
_ADMINISTERS: Final = (
    "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication FROM pg_roles WHERE rolname = %s"
)


@dataclass(frozen=True, slots=True)
class Login:
    """A role that signs in with that password, so many times at once."""

    role: str
    password: str
    connections: int


def ensure_login(connection: psycopg.Connection, login: Login) -> None:
    """The role exists with that password and with no right beyond signing in; we are a member, to act for it."""
    ensure_role(connection, login.role)
    # hashed here: the server, and its log, never see the password
    hashed = connection.pgconn.encrypt_password(login.password.encode(), login.role.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("ALTER ROLE {role} LOGIN CONNECTION LIMIT {connections} PASSWORD {hashed}").format(
            role=sql.Identifier(login.role),
            connections=sql.Literal(login.connections),
            hashed=sql.Literal(hashed),
        )
    )


def ensure_role(connection: psycopg.Connection, role: str) -> None:
    """The role exists, signing in or not; made, it does not.

    Raises:
        BrokenInstallationError: it has a right to administer.
    """
    found = connection.execute(_ADMINISTERS, (role,)).fetchone()
    if found and found[0]:
        raise BrokenInstallationError(f"le rôle {role} a des droits d'administration : retirez-les ou supprimez-le")
    if not found:
        made = "CREATE ROLE {} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
        connection.execute(statement(made, role))
    connection.execute(statement("GRANT {} TO CURRENT_USER", role))


def ensure_database(connection: psycopg.Connection, database: str, *, owner: str) -> None:
    """The database exists; one that does is left as it is."""
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
        return
    connection.execute(statement("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'", database, owner))


def claim(connection: psycopg.Connection, role: str, owner: str) -> None:
    """The data of ``role`` belong to the LocalApp ``owner``, as its comment says from now on.

    A comment of the role, since restoring a backup replaces the database and keeps its roles.

    Raises:
        NotOwnedError: they were kept for another application that had the same name.
    """
    found = connection.execute(_CLAIMED, (role,)).fetchone()
    claimed = str(found[0] or "") if found else ""
    if claimed.startswith(_CLAIM) and claimed != _CLAIM + owner:
        raise NotOwnedError("Une base gardée de ce nom", f"l'application {claimed.removeprefix(_CLAIM)}")
    if claimed != _CLAIM + owner:
        said = sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(role), sql.Literal(_CLAIM + owner))
        connection.execute(said)


def rights(database: str, turn: Turn, *, instance: str = "") -> Iterator[sql.Composed]:
    """What an instance's roles may do in ``database``, to be said there.

    ``instance`` is the name that the roles are made of, where the database does not have it yet.
    """
    first, now = roles(instance or database), roles(instance or database, turn)
    yield statement("REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    yield statement("GRANT CONNECT ON DATABASE {} TO {}", database, first.app)
    yield statement("SET ROLE {}", first.owner)  # what follows is the owner's to give
    yield statement("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield statement("GRANT USAGE ON SCHEMA public TO {}", first.app)
    default = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT "
    yield statement(default + "SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}", first.owner, first.app)
    yield statement(default + "USAGE, SELECT ON SEQUENCES TO {}", first.owner, first.app)
    # tables that were there before the default privileges, after a restored backup for instance
    yield statement("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}", first.app)
    yield statement("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}", first.app)
    yield statement("RESET ROLE")
    for role in (first.owner, first.app):
        yield statement("ALTER ROLE {} IN DATABASE {} SET search_path = public", role, database)
    if turn is not Turn.FIRST:
        yield from _acting_as(database, first, now)


def _acting_as(database: str, first: Roles, now: Roles) -> Iterator[sql.Composed]:
    """Sessions of ``now`` are, from their first statement, those of ``first``: same owner, same rights."""
    for role, acted in ((now.owner, first.owner), (now.app, first.app)):
        yield statement("GRANT {} TO {}", acted, role)
        yield statement("ALTER ROLE {} IN DATABASE {} SET search_path = public", role, database)
        yield statement("ALTER ROLE {} IN DATABASE {} SET role = {}", role, database, acted)


def left_by_restoring(database: str) -> tuple[str, str]:
    """Names of the database that is being restored beside this one, and of the one that served before it."""
    return f"{database}_restored", f"{database}_previous"


def trial_of(database: str) -> str:
    """Name of the database in which a revision is walked before it serves from ``database``."""
    return f"{database}_sonde"


def statement(text: LiteralString, *identifiers: str) -> sql.Composed:
    """``text`` with its ``{}`` filled by quoted identifiers."""
    return sql.SQL(text).format(*map(sql.Identifier, identifiers))
