"""The database of a walk, beside the instance's own: same server, same roles, a fresh schema, and gone afterwards.

Canaries have to be committed for another program to read them. Here no real organisation's row is near them, and
whatever a walk makes the application do is done to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from amcloud.clients import isolation
from amcloud.clients.credentials import roles, turn
from amcloud.clients.database import CONNECT_S, STATEMENT_S, translated
from amcloud.clients.database_setup import ensure_database, rights, statement, trial_of
from amcloud.stages.render import Access, Place
from amcloud.stages.seen.isolation import Isolation


class TrialDatabases:
    """Databases of walks on one PostgreSQL server, reached with the operator's role."""

    def __init__(self, url: str) -> None:
        self._url = url

    def make(self, place: Place, access: Access) -> str:
        """Name of an empty database with the rights of the instance's own; one that was left behind is removed."""
        database, first = trial_of(place.database), roles(place.database)
        with self._connected(f"base de la sonde {database}") as connection:
            connection.execute(statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", database))
            ensure_database(connection, database, owner=first.owner)
        with self._connected(f"droits sur la base de la sonde {database}", database) as connection:
            for one in rights(database, turn(place.database, access), instance=place.database):
                connection.execute(one)
        return database

    def seen(self, place: Place) -> Isolation:
        """What the SQL probe sees there, where the revision's own migrations made every table."""
        database, first = trial_of(place.database), roles(place.database)
        with self._connected(f"sonde d'isolation de la base {database}", database) as connection:
            return isolation.probe(connection, owner=first.owner, app=first.app)

    def remove(self, instance: str) -> None:
        """The database of walks of the instance whose own is ``instance`` is gone; absent is fine."""
        database = trial_of(instance)
        with self._connected(f"suppression de la base de la sonde {database}") as connection:
            connection.execute(statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", database))

    @contextmanager
    def _connected(self, doing: str, database: str = "") -> Iterator[psycopg.Connection]:
        target = make_conninfo(self._url, **({"dbname": database} if database else {}))
        options = f"-c statement_timeout={STATEMENT_S * 1000} -c client_min_messages=error"
        try:
            with psycopg.connect(target, autocommit=True, connect_timeout=CONNECT_S, options=options) as connection:
                yield connection
        except psycopg.Error as error:
            raise translated(error, doing) from error
