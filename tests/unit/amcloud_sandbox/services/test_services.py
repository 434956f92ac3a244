"""What registry, PostgreSQL and identity provider are configured with."""

from __future__ import annotations

from pathlib import Path

import yaml

from amcloud_sandbox.identity import USERS, agent_of
from amcloud_sandbox.identity.signing_in import is_hosted
from amcloud_sandbox.parts.postgres import ROLES, access, settings
from amcloud_sandbox.parts.registry import configuration


def test_the_registry_listens_on_one_address_and_forgets_nothing_by_a_cache() -> None:
    read = yaml.safe_load(configuration(host="127.0.0.1", port=5000, storage=Path("/s"), secret="x"))
    assert read["http"]["addr"] == "127.0.0.1:5000"
    assert read["storage"]["delete"] == {"enabled": True}
    assert "cache" not in read["storage"]


def test_no_role_of_the_database_server_is_superuser_or_escapes_row_security() -> None:
    assert not [role for role in ROLES if "SUPERUSER" in role.options or "BYPASSRLS" in role.options]


def test_the_database_asks_everybody_for_a_password_except_the_local_administrator() -> None:
    rows = [line.split() for line in access().splitlines()]
    assert [row for row in rows if row[-1] != "scram-sha-256"] == [
        ["local", "all", "postgres", "peer", "map=administrators"]
    ]


def test_a_throw_away_database_does_not_wait_for_the_disk() -> None:
    assert "fsync = off" in settings(hosts=("127.0.0.1",), port=1, sockets=Path("/s"), durable=False)
    assert "fsync = on" in settings(hosts=("127.0.0.1",), port=1, sockets=Path("/s"), durable=True)


def test_sample_agents_are_visibly_no_persons() -> None:
    assert all(agent.subject.endswith(".invalid") for agent in USERS)


def test_an_agent_s_token_names_the_fund_and_that_of_nobody_s_agent_does_not() -> None:
    assert agent_of("671").claims["organisation"] == "671"
    assert ["organisation" in agent.claims for agent in USERS] == [True, True, True, False]


def test_only_the_platform_s_names_are_sent_to_the_edge() -> None:
    assert is_hosted("amcloud.localhost")
    assert is_hosted("a.b.amcloud.localhost")
    assert not any(map(is_hosted, (None, "localhost", "evilamcloud.localhost", "amcloud.localhost.evil.invalid")))
