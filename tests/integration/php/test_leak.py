"""The leak that the norms find in annuaire-local is a true one: seen over HTTP, and gone once corrected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amcloud_sandbox.testing.php import Application, Workshop


def test_the_first_revision_of_annuaire_local_truly_leaks(
    workshop: Workshop, serve: Callable[[Path], Application]
) -> None:
    app = serve(workshop.installed("annuaire-local", "r1"))
    sent = app.request(
        "POST", "/fiches", host="671", token=app.token("671"), json={"nom": "Exemple Secret", "poste": "0100"}
    )
    assert sent.status_code == 201, sent.text
    leaked = app.request("GET", "/fiches?q=exemple", host="681", token=app.token("681")).json()["fiches"]
    assert [one["nom"] for one in leaked] == ["Exemple Secret"]
