"""Dumps of instances' databases in a folder, and their restoration beside the database that serves, then in its place.

``pg_dump`` needs a role that row-level security does not bind (BYPASSRLS): with any other, tables whose owner is bound
too (FORCE ROW LEVEL SECURITY) make it fail. Nothing else in the product uses that role.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from amcloud.clients import isolation
from amcloud.clients.credentials import Turn, roles
from amcloud.clients.database import CONNECT_S, translated
from amcloud.clients.database_setup import ensure_database, ensure_role, left_by_restoring, rights, statement
from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.masking import one_line

SUFFIX: Final = ".dump"
DUMP_S: Final = 3600
SESSIONS_S: Final = 15.0
_PROGRAMS: Final = Path("/usr/lib/postgresql")
_INSTANCES: Final = (
    "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = datname || '_owner' ORDER BY datname"
)
_SESSIONS: Final = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = %s AND pid <> pg_backend_pid() AND pg_has_role(usename, 'MEMBER')"  # of nobody: the server's own
)


class Backups:
    """Dumps in ``folder``: one folder a database, one file a dump, named by its time (UTC)."""

    def __init__(self, url: str, folder: Path, *, dump_url: str = "") -> None:
        """``url`` is of the operator's role, ``dump_url`` of the one that row-level security does not bind."""
        self._url, self._dump_url, self._folder = url, dump_url, folder

    def instances(self) -> list[str]:
        """Databases of applications on this server."""
        with self._connected("liste des bases") as connection:
            return [name for (name,) in connection.execute(_INSTANCES).fetchall()]

    @property
    def own(self) -> str:
        """Name of the operator's own database: reports, evidence, records."""
        return str(conninfo_to_dict(self._url).get("dbname", ""))

    def dump(self, database: str, now: datetime) -> Path:
        """The dump made, whole and readable; nothing is left of one that failed.

        Raises:
            BrokenInstallationError: ``pg_dump`` is missing, too old for the server, or refused; its words are said.
        """
        made = self._folder / database / f"{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
        made.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = made.with_suffix(".part")
        role = str(conninfo_to_dict(self._dump_url).get("user", ""))
        with self._connected(f"sauvegarde de la base {database}") as connection:
            connection.execute(statement("GRANT CONNECT ON DATABASE {} TO {}", database, role))
        try:
            argv = ("--format=custom", "--no-password", "--lock-wait-timeout=60s", f"--file={part}")
            _run("pg_dump", argv, self._dump_url, database, doing=f"sauvegarde de la base {database}")
            _run("pg_restore", ("--list", str(part)), "", "", doing=f"relecture de la sauvegarde de {database}")
            part.chmod(0o600)
            part.rename(made)
        finally:
            part.unlink(missing_ok=True)
        return made

    def dumps(self, database: str) -> list[Path]:
        """Dumps of a database, newest first."""
        return sorted((self._folder / database).glob(f"[0-9]*{SUFFIX}"), reverse=True)

    def kept(self) -> list[str]:
        """Databases that have a dump here, whether they exist on the server or not; the operator's own first."""
        found = sorted(one.parent.name for one in self._folder.glob(f"*/[0-9]*{SUFFIX}"))
        return sorted(set(found), key=lambda name: (name != self.own, name))

    def exists(self, database: str) -> bool:
        """Whether the server has it."""
        with self._connected("liste des bases") as connection:
            return _exists(connection, database)

    def forget(self, database: str, *, keep: int) -> list[Path]:
        """The older dumps removed, so that ``keep`` are left, and what a dump that was killed left."""
        parts = (self._folder / database).glob("*.part")
        killed = [part for part in parts if time.time() - part.stat().st_mtime > DUMP_S]
        gone = self.dumps(database)[max(1, keep) :] + killed
        for one in gone:
            one.unlink()
        return gone

    def restore(self, database: str, dump: Path, *, replace: bool = False) -> None:
        """The database is as in ``dump``; the one that served is kept beside it, as ``<database>_previous``.

        Until the last step, nothing that serves is touched.

        Raises:
            BrokenInstallationError: the dump does not restore whole, its tables leak from one organisation to another,
                or a previous database is kept already and ``replace`` does not allow to remove it.
        """
        aside, previous = left_by_restoring(database)
        with self._connected(f"restauration de la base {database}") as connection:
            if not replace and _exists(connection, previous):
                raise BrokenInstallationError(
                    f"la base {previous}, laissée par une restauration précédente, existe encore : --replace-previous "
                    "la supprime"
                )
            self._drop(connection, aside, database)
            self._prepare(connection, aside, database)
            try:
                self._fill(aside, database, dump)
                self._drop(connection, previous, database)
                _swap(connection, database, aside, previous)
            except BaseException:
                with suppress(psycopg.Error):  # what went wrong matters more
                    self._drop(connection, aside, database)
                raise

    def restore_own(self, dump: Path) -> None:
        """The operator's own database is as in ``dump``.

        Raises:
            BrokenInstallationError: it holds reports already, which never change; or the dump does not restore whole.
        """
        doing = f"restauration de la base {self.own}"
        with self._connected(doing) as connection:
            there = connection.execute("SELECT to_regclass('public.reports')").fetchone()
            if there and there[0] and connection.execute("SELECT 1 FROM reports LIMIT 1").fetchone():
                raise BrokenInstallationError(f"{doing} : elle contient déjà des rapports, qui ne changent pas")
        argv = ("--exit-on-error", "--single-transaction", "--clean", "--if-exists", "--no-owner", "--no-privileges")
        _run(
            "pg_restore", (*argv, "--no-password", f"--dbname={self.own}", str(dump)), self._url, self.own, doing=doing
        )

    def _prepare(self, connection: psycopg.Connection, aside: str, database: str) -> None:
        first = roles(database)
        for role in (first.owner, first.app):
            ensure_role(connection, role)
        ensure_database(connection, aside, owner=first.owner)

    def _fill(self, aside: str, database: str, dump: Path) -> None:
        """``aside`` holds what ``dump`` does, with the rights of an instance, and closed between organisations."""
        first, doing = roles(database), f"restauration de la base {database}"
        argv = ("--exit-on-error", "--single-transaction", "--no-owner", f"--role={first.owner}", "--no-password")
        _run("pg_restore", (*argv, f"--dbname={aside}", str(dump)), self._url, aside, doing=doing)
        with self._connected(doing, database=aside) as connection:
            turn = Turn.SECOND if _role_exists(connection, roles(database, Turn.SECOND).app) else Turn.FIRST
            for one in rights(aside, turn, instance=database):
                connection.execute(one)
            seen = isolation.probe(connection, owner=first.owner, app=first.app)
            if seen.leaks:
                raise BrokenInstallationError(f"{doing} refusée. {seen.sentence()}")

    @staticmethod
    def _drop(connection: psycopg.Connection, extra: str, database: str) -> None:
        """``extra`` is gone, if it was an earlier restoration's."""
        owned = "SELECT 1 FROM pg_database WHERE datname = %s AND pg_get_userbyid(datdba) = %s"
        if connection.execute(owned, (extra, roles(database).owner)).fetchone():
            connection.execute(statement("DROP DATABASE {} WITH (FORCE)", extra))

    @contextmanager
    def _connected(self, doing: str, database: str = "") -> Iterator[psycopg.Connection]:
        target = make_conninfo(self._url, **({"dbname": database} if database else {}))
        try:
            with psycopg.connect(target, autocommit=True, connect_timeout=CONNECT_S) as connection:
                yield connection
        except psycopg.Error as error:
            raise translated(error, doing) from error


