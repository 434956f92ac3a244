"""PHP-001: every PHP file compiles on the hosted PHP. The verdict is that PHP's; tree-sitter only casts doubt."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import hostile, outcome, unknown
from psram.facts import Facts, PhpFacts
from psram.index import contents, named_php
from psram.model import Context, Finding, Outcome
from psram.roles import Role, can_hold_php, roles


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a file that the hosted PHP refuses; unknown where it is absent, silent, or in disagreement."""
    unnamed = list(_unnamed(facts))
    broken = ((file, php) for file, php in named_php(facts) if php.has_error)
    said_of = "semble ne pas être du PHP valide"
    suspect = [Finding(said_of + _odd(php), file.path, php.error_line) for file, php in broken]
    suspect += unnamed
    suspect += hostile(facts, Role.PHP)
    if facts.syntax is None:
        missing = f"la compilation par PHP {params['hosted_php']}, que la plateforme fera"
        return unknown(missing, suspect, confirm=not suspect)
    refused, silent = [], [*unnamed, *hostile(facts, Role.PHP)]
    verdicts = facts.syntax.verdicts
    for file, known in named_php(facts):
        said = verdicts.get(file.blob)
        if said is None:
            silent.append(Finding(f"PHP {facts.syntax.php_version} n'a pas rendu de verdict", file.path))
        elif not said.ok:
            refused.append(Finding(f"ne compile pas : {said.error}", file.path, said.line))
        elif known.has_error:
            message = "compile, mais sa structure n'a pas pu être analysée : les autres règles ne l'ont pas vu"
            silent.append(Finding(message + _odd(known), file.path, known.error_line))
    if refused:
        return outcome(refused)
    if silent:
        return unknown("une analyse complète de ces fichiers : simplifiez-les ou demandez une dérogation", silent)
    return outcome([])


def _odd(php: PhpFacts) -> str:
    """What to do about a byte that is not UTF-8."""
    if not php.odd_line:
        return ""
    return f" (la ligne {php.odd_line} contient un octet qui n'est pas de l'UTF-8 : enregistrez le fichier en UTF-8)"


def _unnamed(facts: Facts) -> Iterator[Finding]:
    """Contents that begin as PHP under another name, and that the other rules could not read."""
    for file, blob in contents(facts):
        broken = blob.begins_as_php and blob.php is not None and blob.php.has_error
        if broken and blob.php and Role.PHP not in roles(file.path) and can_hold_php(file.path):
            said = "commence comme du PHP sans en porter le nom, et n'a pas pu être analysé"
            yield Finding(said, file.path, blob.php.error_line)
