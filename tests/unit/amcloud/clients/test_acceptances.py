"""Procès-verbaux as the gate reads them: of one application, in the order of their signatures, doubt being negative."""

from __future__ import annotations

from typing import Any

import pytest

from amcloud.clients import acceptances
from amcloud.stages.gate import Acceptance

COMMIT = "c0ffee1111111111111111111111111111111111"
MARCH, APRIL = "2026-03-02T09:00:00Z", "2026-04-02T09:00:00Z"


def signed(outcome: str, at: object, *, app: str = "suivi-courriers") -> dict[str, Any]:
    return {"spec": {"app": app, "commit": COMMIT, "outcome": outcome, "signedTime": at}}


@pytest.mark.parametrize(
    ("found", "positive"),
    [
        pytest.param([signed("Positive", MARCH)], [True], id="one"),
        pytest.param([signed("Positive", APRIL), signed("Negative", MARCH)], [False, True], id="by date, not by list"),
        pytest.param([signed("Negative", MARCH), signed("Positive", MARCH)], [True, False], id="the negative one last"),
        pytest.param([signed("Positive", APRIL, app="annuaire-local")], [], id="of another application"),
        pytest.param([signed("Positive", "hier"), signed("Positive", APRIL)], [True, False], id="an unreadable date"),
        pytest.param([signed("Positive", "2026-03-02T09:00:00")], [False], id="a date without a zone"),
        pytest.param([signed("Réservé", MARCH)], [False], id="an unknown outcome"),
        pytest.param([{"spec": None}, {}], [], id="no specification"),
    ],
)
def test_what_was_signed_is_read_oldest_first_and_doubt_is_negative(found: list[Any], positive: list[bool]) -> None:
    assert acceptances.of("suivi-courriers", found) == tuple(Acceptance(COMMIT, one) for one in positive)
