"""The shared PostgreSQL: one database and two roles an instance (:class:`amcloud.ports.Database`).

The owner role makes tables, for migrations only. The application's role owns nothing, may not pass row-level security
and gets its rights on the owner's tables by default privileges.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from amcloud.clients import isolation
from amcloud.errors import AmcloudError, BrokenInstallationError, UnavailableError
from amcloud.masking import one_line
from amcloud.stages.isolation import Isolation
from amcloud.stages.render import Access, Place

CONNECT_S: Final = 5
STATEMENT_S: Final = 30
SECRET_BYTES: Final = 32
VERIFIED_S: Final = 60.0
"""Seconds for which credentials that worked are believed to work still."""
PROVEN_S: Final = 900.0
"""Seconds for which a revision's schema that was found closed is believed closed still."""
APP_CONNECTIONS: Final = 80
OWNER_CONNECTIONS: Final = 5


@dataclass(frozen=True, slots=True)
class _Login:
    role: str
    password: str
    connections: int


class PostgresDatabase:
    """Adapter of one PostgreSQL server, reached with a role that may create databases and roles."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._verified: dict[str, tuple[Access, float]] = {}
        self._isolated: dict[tuple[str, str], tuple[Isolation, float]] = {}
        self._lock = threading.Lock()

    def ensure(self, place: Place, known: Access | None) -> Access:
        """Database and roles exist with these credentials; made when ``known`` is ``None``.

        Raises:
            BrokenInstallationError: the operator's role lacks a right, or an application's role has one too many.
        """
        access = self._completed(place.database, known)
        with self._lock:
            verified = self._verified.get(place.database)
        if verified and verified[0] == access and self._clock() - verified[1] < VERIFIED_S:
            return access
        if known != access or not self._works(access):
            self._make(place.database, access)
        with self._lock:
            self._verified[place.database] = (access, self._clock())
        return access

    def isolation(self, place: Place, commit: str) -> Isolation:
        """What the probe sees; a database that it found closed for ``commit`` is probed again after a while only."""
        proven, database = (place.database, commit), place.database
        with self._lock:
            if self._clock() - self._isolated.get(proven, (Isolation(), -math.inf))[1] < PROVEN_S:
                return self._isolated[proven][0]
        with self._connected(f"sonde d'isolation de la base {database}", database=database) as connection:
            seen = isolation.probe(connection, owner=f"{database}_owner", app=f"{database}_app")
        with self._lock:
            if seen.isolated is False:
                self._isolated.pop(proven, None)
            else:
                self._isolated[proven] = (seen, self._clock())
        return seen

    def drop(self, database: str) -> None:
        """Remove database and roles, whoever is connected; absent is fine. One that is not an instance's stays."""
        owner, app = f"{database}_owner", f"{database}_app"
        with self._connected(f"suppression de la base {database}") as connection:
            found = connection.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", (database,)
            ).fetchone()
            if found and found[0] != owner:
                raise BrokenInstallationError(
                    f"la base {database} n'est pas celle d'une application : laissée en place"
                )
            connection.execute(_statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", database))
            for role in (app, owner):
                connection.execute(_statement("DROP ROLE IF EXISTS {}", role))
        with self._lock:
            self._verified.pop(database, None)

    def _completed(self, database: str, known: Access | None) -> Access:
        """``known`` with today's address, or new credentials."""
        server = conninfo_to_dict(self._url)
        host, port = server.get("host", "localhost"), server.get("port", 5432)

        def url(role: str, kept: str | None) -> str:
            password = (unquote(urlsplit(kept).password or "") if kept else "") or secrets.token_urlsafe(SECRET_BYTES)
            return f"postgresql://{quote(role)}:{quote(password, safe='')}@{host}:{port}/{quote(database)}"

        return Access(
            app_url=url(f"{database}_app", known.app_url if known else None),
            owner_url=url(f"{database}_owner", known.owner_url if known else None),
            app_secret=known.app_secret if known else secrets.token_urlsafe(SECRET_BYTES),
            oidc_client_secret=known.oidc_client_secret if known else secrets.token_urlsafe(SECRET_BYTES),
        )

    def _works(self, access: Access) -> bool:
        """Whether both roles can sign in."""
        try:
            for url in (access.app_url, access.owner_url):
                with psycopg.connect(url, connect_timeout=CONNECT_S):
                    pass
        except psycopg.OperationalError:
            return False  # if the server is down, `_make` says so
        return True

    def _make(self, database: str, access: Access) -> None:
        logins = [
            _Login(f"{database}_owner", unquote(urlsplit(access.owner_url).password or ""), OWNER_CONNECTIONS),
            _Login(f"{database}_app", unquote(urlsplit(access.app_url).password or ""), APP_CONNECTIONS),
        ]
        owner, app = (login.role for login in logins)
        with self._connected(f"préparation de la base {database}") as connection:
            for login in logins:
                _ensure_role(connection, login)
            _ensure_database(connection, database, owner=owner)
        with self._connected(f"droits sur la base {database}", database=database) as connection:
            for statement in _rights(database, owner=owner, app=app):
                connection.execute(statement)

    @contextmanager
    def _connected(self, doing: str, database: str | None = None) -> Iterator[psycopg.Connection]:
        """A connection of the operator's role, errors translated."""
        target = make_conninfo(self._url, **({"dbname": database} if database else {}))
        try:
            with psycopg.connect(
                target,
                autocommit=True,  # CREATE DATABASE allows no transaction
                connect_timeout=CONNECT_S,
                options=f"-c statement_timeout={STATEMENT_S * 1000} -c client_min_messages=error",
            ) as connection:
                yield connection
        except psycopg.Error as error:
            raise translated(error, doing) from error


def translated(error: psycopg.Error, doing: str) -> AmcloudError:
    """Our error for PostgreSQL's: a refusal needs the platform team, an absence only time."""
    said = f"{doing} : {one_line(str(error), chars=300)}"
    refused = isinstance(error, psycopg.ProgrammingError) or "authentication failed" in str(error)
    return BrokenInstallationError(said) if refused else UnavailableError(said)


def _ensure_role(connection: psycopg.Connection, login: _Login) -> None:
    """The role exists with that password and with no right beyond signing in; we are a member, to act for it."""
    found = connection.execute(
        "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication "
        "FROM pg_roles WHERE rolname = %s",
        (login.role,),
    ).fetchone()
    if found and found[0]:
        raise BrokenInstallationError(
            f"le rôle {login.role} a des droits d'administration : retirez-les ou supprimez-le"
        )
    # hashed here: the server, and its log, never see the password
    hashed = connection.pgconn.encrypt_password(login.password.encode(), login.role.encode(), b"scram-sha-256").decode()
    options = "LOGIN CONNECTION LIMIT {connections} PASSWORD {hashed}"
    if not found:
        options = f"NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION {options}"
    connection.execute(
        sql.SQL(f"{'ALTER' if found else 'CREATE'} ROLE {{role}} {options}").format(
            role=sql.Identifier(login.role),
            connections=sql.Literal(login.connections),
            hashed=sql.Literal(hashed),
        )
    )
    connection.execute(_statement("GRANT {} TO CURRENT_USER", login.role))


def _ensure_database(connection: psycopg.Connection, database: str, *, owner: str) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
        return
    connection.execute(_statement("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'", database, owner))


def _rights(database: str, *, owner: str, app: str) -> Iterator[sql.Composed]:
    """Statements that may be repeated."""
    yield _statement("REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    yield _statement("GRANT CONNECT ON DATABASE {} TO {}", database, app)
    yield _statement("SET ROLE {}", owner)  # what follows is the owner's to give
    yield _statement("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield _statement("GRANT USAGE ON SCHEMA public TO {}", app)
    default = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT "
    yield _statement(default + "SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}", owner, app)
    yield _statement(default + "USAGE, SELECT ON SEQUENCES TO {}", owner, app)
    # tables that were there before the default privileges, after a restored backup for instance
    yield _statement("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}", app)
    yield _statement("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}", app)
    yield _statement("RESET ROLE")
    for role in (owner, app):
        yield _statement("ALTER ROLE {} IN DATABASE {} SET search_path = public", role, database)


def _statement(text: str, *identifiers: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, identifiers))
