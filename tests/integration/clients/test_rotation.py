"""Rotation on a real PostgreSQL: at every step an old session goes on and a new one opens, until nobody needs it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from amcloud.clients import credentials
from amcloud.clients.database import PostgresDatabase
from amcloud.stages.declared.app import Rotation
from amcloud.stages.render import Access, Place
from amcloud_sandbox.testing.services import PostgresServer, postgres

__all__ = ["postgres"]

PLACE = Place("tournant-acceptance", "tournant.acceptance.example", "tournant_acceptance")
FIRST, SECOND, THIRD = Rotation("un"), Rotation("deux"), Rotation("trois")
TABLE = """
CREATE TABLE IF NOT EXISTS courrier (
    id bigint GENERATED ALWAYS AS IDENTITY, organisation char(3) NOT NULL, objet text);
ALTER TABLE courrier ENABLE ROW LEVEL SECURITY;
ALTER TABLE courrier FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS organisme ON courrier;
CREATE POLICY organisme ON courrier TO tournant_acceptance_app
    USING (organisation = current_setting('amcloud.organisation', true))
    WITH CHECK (organisation = current_setting('amcloud.organisation', true));
"""


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    client = PostgresDatabase(postgres.operator_url)
    yield client
    client.drop(PLACE.database)


@pytest.fixture
def first(database: PostgresDatabase) -> Access:
    made = database.ensure(PLACE, None)
    with psycopg.connect(made.owner_url) as owner:
        owner.execute(TABLE.encode())
    return made


def works(session: psycopg.Connection, code: str = "671") -> str:
    """The session writes and reads its own rows; the role as which it acts."""
    session.execute("SELECT set_config('amcloud.organisation', %s, false)", (code,))
    session.execute("INSERT INTO courrier (organisation, objet) VALUES (%s, 'essai')", (code,))
    rows = session.execute("SELECT DISTINCT organisation, current_user FROM courrier").fetchall()
    assert [row[0] for row in rows] == [code]
    return str(rows[0][1])


def opens(access: Access) -> bool:
    """Whether both roles of these credentials sign in, and the application's works."""
    with psycopg.connect(access.owner_url), psycopg.connect(access.app_url) as app:
        return works(app) == "tournant_acceptance_app"


def test_at_every_step_an_old_session_goes_on_and_a_new_one_opens(database: PostgresDatabase, first: Access) -> None:
    with psycopg.connect(first.app_url, autocommit=True) as old:
        works(old)
        second = database.ensure(PLACE, first, FIRST)
        assert second.app_url != first.app_url
        assert works(old) == "tournant_acceptance_app"  # prepared: both are valid
        assert opens(first)
        assert opens(second)
        # the Secret says the new ones: passes repeat themselves until no pod holds the old ones
        assert database.ensure(PLACE, second, FIRST) == second
        assert works(old) == "tournant_acceptance_app"
        assert opens(first)
        with psycopg.connect(second.app_url, autocommit=True) as new:
            database.retire(PLACE, second)
            assert works(new) == "tournant_acceptance_app"
        with pytest.raises(psycopg.OperationalError):
            works(old)
    assert opens(second)
    for url in (first.app_url, first.owner_url):
        with pytest.raises(psycopg.OperationalError, match=r"authentication failed|not permitted to log in"):
            psycopg.connect(url)


def test_turns_alternate_and_a_former_password_never_comes_back(database: PostgresDatabase, first: Access) -> None:
    second = database.ensure(PLACE, first, FIRST)
    database.retire(PLACE, second)
    third = database.ensure(PLACE, second, SECOND)
    assert credentials.turn(PLACE.database, third) is credentials.Turn.FIRST
    assert opens(second)
    assert opens(third)
    database.retire(PLACE, third)
    assert opens(third)
    for former in (first, second):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(former.app_url)


def test_a_second_rotation_waits_until_the_former_credentials_are_retired(
    database: PostgresDatabase, first: Access
) -> None:
    second = database.ensure(PLACE, first, FIRST)
    assert database.ensure(PLACE, second, SECOND) == second
    assert opens(first)
    database.retire(PLACE, second)
    assert database.ensure(PLACE, second, SECOND) != second


def test_a_pass_killed_before_the_secret_was_written_cuts_nobody(
    postgres: PostgresServer, database: PostgresDatabase, first: Access
) -> None:
    database.ensure(PLACE, first, FIRST)  # the Secret still says the first ones, and another operator starts
    again = PostgresDatabase(postgres.operator_url)
    assert again.ensure(PLACE, first, FIRST) == first
    assert opens(first)
    again.retire(PLACE, first)  # no pod holds the lost ones
    second = again.ensure(PLACE, first, FIRST)
    assert opens(first)
    assert opens(second)


def test_the_owner_of_the_second_turn_makes_tables_that_the_first_one_owns_and_the_application_reaches(
    database: PostgresDatabase, first: Access
) -> None:
    second = database.ensure(PLACE, first, FIRST)
    with psycopg.connect(second.owner_url) as owner:
        owner.execute("CREATE TABLE apres (x int)")
        owner.execute("ALTER TABLE courrier ADD COLUMN lu boolean")
        made = owner.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'apres'").fetchone()
    assert made == ("tournant_acceptance_owner",)
    for access in (first, second):
        with psycopg.connect(access.app_url) as app:
            app.execute("INSERT INTO apres VALUES (1)")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("ALTER TABLE courrier DISABLE ROW LEVEL SECURITY", id="lift the isolation"),
        pytest.param("SET ROLE NONE; CREATE TABLE ailleurs (id int)", id="own a table under its own name"),
        pytest.param("SET ROLE tournant_acceptance_owner", id="become the owner"),
        pytest.param("SET ROLE tournant_acceptance_owner_b", id="become the other owner"),
        pytest.param("SET ROLE NONE; ALTER ROLE tournant_acceptance_app_b BYPASSRLS", id="raise itself"),
        pytest.param("SET ROLE NONE; CREATE ROLE ailleurs", id="create a role"),
    ],
)
def test_the_application_s_role_of_the_second_turn_may_no_more_than_the_first(
    database: PostgresDatabase, first: Access, statement: str
) -> None:
    second = database.ensure(PLACE, first, FIRST)
    connected = psycopg.connect(second.app_url, autocommit=True)
    with connected as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement.encode())


def test_rows_of_another_organisation_stay_hidden_whatever_the_role_in_use(
    database: PostgresDatabase, first: Access
) -> None:
    second = database.ensure(PLACE, first, FIRST)
    with psycopg.connect(first.app_url) as app:
        works(app, "671")
    with psycopg.connect(second.app_url) as app:
        works(app, "681")
        app.execute("SET ROLE NONE")
        assert app.execute("SELECT DISTINCT organisation FROM courrier").fetchall() == [("681",)]


def test_retiring_when_nothing_was_rotated_changes_nothing_and_dropping_leaves_no_role(
    postgres: PostgresServer, database: PostgresDatabase, first: Access
) -> None:
    database.retire(PLACE, first)
    assert opens(first)
    database.ensure(PLACE, first, FIRST)
    database.drop(PLACE.database)
    with psycopg.connect(postgres.operator_url) as operator:
        assert operator.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'tournant%'").fetchone() == (0,)
