"""PHP-001: every PHP file compiles on the hosted PHP. The verdict is that PHP's; tree-sitter only casts doubt."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import hostile, outcome, read, unknown
from psram.facts import Facts
from psram.model import Context, Finding, Outcome
from psram.roles import Role, roles


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a file that the hosted PHP refuses; unknown where it is absent, silent, or in disagreement."""
    php = [(file, blob.php) for file, blob in read(facts) if blob.php and Role.PHP in roles(file.path)]
    suspect = [Finding("semble ne pas être du PHP valide", f.path, p.error_line) for f, p in php if p.has_error]
    suspect += hostile(facts, Role.PHP)
    if facts.syntax is None:
        missing = f"la compilation par PHP {params['hosted_php']}, que la plateforme fera"
        return unknown(missing, suspect, confirm=not suspect)
    refused, silent = [], list(hostile(facts, Role.PHP))
    for file, known in php:
        said = facts.syntax.verdicts.get(file.blob)
        if said is None:
            silent.append(Finding(f"PHP {facts.syntax.php_version} n'a pas rendu de verdict", file.path))
        elif not said.ok:
            refused.append(Finding(f"ne compile pas : {said.error}", file.path, said.line))
        elif known.has_error:
            message = "compile, mais sa structure n'a pas pu être analysée : les autres règles ne l'ont pas vu"
            silent.append(Finding(message, file.path, known.error_line))
    if refused:
        return outcome(refused)
    if silent:
        return unknown("une analyse complète de ces fichiers : simplifiez-les ou demandez une dérogation", silent)
    return outcome([])
