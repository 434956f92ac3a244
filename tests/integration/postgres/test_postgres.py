"""The sandbox's PostgreSQL: who may do what, on a real server."""

from __future__ import annotations

import psycopg
import pytest

from amcloud_sandbox.parts.postgres import Postgres
from amcloud_sandbox.testing.services import PostgresServer, free_port, postgres, temporary_layout

__all__ = ["postgres"]


def test_the_reports_role_reads_what_the_operator_writes_and_changes_nothing(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.operator_url) as connection:
        connection.execute("CREATE TABLE report (body text)")
        connection.execute("INSERT INTO report VALUES ('one')")
    with psycopg.connect(postgres.reports_url, autocommit=True) as connection:
        assert connection.execute("SELECT body FROM report").fetchall() == [("one",)]
        for statement in ("INSERT INTO report VALUES ('two')", "DELETE FROM report", "CREATE TABLE mine (a int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_operator_makes_a_database_and_a_role_for_an_application(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.operator_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE app_owner LOGIN PASSWORD 'sample'")
        connection.execute("GRANT app_owner TO CURRENT_USER")
        connection.execute("CREATE DATABASE app OWNER app_owner")
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname IN ('app_owner', 'amcloud_operator', 'ci')"
        )
        assert set(row.fetchall()) == {(False, False)}


def test_the_pipelines_role_makes_databases_and_sees_neither_the_reports_nor_roles(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.ci_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_of_an_application")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE intruder")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(postgres.ci_url, dbname="amcloud")


def test_a_wrong_password_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.ci_url, password="wrong")


def test_starting_again_keeps_data_and_passwords_and_stopping_removes_them() -> None:
    part = Postgres(hosts=("127.0.0.1",), port=free_port(), durable=False)
    with temporary_layout() as layout:
        try:
            part.up(layout, print)
            file = layout.credentials / "postgres-operator-url"
            url = file.read_text()
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE kept (a int)")
            part.up(layout, print)
            assert file.read_text() == url
            assert file.stat().st_mode & 0o077 == 0
            with psycopg.connect(url) as open_session:
                assert open_session.execute("SELECT count(*) FROM kept").fetchone() == (0,)
                open_session.commit()
                part.down(layout)  # an open session does not hold it up
        finally:
            part.down(layout)
        assert not part.healthy(layout)
        assert not (layout.state / "postgres").exists()