def _swap(
    connection: psycopg.Connection,
    database: str,
    aside: str,
    previous: str,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """``aside`` takes the place of ``database``, at once: sessions end, new ones meet the other."""
    exists, until = _exists(connection, database), clock() + SESSIONS_S
    if exists:
        connection.execute(statement("ALTER DATABASE {} ALLOW_CONNECTIONS false", database))
    try:
        for name in (database, aside):
            while connection.execute(_SESSIONS, (name,)).fetchone() != (0,) and clock() < until:
                time.sleep(0.1)
        with connection.transaction():
            if exists:
                connection.execute(statement("ALTER DATABASE {} RENAME TO {}", database, previous))
            connection.execute(statement("ALTER DATABASE {} RENAME TO {}", aside, database))
    except BaseException:
        if exists:
            connection.execute(statement("ALTER DATABASE {} ALLOW_CONNECTIONS true", database))
        raise


def _exists(connection: psycopg.Connection, database: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is not None


def _role_exists(connection: psycopg.Connection, role: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None


def _run(program: str, arguments: tuple[str, ...], url: str, database: str, *, doing: str) -> None:
    """The program has ended well. The password goes by its environment, which only its account can read."""
    server = conninfo_to_dict(url) if url else {}
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE"}
    environment = {names[key]: str(value) for key, value in server.items() if key in names}
    environment |= {"PGDATABASE": database, "PGCONNECT_TIMEOUT": str(CONNECT_S), "LC_ALL": "C", "PATH": os.defpath}
    try:
        done = subprocess.run(
            [_program(program), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DUMP_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{doing} : {program} dure plus de {DUMP_S} s") from error
    except OSError as error:
        raise BrokenInstallationError(f"{doing} : {program} manque (paquet postgresql-client)") from error
    if done.returncode:
        said = one_line(done.stderr.decode("utf-8", "replace"), chars=400)
        raise BrokenInstallationError(f"{doing} : {said}")


def _program(name: str) -> str:
    """The newest installed: an older one refuses a newer server."""
    found = sorted(_PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else name
