"""The database of a walk on a real PostgreSQL: the instance's roles and rights, none of its rows, gone afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from amcloud.clients.canaries import SHARED
from amcloud.clients.database import PostgresDatabase
from amcloud.clients.trial_database import TrialDatabases
from amcloud.clients.walking.base import SETTLE_S, Base
from amcloud.stages.declared.app import Rotation
from amcloud.stages.jobs.walk_job import trial_access
from amcloud.stages.render import Access, Place
from amcloud.stages.seen.isolation import OWNER_OF_CANARIES, READER
from amcloud_sandbox.testing.services import PostgresServer, postgres

__all__ = ["postgres"]

PLACE = Place("essai-sonde", "essai.example", "essai_sonde_x")
ORGANISATION = "organisation char(3) NOT NULL"
SETTING = "current_setting('amcloud.organisation', true)"
CLOSED = (
    "ALTER TABLE {0} ENABLE ROW LEVEL SECURITY; ALTER TABLE {0} FORCE ROW LEVEL SECURITY; "
    f"CREATE POLICY {{0}}_p ON {{0}} USING (organisation = {SETTING}) WITH CHECK (organisation = {SETTING})"
)
SCHEMA = (
    "CREATE TABLE genre (id serial PRIMARY KEY, nom text NOT NULL UNIQUE)",
    f"CREATE TABLE dossier (id serial PRIMARY KEY, {ORGANISATION}, titre text NOT NULL,"
    " etat varchar(8) NOT NULL CHECK (etat IN ('ouvert', 'clos')), genre_id int NOT NULL REFERENCES genre (id))",
    CLOSED.format("dossier"),
    f"CREATE TABLE piece (id serial PRIMARY KEY, {ORGANISATION}, dossier_id int NOT NULL REFERENCES dossier (id))",
    CLOSED.format("piece"),
)


@pytest.fixture
def access(postgres: PostgresServer) -> Iterator[Access]:
    database = PostgresDatabase(postgres.operator_url)
    yield database.ensure(PLACE, None)
    database.drop(PLACE.database)


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_walk_s_database_is_made_by_the_revision_s_own_migrations_and_probed_like_the_real_one(
    postgres: PostgresServer, access: Access
) -> None:
    trials = TrialDatabases(postgres.operator_url)
    made = trial_access(access, trials.make(PLACE, access))
    run(made.owner_url, *SCHEMA)
    with psycopg.connect(made.app_url) as app:
        assert app.execute("SELECT count(*) FROM dossier").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DROP TABLE dossier")
    assert trials.seen(PLACE).isolated is True
    run(made.owner_url, "DROP POLICY piece_p ON piece", "ALTER TABLE piece DISABLE ROW LEVEL SECURITY")
    assert [one.table for one in trials.seen(PLACE).leaks] == ["piece"]
    with psycopg.connect(access.owner_url) as real:
        assert real.execute("SELECT to_regclass('public.piece')").fetchone() == (None,)
    trials.remove(PLACE.database)
    trials.remove(PLACE.database)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(made.app_url)


def test_one_that_a_killed_pass_left_is_made_afresh_and_goes_with_the_application(
    postgres: PostgresServer, access: Access
) -> None:
    trials, database = TrialDatabases(postgres.operator_url), PostgresDatabase(postgres.operator_url)
    made = trial_access(access, trials.make(PLACE, access))
    run(made.owner_url, SCHEMA[0])
    again = trial_access(access, trials.make(PLACE, access))
    run(again.owner_url, SCHEMA[0])
    database.drop(PLACE.database)
    with psycopg.connect(postgres.operator_url) as connection:
        query = "SELECT count(*) FROM pg_database WHERE datname LIKE 'essai\\_sonde\\_x%'"
        assert connection.execute(query).fetchone() == (0,)


def test_after_a_rotation_the_other_pair_of_roles_walks(postgres: PostgresServer, access: Access) -> None:
    database, trials = PostgresDatabase(postgres.operator_url), TrialDatabases(postgres.operator_url)
    renewed = database.ensure(PLACE, access, Rotation("t1", app_secret=False))
    assert renewed.app_url != access.app_url
    made = trial_access(renewed, trials.make(PLACE, renewed))
    run(made.owner_url, *SCHEMA)
    with psycopg.connect(made.app_url) as app:
        assert app.execute("SELECT count(*) FROM piece").fetchone() == (0,)
    assert trials.seen(PLACE).isolated is True


def test_canaries_of_both_organisations_are_planted_apart_and_what_is_touched_is_counted(
    postgres: PostgresServer, access: Access
) -> None:
    made = trial_access(access, TrialDatabases(postgres.operator_url).make(PLACE, access))
    run(made.owner_url, *SCHEMA)
    with psycopg.connect(made.owner_url, autocommit=True) as connection:
        base = Base(connection, nonce="k7f3")
        assert base.plant() == {}
        assert {name: row["titre"] for name, row in base.records(OWNER_OF_CANARIES) if name == "dossier"} == {
            "dossier": "canari-999-k7f3"
        }
        assert connection.execute("SELECT nom FROM genre").fetchall() == [(SHARED,)]
        before, state = base.touched(), base.state(OWNER_OF_CANARIES)
        run(
            made.app_url,
            f"SET amcloud.organisation = '{READER}'",
            "SELECT * FROM piece",
            "UPDATE dossier SET titre = 'x'",
        )
        assert base.since(before) == ("dossier", "piece")
        assert base.state(OWNER_OF_CANARIES) == state and base.links() == ()
        parent = dict(base.records(OWNER_OF_CANARIES))["dossier"]["id"]
        run(made.app_url, f"SET amcloud.organisation = '{READER}'", f"UPDATE piece SET dossier_id = {parent}")
        assert base.links() == ("piece",)
        base.plant()
        assert base.links() == () and base.state(OWNER_OF_CANARIES) == state
        with psycopg.connect(made.app_url) as still_open:
            began = time.monotonic()
            base.touched()
            assert time.monotonic() - began >= SETTLE_S  # sessions count when they end: it waits for them, once
            still_open.execute("SELECT 1")
