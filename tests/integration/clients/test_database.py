"""The database client on a real PostgreSQL: what an application's role may and may not do."""

from __future__ import annotations

import dataclasses
from typing import NoReturn

import psycopg
import pytest

from amcloud.clients.database import PostgresDatabase
from amcloud.errors import BrokenInstallationError, NotOwnedError, UnavailableError
from amcloud.stages.render import Access, Place
from amcloud_sandbox.testing.services import PostgresServer, postgres

__all__ = ["postgres"]

COURRIERS = Place("courriers-acceptance", "courriers.acceptance.example", "courriers_acceptance")
ANNUAIRE = Place("annuaire-acceptance", "annuaire.acceptance.example", "annuaire_acceptance")
TABLE = """
CREATE TABLE courrier (id bigint GENERATED ALWAYS AS IDENTITY, organisation char(3) NOT NULL, objet text);
ALTER TABLE courrier ENABLE ROW LEVEL SECURITY;
ALTER TABLE courrier FORCE ROW LEVEL SECURITY;
CREATE POLICY organisme ON courrier USING (organisation = current_setting('amcloud.organisation', true))
    WITH CHECK (organisation = current_setting('amcloud.organisation', true));
"""


@pytest.fixture
def database(postgres: PostgresServer) -> PostgresDatabase:
    return PostgresDatabase(postgres.operator_url)


@pytest.fixture
def access(database: PostgresDatabase) -> Access:
    """Credentials of an instance that has one table, made by its owner."""
    made = database.ensure(COURRIERS, None)
    with psycopg.connect(made.owner_url) as owner:
        owner.execute("DROP TABLE IF EXISTS courrier")
        owner.execute(TABLE.encode())
    return made


def test_one_organisation_sees_its_records_only(access: Access) -> None:
    with psycopg.connect(access.app_url) as app:
        for code in ("671", "681"):
            app.execute("SELECT set_config('amcloud.organisation', %s, false)", (code,))
            app.execute("INSERT INTO courrier (organisation, objet) VALUES (%s, %s)", (code, f"courrier {code}"))
        assert app.execute("SELECT objet FROM courrier").fetchall() == [("courrier 681",)]
        app.execute("SELECT set_config('amcloud.organisation', '', false)")
        assert app.execute("SELECT count(*) FROM courrier").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("ALTER TABLE courrier DISABLE ROW LEVEL SECURITY", id="lift the isolation"),
        pytest.param("SET row_security = off; SELECT * FROM courrier", id="pass over it"),
        pytest.param("DROP TABLE courrier", id="drop a table"),
        pytest.param("CREATE TABLE ailleurs (id int)", id="own a table"),
        pytest.param("CREATE SCHEMA ailleurs", id="own a schema"),
        pytest.param("CREATE TEMPORARY TABLE ailleurs (id int)", id="make a temporary table"),
        pytest.param("CREATE DATABASE ailleurs", id="create a database"),
        pytest.param("CREATE ROLE ailleurs", id="create a role"),
        pytest.param("SET ROLE courriers_acceptance_owner", id="become the owner"),
        pytest.param("ALTER ROLE courriers_acceptance_app BYPASSRLS", id="raise itself"),
        pytest.param("COPY courrier TO PROGRAM 'cat'", id="start a program"),
        pytest.param("TRUNCATE courrier", id="empty a table"),
    ],
)
def test_the_application_s_role_may_not(access: Access, statement: str) -> None:
    connected = psycopg.connect(access.app_url, autocommit=True)  # CREATE DATABASE allows no transaction
    with connected as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT set_config('amcloud.organisation', '671', false)")
        app.execute(statement.encode())


@pytest.mark.parametrize("extension", ["pg_trgm", "unaccent", "citext"])
def test_a_migration_may_make_an_extension_that_reaches_nothing_and_the_application_may_not(
    access: Access, extension: str
) -> None:
    with psycopg.connect(access.app_url) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(f"CREATE EXTENSION {extension}".encode())
    with psycopg.connect(access.owner_url) as owner:
        owner.execute(f"CREATE EXTENSION {extension}".encode())


@pytest.mark.parametrize("extension", ["dblink", "postgres_fdw", "file_fdw", "adminpack", "pageinspect"])
def test_no_role_of_an_instance_makes_an_extension_that_reaches_files_networks_or_other_databases(
    access: Access, extension: str
) -> None:
    for url in (access.owner_url, access.app_url):
        with psycopg.connect(url) as role, pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute(f"CREATE EXTENSION {extension}".encode())


