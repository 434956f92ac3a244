"""Backups on a real PostgreSQL: dumped, destroyed, restored; roles, rights and row-level security as before."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner, Result

from amcloud.cli import backup, restore
from amcloud.clients import assembly
from amcloud.clients.backups import Backups
from amcloud.clients.database import PostgresDatabase
from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.stages.declared.app import Rotation
from amcloud.stages.render import Access, Place
from amcloud_sandbox.testing.services import PostgresServer, postgres

__all__ = ["postgres"]

PLACE = Place("archives-acceptance", "archives.acceptance.example", "archives_acceptance")
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SETTING = "current_setting('amcloud.organisation', true)"
SCHEMA = (
    "CREATE EXTENSION unaccent",
    "CREATE TYPE etat AS ENUM ('recu', 'clos')",
    "CREATE TABLE service (id int PRIMARY KEY, nom text)",
    "CREATE TABLE courrier (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organisation char(3) NOT NULL, "
    "objet text, etat etat DEFAULT 'recu', service int REFERENCES service)",
    "ALTER TABLE courrier ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE courrier FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY organisme ON courrier USING (organisation = {SETTING}) WITH CHECK (organisation = {SETTING})",
    "INSERT INTO service VALUES (1, 'Accueil')",
)
OPEN = "CREATE POLICY tout ON courrier USING (true) WITH CHECK (true)"


@pytest.fixture(scope="module")
def backup_url(postgres: PostgresServer) -> str:
    """The role that the platform team makes for backups: it passes row-level security, and is no superuser."""
    server = conninfo_to_dict(postgres.operator_url)
    folder = Path(str(postgres.folder))
    with psycopg.connect(
        host=str(folder), port=int(server["port"] or 0), user="postgres", dbname="postgres", autocommit=True
    ) as administrator:
        administrator.execute("CREATE ROLE amcloud_sauvegarde LOGIN BYPASSRLS PASSWORD 'sauvegarde'")
        administrator.execute("GRANT pg_read_all_data TO amcloud_sauvegarde")
    return f"postgresql://amcloud_sauvegarde:sauvegarde@{server['host']}:{server['port']}/postgres"


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    client = PostgresDatabase(postgres.operator_url)
    yield client
    client.drop(PLACE.database)


@pytest.fixture
def backups(postgres: PostgresServer, backup_url: str, tmp_path: Path) -> Backups:
    return Backups(postgres.operator_url, tmp_path, dump_url=backup_url)


@pytest.fixture
def access(database: PostgresDatabase) -> Access:
    """An instance with rows of two organisations."""
    made = database.ensure(PLACE, None)
    with psycopg.connect(made.owner_url) as owner:
        for one in SCHEMA:
            owner.execute(one.encode())
    for code in ("671", "681"):
        write(made, code, f"courrier {code}")
    return made


def write(access: Access, code: str, text: str) -> None:
    with psycopg.connect(access.app_url) as app:
        app.execute("SELECT set_config('amcloud.organisation', %s, false)", (code,))
        app.execute("INSERT INTO courrier (organisation, objet, service) VALUES (%s, %s, 1)", (code, text))


def read(access: Access, code: str) -> list[str]:
    with psycopg.connect(access.app_url) as app:
        app.execute("SELECT set_config('amcloud.organisation', %s, false)", (code,))
        return [text for (text,) in app.execute("SELECT objet FROM courrier ORDER BY id").fetchall()]


def shape(url: str) -> list[tuple[object, ...]]:
    """Owners, rights, row-level security, policies and default privileges of a database."""
    with psycopg.connect(url) as owner:
        return [
            row
            for query in (
                "SELECT relname, relowner::regrole::text, relacl::text, relrowsecurity, relforcerowsecurity "
                "FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
                "SELECT polname, polcmd, pg_get_expr(polqual, polrelid) FROM pg_policy ORDER BY polname",
                "SELECT defaclrole::regrole::text, defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 2",
                "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public'",
                "SELECT datacl::text, datdba::regrole::text FROM pg_database WHERE datname = current_database()",
            )
            for row in owner.execute(query).fetchall()
        ]


def test_dumped_destroyed_and_restored_it_is_as_before(
    database: PostgresDatabase, backups: Backups, access: Access
) -> None:
    before = shape(access.owner_url)
    dump = backups.dump(PLACE.database, NOW)
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    database.drop(PLACE.database)
    backups.restore(PLACE.database, dump)
    fresh = PostgresDatabase(database._url)
    assert fresh.ensure(PLACE, access) == access  # the roles were destroyed too: the Secret gives them back
    assert shape(access.owner_url) == before
    assert (read(access, "671"), read(access, "681"), read(access, "")) == (["courrier 671"], ["courrier 681"], [])
    write(access, "671", "après")
    assert fresh.isolation(PLACE, "a" * 40).isolated is True


def test_restoring_over_what_serves_keeps_it_beside_and_ends_its_sessions(
    postgres: PostgresServer, backups: Backups, access: Access
) -> None:
    dump = backups.dump(PLACE.database, NOW)
    write(access, "671", "perdu")
    with psycopg.connect(access.app_url, autocommit=True) as old:
        backups.restore(PLACE.database, dump)
        with pytest.raises(psycopg.OperationalError):
            old.execute("SELECT 1")
    assert read(access, "671") == ["courrier 671"]
    with psycopg.connect(postgres.operator_url, autocommit=True) as operator:
        kept = operator.execute("SELECT datallowconn FROM pg_database WHERE datname = 'archives_acceptance_previous'")
        assert kept.fetchone() == (False,)
    with pytest.raises(BrokenInstallationError, match="--replace-previous"):
        backups.restore(PLACE.database, dump)
    backups.restore(PLACE.database, dump, replace=True)
    assert read(access, "681") == ["courrier 681"]


def test_credentials_of_the_second_turn_work_after_a_restoration(
    database: PostgresDatabase, backups: Backups, access: Access
) -> None:
    second = database.ensure(PLACE, access, Rotation("un"))
    database.retire(PLACE, second)
    backups.restore(PLACE.database, backups.dump(PLACE.database, NOW))
    assert read(second, "671") == ["courrier 671"]
    with psycopg.connect(second.owner_url) as owner:
        assert owner.execute("SELECT current_user::text").fetchone() == ("archives_acceptance_owner",)


@pytest.mark.parametrize("damage", ["cut", "not a dump", "absent"])
def test_a_dump_that_does_not_restore_leaves_what_serves_untouched(
    backups: Backups, access: Access, tmp_path: Path, damage: str
) -> None:
    dump = backups.dump(PLACE.database, NOW)
    content = dump.read_bytes()
    bad = tmp_path / "abimee.dump"
    if damage != "absent":
        bad.write_bytes(content[: len(content) // 2] if damage == "cut" else b"rien")
    with psycopg.connect(access.app_url, autocommit=True) as serving:
        with pytest.raises(BrokenInstallationError, match="restauration de la base"):
            backups.restore(PLACE.database, bad)
        assert serving.execute("SELECT 1").fetchone() == (1,)
    assert read(access, "671") == ["courrier 671"]


def test_a_session_that_is_not_ours_to_end_stops_the_restoration_and_nothing_else(
    postgres: PostgresServer, backups: Backups, access: Access
) -> None:
    dump = backups.dump(PLACE.database, NOW)
    port = int(conninfo_to_dict(postgres.operator_url)["port"] or 0)
    where: dict[str, Any] = {"host": postgres.folder, "port": port, "user": "postgres", "dbname": PLACE.database}
    with psycopg.connect(**where), pytest.raises(UnavailableError, match="accessed by other users"):
        backups.restore(PLACE.database, dump)
    assert read(access, "671") == ["courrier 671"]
    with psycopg.connect(postgres.operator_url) as operator:
        left = operator.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'archives\\_acceptance\\_%'")
        assert left.fetchone() == (0,)
    backups.restore(PLACE.database, dump)


def test_a_dump_whose_tables_leak_is_refused(backups: Backups, access: Access) -> None:
    with psycopg.connect(access.owner_url) as owner:
        owner.execute(OPEN)
    leaking = backups.dump(PLACE.database, NOW)
    with psycopg.connect(access.owner_url) as owner:
        owner.execute("DROP POLICY tout ON courrier")
    with pytest.raises(BrokenInstallationError, match="Fuite entre organismes"):
        backups.restore(PLACE.database, leaking)
    assert read(access, "671") == ["courrier 671"]


def test_a_role_that_row_level_security_binds_makes_no_half_dump(
    postgres: PostgresServer, access: Access, tmp_path: Path
) -> None:
    bound = dataclasses.replace(postgres).operator_url
    backups = Backups(postgres.operator_url, tmp_path, dump_url=bound)
    with pytest.raises(BrokenInstallationError, match="row-level security"):
        backups.dump(PLACE.database, NOW)
    assert not backups.dumps(PLACE.database)
    assert not list(tmp_path.rglob("*.part"))


def test_only_so_many_dumps_are_kept_and_only_instances_are_dumped(backups: Backups, access: Access) -> None:
    assert PLACE.database in backups.instances()
    assert not {"amcloud", "ci", "postgres"} & set(backups.instances())
    made = [backups.dump(PLACE.database, NOW + timedelta(days=day)) for day in range(3)]
    assert backups.forget(PLACE.database, keep=2) == [made[0]]
    assert backups.dumps(PLACE.database) == [made[2], made[1]]
    killed, under_way = (made[2].with_name(f"{name}.part") for name in ("killed", "under-way"))
    for part in (killed, under_way):
        part.touch()
    os.utime(killed, (0, 0))
    assert backups.forget(PLACE.database, keep=0) == [made[1], killed]
    assert under_way.exists()
    assert backups.dumps(PLACE.database) == [made[2]]


def run(command: Callable[[typer.Typer], None], *arguments: str, **more: Any) -> Result:
    app = typer.Typer()
    command(app)
    return CliRunner().invoke(app, arguments, **more)


class FakeApi:
    """A cluster with one LocalApp and one migration Job."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def resource(self, _: str, kind: str) -> FakeApi:
        self.kind = kind
        return self

    def path(self, namespace: str = "", name: str = "") -> str:
        return "/".join(filter(None, (self.kind, namespace, name)))

    def items(self, path: str, **_: object) -> list[dict[str, Any]]:
        names = {"LocalApp": "archives", "Job/archives-acceptance": "migration-1"}
        return [{"metadata": {"name": names[path], "namespace": "cpam-bas-rhin"}}]

    def delete(self, path: str, **_: object) -> None:
        self.done.append(f"delete {path}")

    def patch(self, path: str, *_: object, **__: object) -> dict[str, Any]:
        self.done.append(f"patch {path}")
        return {}


