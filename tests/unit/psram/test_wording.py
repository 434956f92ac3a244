from __future__ import annotations

import pytest

from psram.wording import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        pytest.param(0, ("requête directe",), "0 requête directe", id="none is singular in French"),
        pytest.param(1, ("requête directe",), "1 requête directe", id="one"),
        pytest.param(2, ("requête directe",), "2 requêtes directes", id="each word agrees"),
        pytest.param(3, ("test d'isolation", "tests d'isolation"), "3 tests d'isolation", id="a plural of its own"),
    ],
)
def test_words_agree_with_their_number(number: int, words: tuple[str, ...], said: str) -> None:
    assert counted(number, *words) == said