def test_the_application_s_role_owns_nothing(access: Access) -> None:
    with psycopg.connect(access.owner_url) as owner:
        owned = owner.execute("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) LIKE '%\\_app'").fetchone()
        flags = owner.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname LIKE 'courriers%'"
        ).fetchall()
    assert owned == (0,)
    assert flags == [(False,) * 4] * 2


def test_one_application_does_not_reach_the_database_of_another(database: PostgresDatabase, access: Access) -> None:
    database.ensure(ANNUAIRE, None)
    elsewhere = access.app_url.removesuffix("courriers_acceptance") + "annuaire_acceptance"
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(elsewhere)


def test_known_credentials_stay_and_make_the_second_call_free(
    postgres: PostgresServer, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgresDatabase(postgres.operator_url)
    assert database.ensure(COURRIERS, access) == access

    def refused(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the second call connects")

    monkeypatch.setattr(psycopg, "connect", refused)
    assert database.ensure(COURRIERS, access) == access


def test_a_password_changed_behind_our_back_is_set_again(postgres: PostgresServer, access: Access) -> None:
    with psycopg.connect(postgres.operator_url, autocommit=True) as operator:
        operator.execute("ALTER ROLE courriers_acceptance_app PASSWORD 'autre'")
    assert PostgresDatabase(postgres.operator_url).ensure(COURRIERS, access) == access
    with psycopg.connect(access.app_url) as app:
        assert app.execute("SELECT 1").fetchone() == (1,)


def test_credentials_that_were_lost_are_made_anew_and_the_data_stays(
    database: PostgresDatabase, access: Access
) -> None:
    anew = PostgresDatabase(database._url).ensure(COURRIERS, None)
    assert anew.app_url != access.app_url
    with psycopg.connect(anew.app_url) as app:
        assert app.execute("SELECT count(*) FROM courrier").fetchone() == (0,)


def test_a_role_that_was_given_too_much_is_refused(postgres: PostgresServer, database: PostgresDatabase) -> None:
    with psycopg.connect(postgres.operator_url, autocommit=True) as operator:
        operator.execute("CREATE ROLE trop_acceptance_app LOGIN CREATEDB")
    with pytest.raises(BrokenInstallationError, match="trop_acceptance_app"):
        database.ensure(Place("trop-acceptance", "x", "trop_acceptance"), None)


def test_a_database_is_dropped_while_somebody_is_connected_and_twice(database: PostgresDatabase) -> None:
    place = Place("jetable-acceptance", "x", "jetable_acceptance")
    made = database.ensure(place, None)
    with psycopg.connect(made.app_url):
        database.drop(place.database)
    database.drop(place.database)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(made.app_url)


def test_a_database_that_is_not_an_application_s_is_never_dropped(database: PostgresDatabase) -> None:
    with pytest.raises(BrokenInstallationError, match="laissée en place"):
        database.drop("amcloud")


def test_a_server_that_is_down_is_unavailable_and_the_password_stays_unsaid() -> None:
    database = PostgresDatabase("postgresql://operator:tres-secret@127.0.0.1:1/amcloud")
    with pytest.raises(UnavailableError) as caught:
        database.ensure(COURRIERS, None)
    assert "tres-secret" not in str(caught.value)


def test_data_that_were_kept_go_back_to_their_own_application_alone(
    database: PostgresDatabase, postgres: PostgresServer
) -> None:
    kept = Place("gardee-acceptance", "x", "gardee_acceptance", "cpam-bas-rhin/gardee")
    database.ensure(kept, None)
    with pytest.raises(NotOwnedError, match="cpam-bas-rhin/gardee"):
        PostgresDatabase(postgres.operator_url).ensure(dataclasses.replace(kept, owner="cpam-haut-rhin/gardee"), None)
    again = PostgresDatabase(postgres.operator_url).ensure(kept, None)
    with psycopg.connect(again.app_url) as app:
        assert app.execute("SELECT 1").fetchone() == (1,)
    database.drop(kept.database)
    PostgresDatabase(postgres.operator_url).ensure(dataclasses.replace(kept, owner="cpam-haut-rhin/gardee"), None)