def test_the_two_commands_dump_and_restore_the_latest_and_ask_for_the_migrations(
    postgres: PostgresServer, backup_url: str, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeApi()
    monkeypatch.setattr(assembly, "api", lambda: api)
    urls = {"AMCLOUD_DATABASE_URL": postgres.operator_url, "AMCLOUD_BACKUP_DATABASE_URL": backup_url}
    environment = {**urls, "AMCLOUD_BACKUP_FOLDER": str(tmp_path)}
    dumped = run(backup.register, "archives-acceptance", env=environment)
    assert dumped.exit_code == 0, dumped.output
    assert "1 base(s) sauvegardée(s), 0 échec(s)" in dumped.stdout
    write(access, "671", "perdu")
    back = run(restore.register, "archives", "--stage", "acceptance", "--from", "LATEST", env=environment)
    assert back.exit_code == 0, back.output
    assert read(access, "671") == ["courrier 671"]
    assert api.done == ["delete Job/archives-acceptance/migration-1", "patch LocalApp/cpam-bas-rhin/archives"]
    dump = next(tmp_path.rglob("*.dump")).read_bytes()
    again = ("archives", "--stage", "acceptance", "--from", "-", "--replace-previous")
    assert run(restore.register, *again, env=environment, input=dump).exit_code == 0
    assert read(access, "681") == ["courrier 681"]


@pytest.mark.parametrize(
    ("command", "arguments", "status", "said"),
    [
        pytest.param(backup.register, ("inconnue-acceptance",), 3, "aucune base d'instance", id="unknown instance"),
        pytest.param(
            restore.register, ("x", "--stage", "acceptance", "--from", "LATEST"), 3, "aucune sauvegarde", id="no dump"
        ),
        pytest.param(
            restore.register, ("x", "--stage", "acceptance", "--from", "/nulle-part"), 3, "n'existe pas", id="no file"
        ),
    ],
)
def test_a_wrong_command_is_told_and_changes_nothing(
    postgres: PostgresServer,
    tmp_path: Path,
    command: Callable[[typer.Typer], None],
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    urls = {"AMCLOUD_DATABASE_URL": postgres.operator_url, "AMCLOUD_BACKUP_DATABASE_URL": postgres.operator_url}
    done = run(command, *arguments, env={**urls, "AMCLOUD_BACKUP_FOLDER": str(tmp_path)})
    assert done.exit_code == status
    assert said in done.stderr


def test_a_base_that_cannot_be_dumped_is_told_and_the_exit_status_says_it(
    postgres: PostgresServer, access: Access, tmp_path: Path
) -> None:
    urls = {"AMCLOUD_DATABASE_URL": postgres.operator_url, "AMCLOUD_BACKUP_DATABASE_URL": postgres.operator_url}
    done = run(backup.register, "archives-acceptance", env={**urls, "AMCLOUD_BACKUP_FOLDER": str(tmp_path)})
    assert done.exit_code == 1
    assert "row-level security" in done.stderr
    assert str(conninfo_to_dict(postgres.operator_url)["password"]) not in done.output


def test_a_database_dropped_since_it_was_listed_is_passed_over_and_fails_nothing(
    postgres: PostgresServer,
    backup_url: str,
    database: PostgresDatabase,
    access: Access,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leaving = dataclasses.replace(PLACE, namespace="partie-acceptance", database="partie_acceptance")
    database.ensure(leaving, None)
    whole = Backups.dump

    def deleted_meanwhile(self: Backups, name: str, now: datetime) -> Path:
        if name == leaving.database:
            database.drop(name)
        return whole(self, name, now)

    monkeypatch.setattr(Backups, "dump", deleted_meanwhile)
    environment = {"AMCLOUD_DATABASE_URL": postgres.operator_url, "AMCLOUD_BACKUP_DATABASE_URL": backup_url,
                   "AMCLOUD_BACKUP_FOLDER": str(tmp_path)}  # fmt: skip
    done = run(backup.register, leaving.namespace, PLACE.namespace, env=environment)
    assert done.exit_code == 0, done.output
    assert "partie_acceptance : supprimée pendant la sauvegarde, passée" in done.stdout
    assert "1 base(s) sauvegardée(s), 0 échec(s), 1 supprimée(s) entre-temps" in done.stdout
    assert [one.parent.name for one in tmp_path.rglob("*.dump")] == [PLACE.database]


def test_dumps_of_a_database_that_is_gone_are_named_and_never_removed(
    postgres: PostgresServer, backup_url: str, access: Access, tmp_path: Path
) -> None:
    old = tmp_path / "ancienne_acceptance" / "20250101T010000Z.dump"
    old.parent.mkdir()
    old.write_bytes(b"PGDMP")
    environment = {"AMCLOUD_DATABASE_URL": postgres.operator_url, "AMCLOUD_BACKUP_DATABASE_URL": backup_url,
                   "AMCLOUD_BACKUP_FOLDER": str(tmp_path), "AMCLOUD_BACKUP_KEEP": "1"}  # fmt: skip
    done = run(backup.register, env=environment)
    assert "ancienne_acceptance : la base n'existe plus, 1 sauvegarde(s) restent" in done.stdout, done.output
    assert f"{PLACE.database} : la base n'existe plus" not in done.stdout
    assert old.exists()
