"""The database server: an own PostgreSQL cluster (own folder, own port), apart from any that the machine runs.

Three roles, none of them superuser: the operator's (makes databases and roles, keeps the reports), the read-only one
of the reports' web server, and the one of the pipelines' tests. Their addresses are files of ``layout.credentials``.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from amcloud_sandbox import processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import HOST_IP, POD_CIDR, POSTGRES_PORT, Layout

ACCOUNT = "postgres"  # PostgreSQL refuses to run as root
START_TIMEOUT_S = 30
PROBE_TIMEOUT_S = 2
MAX_CONNECTIONS = 300
PROGRAMS = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Role:
    """A login role: the ``name`` of its credential file says who uses it; ``database`` is where its address leads."""

    name: str
    role: str
    options: str
    database: str


ROLES = (
    Role("postgres-operator-url", "amcloud_operator", "CREATEDB CREATEROLE", "amcloud"),
    Role("postgres-reports-url", "amcloud_reports", "", "amcloud"),
    Role("postgres-ci-url", "ci", "CREATEDB", "ci"),
)
# Databases and their owners; nobody else connects unless a grant says so.
DATABASES = {"amcloud": "amcloud_operator", "ci": "ci"}
READING = (
    "GRANT CONNECT ON DATABASE amcloud TO amcloud_reports",
    "GRANT USAGE ON SCHEMA public TO amcloud_reports",
    "ALTER DEFAULT PRIVILEGES FOR ROLE amcloud_operator GRANT SELECT ON TABLES TO amcloud_reports",
    "ALTER DEFAULT PRIVILEGES FOR ROLE amcloud_operator GRANT USAGE ON SCHEMAS TO amcloud_reports",
)


def settings(*, hosts: tuple[str, ...], port: int, sockets: Path, durable: bool) -> str:
    """Lines for postgresql.conf. Without ``durable``, a power cut may lose everything: for throw-away clusters."""
    safety = "on" if durable else "off"
    return (
        f"listen_addresses = '{','.join(hosts)}'\n"
        f"port = {port}\n"
        f"unix_socket_directories = '{sockets}'\n"
        f"max_connections = {MAX_CONNECTIONS}\n"
        "password_encryption = scram-sha-256\n"
        "shared_buffers = 128MB\n"
        f"fsync = {safety}\nfull_page_writes = {safety}\nsynchronous_commit = off\n"
        "log_min_messages = warning\n"
        "idle_in_transaction_session_timeout = '5min'\n"
        "cluster_name = amcloud\n"
    )


def access() -> str:
    """Contents of pg_hba.conf: passwords over TCP, from this machine and its pods; the administrator by socket."""
    local = (HOST_IP + "/32", "127.0.0.1/32", POD_CIDR)
    rows = ["local all postgres peer map=administrators", *(f"host all all {net} scram-sha-256" for net in local)]
    return "\n".join(rows) + "\n"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL cluster on ``port`` of each of ``hosts``; roles' addresses name the first host."""

    hosts: tuple[str, ...] = (HOST_IP, "127.0.0.1")
    port: int = POSTGRES_PORT
    durable: bool = True
    launcher: tuple[str, ...] = ()  # put before the program's command line
    name: str = "postgres"
    title: str = "base de données PostgreSQL"
    debian_packages: tuple[str, ...] = ("postgresql",)

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The server answers, its roles and databases exist and their addresses are in ``layout.credentials``."""
        if not (self._data(layout) / "PG_VERSION").exists():
            say("création de la base de données")
            self._initialise(layout)
        self._configure(layout)
        argv = (*self.launcher, _program("postgres"), "-D", str(self._data(layout)))
        processes.start(self.name, argv, layout=layout, user=ACCOUNT)
        processes.wait_until(
            lambda: self._answers(layout),
            doing="démarrage de PostgreSQL",
            timeout_s=START_TIMEOUT_S,
            say=say,
            alive=(self.name,),
            layout=layout,
        )
        self._provide(layout)

    def down(self, layout: Layout) -> None:
        """No server process and no data are left."""
        processes.send_signal(self.name, signal.SIGINT, layout=layout)  # "fast": open sessions are ended
        processes.stop(self.name, layout=layout)
        shutil.rmtree(self._folder(layout), ignore_errors=True)
        for role in ROLES:
            (layout.credentials / role.name).unlink(missing_ok=True)

    def healthy(self, layout: Layout) -> bool:
        """Whether the server accepts the operator's role."""
        try:
            url = (layout.credentials / ROLES[0].name).read_text(encoding="utf-8")
            with psycopg.connect(url, connect_timeout=PROBE_TIMEOUT_S):
                return True
        except (OSError, psycopg.Error):
            return False

    def _initialise(self, layout: Layout) -> None:
        account = pwd.getpwnam(ACCOUNT)
        data = self._data(layout)
        shutil.rmtree(data, ignore_errors=True)  # a first attempt that was cut short
        for folder in (self._folder(layout), data):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, account.pw_uid, account.pw_gid)
        argv = (_program("initdb"), "-D", str(data), "-E", "UTF8", "--locale=C.UTF-8", "-A", "peer", "--no-sync")
        done = subprocess.run(
            argv, user=ACCOUNT, group=account.pw_gid, extra_groups=[], cwd="/", capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        if done.returncode:
            shutil.rmtree(data, ignore_errors=True)
            raise SandboxError("création de la base de données", done.stderr.strip())

    def _configure(self, layout: Layout) -> None:
        data = self._data(layout)
        text = settings(hosts=self.hosts, port=self.port, sockets=self._folder(layout), durable=self.durable)
        (data / "postgresql.auto.conf").write_text(text, encoding="utf-8")
        (data / "pg_hba.conf").write_text(access(), encoding="utf-8")
        (data / "pg_ident.conf").write_text(
            "administrators root postgres\nadministrators postgres postgres\n", encoding="utf-8"
        )

    def _provide(self, layout: Layout) -> None:
        layout.credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.administrator(layout) as connection:
            for role in ROLES:
                self._provide_role(connection, role, layout.credentials / role.name)
            for database, owner in DATABASES.items():
                _provide_database(connection, database, owner)
        with self.administrator(layout, "amcloud") as connection:
            for statement in READING:
                connection.execute(statement)

    def _provide_role(self, connection: psycopg.Connection, role: Role, file: Path) -> None:
        if file.exists() and _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role.role):
            return
        password = secrets.token_urlsafe(24)
        verb = "ALTER" if _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role.role) else "CREATE"
        connection.execute(
            sql.SQL(f"{verb} ROLE {{}} LOGIN {role.options} PASSWORD {{}}").format(
                sql.Identifier(role.role), sql.Literal(password)
            )
        )
        file.touch(mode=0o600)
        file.write_text(
            f"postgresql://{role.role}:{password}@{self.hosts[0]}:{self.port}/{role.database}", encoding="utf-8"
        )

    def administrator(self, layout: Layout, database: str = "postgres") -> psycopg.Connection:
        """A connection of the superuser over the local socket (root only); serves set-up and tests."""
        return psycopg.connect(
            host=str(self._folder(layout)),
            port=self.port,
            user="postgres",
            dbname=database,
            autocommit=True,
            connect_timeout=PROBE_TIMEOUT_S,
        )

    def _answers(self, layout: Layout) -> bool:
        try:
            with self.administrator(layout):
                return True
        except psycopg.Error:
            return False

    def _folder(self, layout: Layout) -> Path:
        return layout.state / self.name

    def _data(self, layout: Layout) -> Path:
        return self._folder(layout) / "data"


def _provide_database(connection: psycopg.Connection, database: str, owner: str) -> None:
    if _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", database):
        return
    name, role = sql.Identifier(database), sql.Identifier(owner)
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))


def _exists(connection: psycopg.Connection, query: str, value: str) -> bool:
    return connection.execute(query.encode(), (value,)).fetchone() is not None


def _program(name: str) -> str:
    # Debian keeps the server's programs out of PATH, one folder a major version: the newest is taken.
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise SandboxError("PostgreSQL", "le paquet Debian « postgresql » n'est pas installé")
    return str(found[-1])


PART = Postgres()
