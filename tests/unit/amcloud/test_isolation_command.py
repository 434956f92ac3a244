"""The matrix of routes as people read it, and what its exit status says."""

from __future__ import annotations

from typing import Any

import pytest

from amcloud.cli import isolation
from amcloud.cli.exits import Exit

CLOSED = {"route": "GET /courriers/{id}", "kind": "détail", "seen": "closed"}
RED = {"route": "POST /pieces", "kind": "envoi", "seen": "uncovered", "why": "réponse 500"}
LEAK = {"route": "GET /services", "kind": "liste", "seen": "leak", "why": "l'agent d'un autre organisme y lit"}


def app(status: str, *routes: dict[str, str], **walk: Any) -> dict[str, Any]:
    condition = {"type": "TenantIsolated", "status": status, "message": "Isolation…"}
    seen = {"time": "2026-03-02T08:00:00Z", "tables": 4, "routes": list(routes), **walk}
    return {"status": {"stages": [{"name": "acceptance", "conditions": [condition], "isolation": seen}]}}


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        pytest.param(app("True", CLOSED), Exit.OK, "GET /courriers/{id}  détail     ✓ isolée", id="proven"),
        pytest.param(app("Unknown", RED), Exit.REFUSED, "✗ non couverte  réponse 500", id="a red cell"),
        pytest.param(app("False", LEAK), Exit.REFUSED, "✗ FUITE", id="leak"),
        pytest.param(app("Unknown", problem="pas d'image"), Exit.REFUSED, "Isolation…", id="not walked, and why"),
        pytest.param(app("True", CLOSED, leftOut=3), Exit.OK, "et 3 autres", id="more than a status holds"),
        pytest.param({"status": {"stages": [{"name": "x"}]}}, Exit.COULD_NOT_TELL, "pas encore parcourue", id="new"),
        pytest.param({}, Exit.COULD_NOT_TELL, "Aucune étape", id="no stage"),
    ],
)
def test_each_route_has_its_cell_and_the_worst_decides(found: dict[str, Any], status: Exit, words: str) -> None:
    seen = isolation.described(found)
    assert isolation.verdict(seen) is status
    assert words in "\n".join(isolation.matrix(seen))
    assert "\x1b[" not in "\n".join(isolation.matrix(seen))


def test_one_stage_may_be_asked_for() -> None:
    assert isolation.described(app("True", CLOSED), "production") == []
