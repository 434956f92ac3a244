"""What the norm engine says of migrations, against what a real PostgreSQL then shows to another organisation.

The promise is one-sided: where rows of one organisation can be seen or written from another, the engine never says
that the table is guarded. (It may refuse what happens to be safe: those cases are listed as such.)
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from amcloud_sandbox.testing.services import PostgresServer, postgres
from psram.collect.memory import collect_files
from psram.tenancy.guards import problems
from psram.tenancy.schema import replay
from psram.tenancy.vocabulary import Vocabulary

__all__ = ["postgres"]

Connection = psycopg.Connection[tuple[object, ...]]
WORDS = Vocabulary()
LIMIT = "organisation = current_setting('amcloud.organisation', true)"
TABLE = "CREATE TABLE courrier (id int, organisation char(3) NOT NULL, objet text);\n"
GUARD = (
    "ALTER TABLE courrier ENABLE ROW LEVEL SECURITY;\nALTER TABLE courrier FORCE ROW LEVEL SECURITY;\n"
    f"CREATE POLICY p ON courrier USING ({LIMIT}) WITH CHECK ({LIMIT});\n"
)


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Connection]:
    """A connection that may become the owner of the tables, or the application."""
    with psycopg.connect(postgres.operator_url, autocommit=True) as operator:
        for role in ("proprietaire", "application"):
            operator.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            operator.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
        operator.execute("CREATE DATABASE isolation OWNER proprietaire")
    with psycopg.connect(postgres.operator_url, dbname="isolation") as connection:
        connection.execute("SET ROLE proprietaire")
        connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO proprietaire, application")
        connection.commit()
        yield connection


def guarded(*migrations: str) -> bool:
    """Whether the engine finds nothing to say of the tables that hold rows of organisations."""
    files = {f"migrations/{number:04}_m.sql": text.encode() for number, text in enumerate(migrations, 1)}
    schema = replay(collect_files(files), WORDS)
    lacking = [
        problem
        for name in schema.tenant_tables() | {"courrier"}
        if name in schema.tables
        for problem in problems(schema.tables[name], WORDS, tenant=schema.tenant(name))
    ]
    return not (lacking or schema.escapes or schema.doubts)


def leaks(database: Connection, *migrations: str) -> bool | None:
    """Whether organisation 681 sees or writes rows of 671 after them; ``None`` when PostgreSQL refuses them."""
    try:
        with database.transaction(force_rollback=True):
            database.execute("SET LOCAL ROLE proprietaire")
            database.execute(TABLE.encode())
            database.execute("GRANT ALL ON courrier TO application")
            for code in ("671", "681"):
                database.execute("INSERT INTO courrier VALUES (1, %s, 'objet')", (code,))
            database.execute("SELECT set_config('amcloud.organisation', '671', true)")
            for text in migrations:
                database.execute(text.encode())
            return _shown(database)
    except psycopg.Error:
        return None


def _shown(database: Connection) -> bool:
    database.execute("SET LOCAL ROLE proprietaire")
    database.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO application")
    found = database.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation'"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm', 'v') AND NOT a.attisdropped"
    ).fetchall()
    owned = [sql.Identifier(str(name)) for (name,) in found]
    for role in ("application", "proprietaire"):
        database.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        database.execute("SELECT set_config('amcloud.organisation', '681', true)")
        if any(_reads(database, name) or _writes(database, name) for name in owned):
            return True
    return False


def _reads(database: Connection, name: sql.Identifier) -> bool:
    row = database.execute(sql.SQL("SELECT count(*) FROM {} WHERE organisation <> '681'").format(name)).fetchone()
    return row is not None and row[0] != 0


def _writes(database: Connection, name: sql.Identifier) -> bool:
    for statement in ("INSERT INTO {} (organisation) VALUES ('671')", "UPDATE {} SET organisation = '671'"):
        try:
            with database.transaction(force_rollback=True):
                if database.execute(sql.SQL(statement).format(name)).rowcount:
                    return True
        except psycopg.Error:
            continue
    return False


SAFE = (
    "SELECT 1",
    "CREATE POLICY q ON courrier AS RESTRICTIVE USING (true)",
    "CREATE VIEW v AS SELECT * FROM courrier",
    "ALTER TABLE courrier RENAME COLUMN objet TO sujet",
    "COMMENT ON TABLE courrier IS 'ALTER TABLE courrier DISABLE ROW LEVEL SECURITY; --'",
    r"SELECT E'\'; ALTER TABLE courrier DISABLE ROW LEVEL SECURITY; --'",
    "SELECT $a$ ; ALTER TABLE courrier DISABLE ROW LEVEL SECURITY; $a$",
    f"ALTER POLICY p ON courrier USING (objet = 'objet' AND {LIMIT})",
    "ALTER POLICY p ON courrier USING (current_setting('amcloud.organisation'::text)::bpchar = (organisation))",
)
LEAKING = (
    "ALTER TABLE courrier DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE courrier NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY q ON courrier USING (true)",
    "ALTER POLICY p ON courrier WITH CHECK (true)",
    f"ALTER POLICY p ON courrier USING ({LIMIT} OR objet = 'objet')",
    "CREATE TABLE copie AS SELECT * FROM courrier",
    "CREATE MATERIALIZED VIEW v AS SELECT * FROM courrier",
    "DO 'begin execute ''alter table courrier disable row '' || ''level security''; end'",
)


@pytest.mark.parametrize(
    "change",
    [
        *SAFE,
        *LEAKING,
        "/* /* */ ALTER TABLE courrier ENABLE ROW LEVEL SECURITY; */ ALTER TABLE courrier DISABLE ROW LEVEL SECURITY",
        "DROP POLICY p ON courrier",
        "CREATE POLICY q ON courrier FOR INSERT WITH CHECK (true)",
        "CREATE POLICY q ON courrier FOR SELECT USING (organisation <> current_setting('amcloud.organisation'))",
        "ALTER POLICY p ON courrier USING (true)",
        "CREATE TABLE copie (LIKE courrier INCLUDING ALL); INSERT INTO copie VALUES (2, '671', 'copie')",
        "SELECT * INTO copie FROM courrier",
        "CREATE TABLE fille () INHERITS (courrier); INSERT INTO fille VALUES (2, '671', 'copie')",
        "ALTER TABLE courrier RENAME TO lettre; ALTER TABLE lettre DISABLE ROW LEVEL SECURITY",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE courrier ' || 'DISABLE ROW LEVEL SECURITY'; END $$",
    ],
)
def test_what_postgresql_shows_the_engine_never_calls_guarded(database: Connection, change: str) -> None:
    leak = leaks(database, GUARD, change)
    assert leak is not None, "PostgreSQL refuses this change: it proves nothing"
    assert not (leak and guarded(TABLE, GUARD, change))
    if change in SAFE:
        assert not leak
        assert guarded(TABLE, GUARD, change)


def test_the_probe_itself_sees_leaks(database: Connection) -> None:
    assert leaks(database, "SELECT 1") is True
    assert leaks(database, GUARD) is False
    seen = {change: leaks(database, GUARD, change) for change in LEAKING}
    assert all(seen.values()), seen


CONDITIONS = st.sampled_from(
    [
        LIMIT,
        f"({LIMIT})",
        f"{LIMIT} AND objet IS NOT NULL",
        f"{LIMIT} OR id = 1",
        "true",
        "objet = 'objet'",
        f"NOT ({LIMIT})",
        "organisation <> current_setting('amcloud.organisation', true)",
        "organisation = coalesce(current_setting('amcloud.autre', true), organisation)",
        "courrier.organisation::text = (SELECT current_setting('amcloud.organisation'))",
        f"CASE WHEN {LIMIT} THEN true ELSE true END",
        f"({LIMIT}) IS NOT NULL",
        f"id = 1 AND (id = 2 OR {LIMIT})",
        f"(id = 2 AND {LIMIT}) OR (id = 1 AND {LIMIT})",
        "organisation IN (current_setting('amcloud.organisation', true))",
    ]
)
COMMANDS = st.sampled_from(["", " FOR ALL", " FOR SELECT", " FOR INSERT", " FOR UPDATE", " FOR DELETE"])


@st.composite
def changes(draw: st.DrawFn) -> str:
    """One statement about the table's protection, or something that only looks like one."""
    name, condition, command = draw(st.sampled_from("pqr")), draw(CONDITIONS), draw(COMMANDS)
    using = "" if command == " FOR INSERT" else f" USING ({condition})"
    check = "" if command in (" FOR SELECT", " FOR DELETE") else f" WITH CHECK ({draw(CONDITIONS)})"
    kind = draw(st.sampled_from(["", " AS RESTRICTIVE", " AS PERMISSIVE"]))
    statement = draw(
        st.sampled_from(
            [
                f"CREATE POLICY {name} ON courrier{kind}{command}{using}{check};",
                f"ALTER POLICY {name} ON public.courrier USING ({condition});",
                f"DROP POLICY IF EXISTS {name} ON courrier;",
                f'ALTER POLICY {name} ON courrier RENAME TO "{draw(st.sampled_from("pqr"))}";',
                "ALTER TABLE courrier ENABLE ROW LEVEL SECURITY;",
                'ALTER TABLE IF EXISTS ONLY "courrier" FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER;',
                "ALTER TABLE courrier DISABLE ROW LEVEL SECURITY;",
                "ALTER TABLE courrier NO FORCE ROW LEVEL SECURITY;",
            ]
        )
    )
    disguise = draw(st.sampled_from(["{}", "{}", "{}", "/* {} */", "-- {}\n", "/* /* */ {} */", "SELECT $x$ {} $x$;"]))
    return disguise.format(statement)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(changes(), min_size=1, max_size=5).map("\n".join))
def test_no_sequence_of_changes_hides_a_leak(database: Connection, change: str) -> None:
    leak = leaks(database, GUARD, change)
    if leak:
        assert not guarded(TABLE, GUARD, change), change
