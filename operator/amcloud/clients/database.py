"""The shared PostgreSQL: one database and two roles an instance (:class:`amcloud.ports.Database`).

The owner role makes tables, for migrations only. The application's role owns nothing, may not pass row-level security
and gets its rights on the owner's tables by default privileges.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from amcloud.clients import credentials, isolation
from amcloud.clients.credentials import Turn, roles
from amcloud.clients.database_setup import (
    APP_CONNECTIONS,
    OWNER_CONNECTIONS,
    Login,
    claim,
    ensure_database,
    ensure_login,
    ensure_role,
    left_by_restoring,
    rights,
    statement,
    trial_of,
)
from amcloud.errors import AmcloudError, BrokenInstallationError, UnavailableError
from amcloud.masking import one_line
from amcloud.stages.declared.app import Rotation
from amcloud.stages.render import Access, Place
from amcloud.stages.seen.isolation import Isolation

CONNECT_S: Final = 5
STATEMENT_S: Final = 30
VERIFIED_S: Final = 60.0
"""Seconds for which credentials that worked are believed to work still."""
MEASURED_S: Final = 300.0
"""Seconds for which a size that was measured is told again."""
PROVEN_S: Final = 900.0
"""Seconds for which a revision's schema that was found closed is believed closed still."""
_OWNERS: Final = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = ANY(%s)"
_USABLE: Final = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND rolcanlogin"
_SESSIONS: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)"


class PostgresDatabase:
    """Adapter of one PostgreSQL server, reached with a role that may create databases and roles."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._verified: dict[str, tuple[Access, float]] = {}
        self._retired: dict[str, Turn] = {}
        self._sizes: dict[str, tuple[int, float]] = {}
        self._isolated: dict[tuple[str, str], tuple[Isolation, float]] = {}
        self._lock = threading.Lock()

    def ensure(self, place: Place, known: Access | None, rotation: Rotation | None = None) -> Access:
        """Database and roles exist with these credentials; made when ``known`` is ``None``.

        A rotation that was asked for begins when nothing is left of the one before: former credentials are retired.

        Raises:
            BrokenInstallationError: the operator's role lacks a right, or an application's role has one too many.
            NotOwnedError: data of that name were kept for another application.
        """
        access = credentials.completed(place.database, known, rotation, server=self._server())
        if known is not None and rotation is not None and self._may_rotate(place.database, known, rotation):
            access = credentials.renewed(place.database, known, rotation, server=self._server())
        with self._lock:
            verified = self._verified.get(place.database)
        if verified and verified[0] == access and self._clock() - verified[1] < VERIFIED_S:
            return access
        if known != access or not self._works(access):
            self._make(place, access)
        with self._lock:
            self._verified[place.database] = (access, self._clock())
            self._retired.pop(place.database, None)
        return access

    def retire(self, place: Place, access: Access) -> None:
        """Only the roles of ``access`` sign in from now on, and no session of the others is left."""
        database, turn = place.database, credentials.turn(place.database, access)
        with self._lock:
            if self._retired.get(database) is turn:
                return
        if found := self._usable(database, turn.other):
            with self._connected(f"retrait des anciens accès à la base {database}") as connection:
                for role in found:
                    connection.execute(statement("ALTER ROLE {} NOLOGIN PASSWORD NULL", role))
                connection.execute(_SESSIONS, (found,))
        with self._lock:
            self._retired[database] = turn

    def isolation(self, place: Place, commit: str) -> Isolation:
        """What the probe sees; a database that it found closed for ``commit`` is probed again after a while only."""
        proven, database = (place.database, commit), place.database
        with self._lock:
            if self._clock() - self._isolated.get(proven, (Isolation(), -math.inf))[1] < PROVEN_S:
                return self._isolated[proven][0]
        with self._connected(f"sonde d'isolation de la base {database}", database=database) as connection:
            # both turns act as these two
            seen = isolation.probe(connection, owner=roles(database).owner, app=roles(database).app)
        with self._lock:
            if seen.isolated is False:
                self._isolated.pop(proven, None)
            else:
                self._isolated[proven] = (seen, self._clock())
        return seen

    def size(self, place: Place) -> int:
        """Bytes that the database takes, as it was :data:`MEASURED_S` seconds ago at most."""
        with self._lock:
            known = self._sizes.get(place.database)
        if known and self._clock() - known[1] < MEASURED_S:
            return known[0]
        with self._connected(f"mesure de la base {place.database}") as connection:
            row = connection.execute("SELECT pg_database_size(%s)", (place.database,)).fetchone()
        measured = int(row[0]) if row else 0
        with self._lock:
            self._sizes[place.database] = (measured, self._clock())
        return measured

    def drop(self, database: str) -> None:
        """Remove database and roles, whoever is connected; absent is fine. One that is not an instance's stays."""
        first, second = roles(database), roles(database, Turn.SECOND)
        with self._connected(f"suppression de la base {database}") as connection:
            beside = [trial_of(database), *left_by_restoring(database)]
            owners = dict(connection.execute(_OWNERS, ([database, *beside],)).fetchall())
            if owners.get(database, first.owner) != first.owner:
                raise BrokenInstallationError(
                    f"la base {database} n'est pas celle d'une application : laissée en place"
                )
            for name in (name for name, owner in owners.items() if owner == first.owner):
                connection.execute(statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
            for role in (second.app, second.owner, first.app, first.owner):
                connection.execute(statement("DROP ROLE IF EXISTS {}", role))
        with self._lock:
            self._verified.pop(database, None)
            self._sizes.pop(database, None)
            self._retired.pop(database, None)
            self._isolated = {proven: seen for proven, seen in self._isolated.items() if proven[0] != database}

    def _server(self) -> str:
        """``host:port``, as applications reach it."""
        found = conninfo_to_dict(self._url)
        return f"{found.get('host', 'localhost')}:{found.get('port', 5432)}"

    def _may_rotate(self, database: str, known: Access, rotation: Rotation) -> bool:
        """Whether ``rotation`` is news, and the roles whose turn would come are in nobody's hands."""
        if not credentials.asked(known, rotation):
            return False
        return not self._usable(database, credentials.turn(database, known).other)

    def _usable(self, database: str, turn: Turn) -> list[str]:
        """The roles of ``turn`` that may sign in."""
        names = roles(database, turn)
        with self._connected(f"lecture des rôles de la base {database}") as connection:
            return [name for (name,) in connection.execute(_USABLE, ([names.owner, names.app],)).fetchall()]

    def _works(self, access: Access) -> bool:
        """Whether both roles can sign in."""
        try:
            for url in (access.app_url, access.owner_url):
                with psycopg.connect(url, connect_timeout=CONNECT_S):
                    pass
        except psycopg.OperationalError:
            return False  # if the server is down, `_make` says so
        return True

    def _make(self, place: Place, access: Access) -> None:
        database = place.database
        first, turn = roles(database), credentials.turn(database, access)
        now = roles(database, turn)
        with self._connected(f"préparation de la base {database}") as connection:
            for role in (first.owner, first.app):
                ensure_role(connection, role)
            if place.owner:
                claim(connection, first.owner, place.owner)
            ensure_login(connection, Login(now.owner, credentials.password(access.owner_url), OWNER_CONNECTIONS))
            ensure_login(connection, Login(now.app, credentials.password(access.app_url), APP_CONNECTIONS))
            ensure_database(connection, database, owner=first.owner)
        with self._connected(f"droits sur la base {database}", database=database) as connection:
            for one in rights(database, turn):
                connection.execute(one)

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
