"""PHP-005: parameters, returns and properties say their types."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import ignored, outcome
from psram.facts import Facts
from psram.index import php_files
from psram.model import MAX_FINDINGS, Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated below the pack's ratio. What is new since another report is told by the reports, not judged here."""
    total = typed = more = 0
    untyped: list[Finding] = []
    most = None if any(d.narrowed for d in context.derogations) else MAX_FINDINGS
    for file, php in php_files(facts):
        if php.typing is None or ignored(file.path, params):
            continue
        total += php.typing.total
        typed += php.typing.typed
        if most is None or len(untyped) < most:
            untyped += _named(file.path, php.typing.untyped)
        elif php.typing.untyped:  # thousands that nobody will see: their number is enough
            more += php.typing.untyped.count("\n") + 1
    wanted = float(params["min_ratio"])
    if typed < total * wanted:
        said = f"{typed} types déclarés sur {total} ({typed / total:.0%}, il en faut {wanted:.0%})"
        return outcome([Finding(said, excerpt="mesure"), *untyped], more=more)
    return outcome([])


def _named(path: str, untyped: str) -> Iterator[Finding]:
    for told in untyped.split("\n") if untyped else ():
        line, _, name = told.partition(" ")
        kind = "la propriété" if name.startswith("$") else "le retour de" if name.endswith("()") else "le paramètre de"
        yield Finding(f"{kind} {name} n'a pas de type", path, int(line), excerpt=name)
