"""What the probe saw, in words and as an answer."""

from __future__ import annotations

import pytest

from amcloud.stages.seen.isolation import Breach, Isolation, TableProbe

CLOSED = TableProbe("courrier")
LEAK = TableProbe("service", (Breach.READ, Breach.DELETE))
DOUBT = TableProbe("forme", unproven="colonne lieu de type point")


@pytest.mark.parametrize(
    ("tables", "isolated", "words"),
    [
        pytest.param((), True, "Aucune table n'est partagée", id="no table"),
        pytest.param((CLOSED,), True, "Isolation constatée sur 1 table.", id="one table"),
        pytest.param((CLOSED, CLOSED), True, "sur 2 tables", id="two tables"),
        pytest.param((CLOSED, DOUBT), None, "forme (colonne lieu de type point)", id="a doubt"),
        pytest.param((DOUBT, LEAK), False, "service : un organisme peut lire les lignes, effacer", id="leak"),
        pytest.param((LEAK,) * 5, False, "et 2 autres", id="many leaks"),
    ],
)
def test_tables_give_one_answer_and_one_sentence(
    tables: tuple[TableProbe, ...], isolated: bool | None, words: str
) -> None:
    seen = Isolation(tables)
    assert seen.isolated is isolated
    assert words in seen.sentence()
