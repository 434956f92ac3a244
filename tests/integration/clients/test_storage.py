"""The size of an instance's database, on a real PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from amcloud.clients import database as client
from amcloud.clients.database import PostgresDatabase
from amcloud.errors import BrokenInstallationError
from amcloud.stages.render import Place
from amcloud.stages.seen.storage import GIB, Storage
from amcloud_sandbox.testing.services import PostgresServer, postgres

__all__ = ["postgres"]

PLACE = Place("volume-acceptance", "volume.acceptance.example", "volume_acceptance")


def test_a_database_is_measured_with_its_rows_and_measured_again_after_a_while(postgres: PostgresServer) -> None:
    now = [0.0]
    database = PostgresDatabase(postgres.operator_url, clock=lambda: now[0])
    made = database.ensure(PLACE, None)
    empty = database.size(PLACE)
    assert 1024**2 < empty < GIB
    assert Storage(empty, 1).step is None
    with psycopg.connect(made.owner_url) as owner:
        owner.execute("CREATE TABLE lettre AS SELECT repeat(md5(i::text), 30) AS x FROM generate_series(1, 20000) i")
    assert database.size(PLACE) == empty
    now[0] += client.MEASURED_S + 1
    assert database.size(PLACE) - empty > 10 * 1024**2
    database.drop(PLACE.database)


def test_a_database_that_does_not_exist_has_no_size(postgres: PostgresServer) -> None:
    absent = Place("absente-acceptance", "absente.example", "absente_acceptance")
    with pytest.raises(BrokenInstallationError, match="mesure de la base absente_acceptance"):
        PostgresDatabase(postgres.operator_url).size(absent)
