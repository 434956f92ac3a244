"""PHP-006: constructs that hide what a program does, or belong to a debugging session, are not used."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, ignored, outcome
from psram.facts import Facts, Mark
from psram.model import Context, Finding, Outcome, Severity
from psram.tenancy import php_files


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by forbidden calls and statements; blocking when one of them executes text as code."""
    grave = frozenset(params["blocking"])
    forbidden = grave | frozenset(params["forbidden"])
    found = [(mark.name, finding) for mark, finding in _uses(facts, params, forbidden)]
    severity = Severity.BLOCKING if any(name in grave for name, _finding in found) else None
    return outcome([finding for _name, finding in found], severity=severity)


def _uses(facts: Facts, params: Params, forbidden: frozenset[str]) -> Iterator[tuple[Mark, Finding]]:
    for file, php in php_files(facts):
        apart = ignored(file.path, params)
        if apart and not file.path.startswith(tuple(params["never_apart"])):
            continue
        for mark in php.marks:
            if apart and mark.name not in params["blocking"]:
                continue
            if mark.kind == "call-text" and "$fonction()" in forbidden:
                yield mark, at(file, mark, f"la fonction appelée est nommée par un texte composé ({mark.name})")
            if mark.kind in ("call", "silence", "backtick", "exit", "global", "goto") and mark.name in forbidden:
                if mark.detail == "return":
                    continue  # print_r($x, true) prints nothing
                yield mark, at(file, mark, _message(mark))


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
