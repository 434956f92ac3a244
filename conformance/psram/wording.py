"""French words beside a number: « 1 requête directe », « 3 requêtes directes »."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """The number and the word that agrees with it; without ``many``, each word of ``one`` takes an s.

    French takes the singular for 0 and 1.
    """
    plural = many or " ".join(f"{word}s" for word in one.split(" "))
    return f"{number} {plural if number > 1 else one}"
