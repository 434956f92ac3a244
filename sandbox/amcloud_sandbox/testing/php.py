"""Real PHP for integration tests: the Composer repository, installed samples, the platform's roles, sign-in.

Use: ``from amcloud_sandbox.testing.php import …`` the fixtures in a conftest.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from psycopg import sql

from amcloud_sandbox import apps, identity
from amcloud_sandbox.composer import repository
from amcloud_sandbox.composer.repository import Repository
from amcloud_sandbox.composer.server import listener
from amcloud_sandbox.layout import COMPOSER_URL, Layout
from amcloud_sandbox.testing.services import PostgresServer, free_port

DOMAIN = "application.test.example"
CLIENT_ID = "application-exemple"
ORGANISATIONS = {"671": "cpam-bas-rhin", "681": "cpam-haut-rhin", "311": "cpam-haute-garonne"}
INSTALL_TIMEOUT_S = 120
TESTS_TIMEOUT_S = 120
START_TIMEOUT_S = 20


@pytest.fixture(scope="session")
def composer_repository() -> Repository:
    """The repository, from the machine's own cache (built there at the first run)."""
    return repository.build(Layout(), print)


@pytest.fixture(scope="session")
def composer_url(composer_repository: Repository) -> Iterator[str]:
    """Address of the repository on a free port of the loopback."""
    server = listener(composer_repository.root, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True, slots=True)
class Workshop:
    """Writes revisions of samples and installs their dependencies, once each."""

    folder: Path
    composer_url: str
    _done: dict[tuple[str, str], Path] = field(default_factory=dict)

    def installed(self, app: str, revision: str = apps.FIRST) -> Path:
        """Folder of that revision with ``vendor/``, development packages included."""
        if (app, revision) not in self._done:
            project = self.folder / f"{app}-{revision}"
            apps.write(app, revision, project)
            self.install(project)
            self._done[app, revision] = project
        return self._done[app, revision]

    def install(self, project: Path) -> None:
        """``composer install``, the repository being at this session's address and not at the sandbox's."""
        lock = project / "composer.lock"
        lock.write_text(lock.read_text(encoding="utf-8").replace(COMPOSER_URL, self.composer_url), encoding="utf-8")
        argv = ["composer", "install", "--no-interaction", "--no-progress", "--no-plugins"]
        environment = {"COMPOSER_HOME": str(self.folder / "composer-home"), "COMPOSER_ALLOW_SUPERUSER": "1"}
        run(argv, cwd=project, env=environment, timeout_s=INSTALL_TIMEOUT_S)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, composer_url: str) -> Workshop:
    """Where samples are written and installed."""
    return Workshop(tmp_path_factory.mktemp("apps"), composer_url)


