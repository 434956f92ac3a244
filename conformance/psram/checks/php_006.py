"""PHP-006: constructs that hide what a program does, or belong to a debugging session, are not used."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, ignored, outcome
from psram.facts import Facts, FileFact, Mark
from psram.index import beside_code, marks
from psram.model import Context, Finding, Outcome, Severity

_PRINTS = {"var_export": "print_r"}
"""What shows a value as another one does, and is forbidden with it."""


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by forbidden calls and statements; blocking when one of them executes text as code."""
    grave = frozenset(params["blocking"])
    forbidden = grave | frozenset(params["forbidden"])
    found = [(mark.name, finding) for mark, finding in _uses(facts, params, forbidden)]
    severity = Severity.BLOCKING if any(name in grave for name, _finding in found) else None
    return outcome([finding for _name, finding in found], severity=severity)


def _uses(facts: Facts, params: Params, forbidden: frozenset[str]) -> Iterator[tuple[Mark, Finding]]:
    for file, mark in marks(facts, "call-text") if "$fonction()" in forbidden else ():
        if _counts(file, mark, params):
            yield mark, at(file, mark, f"la fonction appelée est nommée par un texte composé ({mark.name})")
    for file, mark in _dumped(facts):
        if mark.name in forbidden and _counts(file, mark, params):
            yield mark, at(file, mark, f"« {mark.name} » est interdit")
    for file, mark in marks(facts, "call", "silence", "backtick", "exit", "global", "goto"):
        silent = mark.detail == "return"  # print_r($x, true) prints nothing
        if _PRINTS.get(mark.name, mark.name) in forbidden and not silent and _counts(file, mark, params):
            yield mark, at(file, mark, _message(mark))


def _dumped(facts: Facts) -> Iterator[tuple[FileFact, Mark]]:
    """What templates show for a debugging session."""
    for file, blob in beside_code(facts):
        for mark in blob.literals:
            if mark.kind == "twig-dump":
                yield file, mark


def _counts(file: FileFact, mark: Mark, params: Params) -> bool:
    """Whether the rule looks at this mark there; where files are left out, only the blocking ones of some folders."""
    if not ignored(file.path, params):
        return True
    return mark.name in params["blocking"] and file.path.startswith(tuple(params["never_apart"]))


def _message(mark: Mark) -> str:
    match mark.kind:
        case "silence":
            return "l'opérateur @ fait taire les erreurs"
        case "backtick":
            return "les accents graves exécutent une commande du système"
        case "exit":
            return "exit (ou die) interrompt la requête"
        case _:
            return f"« {mark.name} » est interdit"
