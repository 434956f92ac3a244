"""A registry and a PostgreSQL server for the length of a test session: the sandbox's own parts, elsewhere.

Use: ``from amcloud_sandbox.testing.services import postgres, registry`` in a conftest.py makes them fixtures.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from amcloud_sandbox.layout import Layout
from amcloud_sandbox.parts.postgres import Postgres
from amcloud_sandbox.parts.registry import Registry

LOOPBACK = "127.0.0.1"
ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM")  # however the test ends


def free_port() -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def temporary_layout() -> Iterator[Layout]:
    """A sandbox's folders in a temporary place that other accounts may enter (PostgreSQL is not root)."""
    with tempfile.TemporaryDirectory(prefix="amcloud-test-") as folder:
        Path(folder).chmod(0o755)
        yield Layout(state=Path(folder) / "state", cache=Path(folder) / "cache")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Addresses (DSN) of a running server's roles; see :data:`amcloud_sandbox.parts.postgres.ROLES`."""

    operator_url: str
    reports_url: str
    ci_url: str
    folder: str = ""
    """Folder of the administrator's socket: ``postgres``, for root alone."""


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A fresh PostgreSQL server with the sandbox's roles and databases."""
    part = Postgres(hosts=(LOOPBACK,), port=free_port(), durable=False, launcher=ENDS_WITH_US)
    with temporary_layout() as layout:
        try:
            part.up(layout, print)
            operator, reports, ci = (
                (layout.credentials / f"postgres-{who}-url").read_text(encoding="utf-8")
                for who in ("operator", "reports", "ci")
            )
            yield PostgresServer(operator, reports, ci, str(layout.state / part.name))
        finally:
            part.down(layout)


@dataclass(frozen=True, slots=True)
class RegistryServer:
    """A running registry: ``url`` of its API, ``name`` that starts the names of its images."""

    url: str
    name: str


@contextlib.contextmanager
def running_registry() -> Iterator[RegistryServer]:
    """A fresh, empty registry."""
    part = Registry(hosts=(LOOPBACK,), port=free_port(), launcher=ENDS_WITH_US)
    with temporary_layout() as layout:
        try:
            part.up(layout, print)
            yield RegistryServer(url=f"http://{LOOPBACK}:{part.port}", name=f"{LOOPBACK}:{part.port}")
        finally:
            part.down(layout)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole test session."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def registry() -> Iterator[RegistryServer]:
    """An image registry for the whole test session."""
    with running_registry() as server:
        yield server
