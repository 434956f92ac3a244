"""The isolation probe on a real PostgreSQL: closed tables are proven closed, each way to leak is seen."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from amcloud.clients import isolation
from amcloud.clients.database import PROVEN_S, PostgresDatabase
from amcloud.stages.render import Place
from amcloud.stages.seen.isolation import Breach, Isolation
from amcloud_sandbox.testing.services import PostgresServer, postgres

__all__ = ["postgres"]

SETTING = "current_setting('amcloud.organisation', true)"
CLOSED = (
    "ALTER TABLE {0} ENABLE ROW LEVEL SECURITY; ALTER TABLE {0} FORCE ROW LEVEL SECURITY; "
    f"CREATE POLICY {{0}}_p ON {{0}} USING (organisation = {SETTING}) WITH CHECK (organisation = {SETTING})"
)
NOTE = "CREATE TABLE note (id serial PRIMARY KEY, organisation char(3) NOT NULL, texte text NOT NULL)"


class Base:
    """One application's database with its two roles, and the probe of it."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.name, self.server = name, server
        place = Place(name.replace("_", "-"), "exemple", name)
        self.access = PostgresDatabase(server.operator_url).ensure(place, None)

    def owner(self, *statements: str) -> None:
        with psycopg.connect(self.access.owner_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def probe(self) -> Isolation:
        with psycopg.connect(self.server.operator_url, dbname=self.name, autocommit=True) as connection:
            return isolation.probe(connection, owner=f"{self.name}_owner", app=f"{self.name}_app")


@pytest.fixture
def base(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Base]:
    name = f"sonde_{abs(hash(request.node.name)) % 10**8}"
    yield Base(postgres, name)
    PostgresDatabase(postgres.operator_url).drop(name)


def test_closed_tables_are_proven_closed_and_nothing_stays(base: Base) -> None:
    base.owner(
        "CREATE TYPE etat AS ENUM ('recu', 'clos')",
        "CREATE TABLE service (id serial PRIMARY KEY, nom varchar(4) NOT NULL,"
        " organisation char(3) NOT NULL CHECK (organisation ~ '^[0-9]{3}$'))",
        CLOSED.format("service"),
        "CREATE TABLE courrier (id uuid PRIMARY KEY, organisation char(3) NOT NULL, service_id int NOT NULL REFERENCES"
        " service (id), recu_le date NOT NULL, vu timestamptz NOT NULL, etat etat NOT NULL, contenu bytea NOT NULL,"
        " corps jsonb NOT NULL, mots text[] NOT NULL, prix numeric(6,2) NOT NULL, urgent boolean NOT NULL)",
        CLOSED.format("courrier"),
    )
    seen = base.probe()
    assert seen.isolated is True, seen.sentence()
    assert [one.table for one in seen.tables] == ["courrier", "service"]
    assert seen.sentence() == "Isolation constatée sur 2 tables."
    with psycopg.connect(base.access.owner_url) as connection:
        connection.execute("SELECT set_config('amcloud.organisation', '999', false)")
        assert connection.execute("SELECT count(*) FROM courrier").fetchone() == (0,)


@pytest.mark.parametrize(
    ("statements", "breaches"),
    [
        pytest.param(("",), set(Breach), id="no row-level security"),
        pytest.param(
            (CLOSED.format("note"), "ALTER TABLE note DISABLE ROW LEVEL SECURITY"),
            set(Breach),
            id="disabled afterwards",
        ),
        pytest.param((CLOSED.format("note"), "CREATE POLICY tout ON note USING (true)"), set(Breach), id="open policy"),
        pytest.param(
            (CLOSED.format("note"), "CREATE POLICY lire ON note FOR SELECT USING (true)"),
            {Breach.READ, Breach.READ_WITHOUT_ORGANISATION},
            id="open for reading",
        ),
        pytest.param(
            (CLOSED.format("note"), "CREATE POLICY ecrire ON note FOR INSERT WITH CHECK (true)"),
            {Breach.INSERT},
            id="open for writing",
        ),
        pytest.param(
            (
                "ALTER TABLE note ENABLE ROW LEVEL SECURITY; ALTER TABLE note FORCE ROW LEVEL SECURITY",
                f"CREATE POLICY p ON note USING (organisation = {SETTING} OR coalesce({SETTING}, '') = '')",
            ),
            {Breach.READ_WITHOUT_ORGANISATION},
            id="open when no organisation is set",
        ),
    ],
)
def test_each_way_to_leak_is_seen(base: Base, statements: tuple[str, ...], breaches: set[Breach]) -> None:
    base.owner(NOTE, *filter(None, statements))
    seen = base.probe()
    assert seen.isolated is False
    assert set(seen.tables[0].breaches) == breaches
    assert "note : un organisme peut" in seen.sentence()


def test_a_materialized_copy_leaks_what_its_table_protects(base: Base) -> None:
    base.owner(
        NOTE,
        "INSERT INTO note (organisation, texte) VALUES ('671', 'exemple')",
        "CREATE MATERIALIZED VIEW copie AS SELECT * FROM note",
        CLOSED.format("note"),
    )
    leaks = base.probe().leaks
    assert [one.table for one in leaks] == ["copie"]


def test_what_takes_no_canary_is_not_proven_and_says_why(base: Base) -> None:
    base.owner(
        "CREATE TABLE forme (id serial, organisation char(3) NOT NULL, lieu point NOT NULL)",
        CLOSED.format("forme"),
        "CREATE TABLE stricte (id serial, organisation char(3) NOT NULL, code text NOT NULL CHECK (code ~ '^Z[0-9]$'))",
        CLOSED.format("stricte"),
    )
    seen = base.probe()
    assert seen.isolated is None
    assert "colonne lieu de type point" in seen.sentence()
    assert "stricte_code_check" in seen.sentence()


def test_a_database_without_shared_table_is_isolated(base: Base) -> None:
    base.owner("CREATE TABLE reglage (cle text PRIMARY KEY)")
    assert base.probe().isolated is True


def test_a_proven_revision_is_believed_for_a_while_and_a_leak_never(postgres: PostgresServer, base: Base) -> None:
    now = [0.0]
    database = PostgresDatabase(postgres.operator_url, clock=lambda: now[0])
    place = Place(base.name.replace("_", "-"), "exemple", base.name)
    base.owner(NOTE, CLOSED.format("note"))
    assert database.isolation(place, "a" * 40).isolated is True
    base.owner("ALTER TABLE note DISABLE ROW LEVEL SECURITY")
    assert database.isolation(place, "a" * 40).isolated is True
    assert database.isolation(place, "b" * 40).isolated is False
    now[0] = PROVEN_S + 1
    assert database.isolation(place, "a" * 40).isolated is False
    base.owner("ALTER TABLE note ENABLE ROW LEVEL SECURITY")
    assert database.isolation(place, "a" * 40).isolated is True
