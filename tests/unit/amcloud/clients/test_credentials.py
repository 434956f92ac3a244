"""Credentials by turns: what is renewed, what stays, and whose turn it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amcloud.clients import credentials
from amcloud.clients.credentials import Turn
from amcloud.stages.declared.app import Rotation
from amcloud.stages.render import Access, fingerprint

BASE, SERVER = "suivi_acceptance", "base.example:5432"
ASKED = Rotation("2026-03-02T08:00:00Z")


@pytest.fixture
def known() -> Access:
    return credentials.completed(BASE, None, None, server=SERVER)


def test_new_credentials_are_of_the_first_turn_and_differ_between_roles_and_instances(known: Access) -> None:
    assert known.app_url.startswith("postgresql://suivi_acceptance_app:")
    assert known.owner_url.startswith("postgresql://suivi_acceptance_owner:")
    other = credentials.completed(BASE, None, None, server=SERVER)
    drawn = {credentials.password(url) for url in (known.app_url, known.owner_url, other.app_url, other.owner_url)}
    assert len(drawn) == 4


def test_known_credentials_stay_and_follow_the_server(known: Access) -> None:
    assert credentials.completed(BASE, known, ASKED, server=SERVER) == known
    moved = credentials.completed(BASE, known, None, server="ailleurs.example:5433")
    assert "@ailleurs.example:5433/" in moved.app_url
    assert credentials.password(moved.app_url) == credentials.password(known.app_url)


def test_a_rotation_gives_the_other_turn_and_keeps_what_signs_people_in(known: Access) -> None:
    second = credentials.renewed(BASE, known, ASKED, server=SERVER)
    assert (credentials.turn(BASE, known), credentials.turn(BASE, second)) == (Turn.FIRST, Turn.SECOND)
    assert (second.app_secret, second.oidc_client_secret) == (known.app_secret, known.oidc_client_secret)
    assert not credentials.asked(second, ASKED)
    third = credentials.renewed(BASE, second, Rotation("autre"), server=SERVER)
    assert credentials.turn(BASE, third) is Turn.FIRST
    assert credentials.password(third.app_url) != credentials.password(known.app_url)


def test_app_secret_changes_only_when_asked_and_the_provider_s_secret_never(known: Access) -> None:
    renewed = credentials.renewed(BASE, known, replace(ASKED, app_secret=True), server=SERVER)
    assert renewed.app_secret != known.app_secret
    assert renewed.oidc_client_secret == known.oidc_client_secret


def test_credentials_made_anew_answer_a_rotation_at_once() -> None:
    assert not credentials.asked(credentials.completed(BASE, None, ASKED, server=SERVER), ASKED)


def test_roles_of_somebody_else_in_the_secret_are_not_taken_over(known: Access) -> None:
    forged = replace(known, app_url=f"postgresql://annuaire_acceptance_app_b:x@{SERVER}/annuaire_acceptance")
    completed = credentials.completed(BASE, forged, None, server=SERVER)
    assert completed.app_url == f"postgresql://suivi_acceptance_app:x@{SERVER}/suivi_acceptance"


def test_names_of_the_longest_database_fit_postgresql_and_stay_distinct() -> None:
    names = [credentials.roles("x" * 53, turn) for turn in Turn]
    assert all(len(name) <= 63 for pair in names for name in (pair.owner, pair.app))


def test_the_fingerprint_follows_what_pods_hold_and_tells_nothing(known: Access) -> None:
    assert fingerprint(replace(known, owner_url="autre", rotation="autre")) == fingerprint(known)
    for held in ("app_url", "app_secret", "oidc_client_secret"):
        assert fingerprint(replace(known, **{held: "autre"})) != fingerprint(known)
    assert credentials.password(known.app_url) not in fingerprint(known)