def run(argv: list[str], *, cwd: Path, env: dict[str, str], timeout_s: float) -> str:
    """What the program wrote; fails the test with it when the program failed."""
    process = subprocess.run(
        argv, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, f"{' '.join(argv)} → {process.returncode}\n{output[-6000:]}"
    return output


def phpunit(project: Path, server: PostgresServer) -> str:
    """Output of the project's own tests, all green."""
    return run(["vendor/bin/phpunit"], cwd=project, env={"TEST_DATABASE_URL": server.ci_url}, timeout_s=TESTS_TIMEOUT_S)


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """Address of the sandbox's identity provider, on a port of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with process(
        [sys.executable, "-m", "amcloud_sandbox.identity", "--host", "127.0.0.1", "--port", str(port)],
        ready=lambda: requests.get(f"{url}/.well-known/openid-configuration", timeout=2).ok,
    ):
        yield url


@contextlib.contextmanager
def process(
    argv: list[str], *, ready: Callable[[], bool], env: dict[str, str] | None = None, cwd: Path | None = None
) -> Iterator[None]:
    """The program runs and answers; it is ended on leaving."""
    child = subprocess.Popen(argv, env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with contextlib.suppress(requests.ConnectionError):
                if ready():
                    break
            assert child.poll() is None, f"{argv[0]} ended with {child.returncode}"
            assert time.monotonic() < deadline, f"{argv[0]} does not answer"
            time.sleep(0.05)
        yield
    finally:
        os.killpg(child.pid, signal.SIGTERM)  # the workers of PHP's server outlive it otherwise
        child.wait(timeout=10)


@dataclass(frozen=True, slots=True)
class Database:
    """A database as the platform provides it: ``owner_url`` for migrations, ``app_url`` for the application."""

    owner_url: str
    app_url: str


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """One database for the module."""
    with provided(postgres) as made:
        yield made


@contextlib.contextmanager
def provided(postgres: PostgresServer) -> Iterator[Database]:
    """One database, its owner, and an application role that owns nothing and bypasses nothing."""
    name = f"app_{secrets.token_hex(4)}"
    owner, role, password = f"{name}_owner", name, secrets.token_hex(8)
    with psycopg.connect(postgres.operator_url, autocommit=True) as operator:
        for login in (owner, role):
            operator.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(login), sql.Literal(password))
            )
            operator.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(login)))
        operator.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
        place = urlsplit(postgres.operator_url)
        urls = [f"postgresql://{login}:{password}@127.0.0.1:{place.port}/{name}" for login in (owner, role)]
        with psycopg.connect(urls[0], autocommit=True) as connection:
            for rights in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
                connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT {rights} TO {role}")
        yield Database(owner_url=urls[0], app_url=urls[1])
        operator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True, slots=True)
class Application:
    """A served application: requests go to its one address under the host name of an organisation."""

    url: str
    issuer: str
    project: Path
    environment: dict[str, str]
    organisations_file: Path

    def serve(self, *codes: str) -> None:
        """The organisations file now names these."""
        entries = [
            {"code": code, "name": f"CPAM {code}", "label": ORGANISATIONS[code], "enabled": True} for code in codes
        ]
        self.write_organisations(json.dumps({"version": 1, "domain": DOMAIN, "organisations": entries}))

    def write_organisations(self, text: str) -> None:
        """The organisations file holds ``text``, changed as the kubelet changes a mounted ConfigMap: by one link."""
        mount = self.organisations_file.parent
        written = mount / f"..{time.monotonic_ns()}"
        written.mkdir(parents=True)
        (written / self.organisations_file.name).write_text(text, encoding="utf-8")
        link = mount / "..data_tmp"
        link.symlink_to(written.name)
        link.replace(mount / "..data")
        if not self.organisations_file.is_symlink():
            self.organisations_file.symlink_to(f"..data/{self.organisations_file.name}")

    def request(
        self, method: str, path: str, *, host: str, token: str | None = None, **options: Any
    ) -> requests.Response:
        """The answer under the host name of the organisation ``host``; JSON asked for."""
        headers = {"Host": f"{ORGANISATIONS.get(host, host)}.{DOMAIN}", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(method, self.url + path, headers=headers, timeout=20, allow_redirects=False, **options)

    def token(self, code: str, client_id: str = CLIENT_ID) -> str:
        """An id_token of the provider for the agent of that organisation."""
        return identity.id_token(identity.agent_of(code).subject, client_id=client_id, issuer=self.issuer)

    def console(self, *arguments: str, **environment: str) -> str:
        """What ``bin/console`` writes."""
        env = {**self.environment, **environment}
        return run(["php", "bin/console", *arguments], cwd=self.project, env=env, timeout_s=TESTS_TIMEOUT_S)


@contextlib.contextmanager
def served(project: Path, database: Database, issuer: str, folder: Path) -> Iterator[Application]:
    """The application with its schema in place, for organisations 671 and 681."""
    port = free_port()
    environment = {
        "APP_ENV": "prod",
        "APP_SECRET": secrets.token_hex(16),
        "DATABASE_URL": database.app_url,
        "AMCLOUD_ORGANISATIONS_FILE": str(folder / "mount" / "organisations.json"),
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": "exemple",
        "TRUSTED_PROXIES": "",
        "TMPDIR": str(folder),  # a compiled container of its own
        "PHP_CLI_SERVER_WORKERS": "3",
    }
    app = Application(f"http://127.0.0.1:{port}", issuer, project, environment, folder / "mount" / "organisations.json")
    app.serve("671", "681")
    app.console("amcloud:migrate", DATABASE_URL=database.owner_url)
    # PHP's own server is enough to test the application; hosted ones run under php-fpm and nginx.
    argv = [
        "php", "-d", "variables_order=EGPCS", "-d", f"sys_temp_dir={folder}", "-S", f"127.0.0.1:{port}",
        "-t", "public", "public/index.php",
    ]  # fmt: skip
    with process(argv, env=environment, cwd=project, ready=lambda: requests.get(f"{app.url}/sante", timeout=20).ok):
        yield app


@pytest.fixture(scope="module")
def serve(
    database: Database, issuer: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Path], Application]]:
    """Serves a project until the end of the module."""
    with contextlib.ExitStack() as stack:
        yield lambda project: stack.enter_context(served(project, database, issuer, tmp_path_factory.mktemp("served")))
