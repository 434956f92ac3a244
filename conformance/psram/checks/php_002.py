"""PHP-002: classes are where PSR-4 says, one a file."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import ignored, outcome
from psram.facts import Constraint, Declaration, Facts
from psram.index import php_files
from psram.model import Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a class whose name does not follow from its path, and by a file with several of them."""
    return outcome(_problems(facts, params))


def _problems(facts: Facts, params: Params) -> Iterator[Finding]:
    mapping = [*facts.composer.psr4, *facts.composer.psr4_dev]
    if not facts.composer.psr4:
        yield Finding(
            "autoload.psr-4 manque dans composer.json", "composer.json", facts.composer.lines.get("autoload", 1)
        )
        return
    for file, php in php_files(facts):
        expected = _expected(file.path, mapping) if php.declarations else frozenset[str]()
        if not expected or ignored(file.path, params):
            continue
        if len(php.declarations) > 1:
            extra = php.declarations[1]
            yield Finding(
                f"déclare {len(php.declarations)} classes ; PSR-4 en veut une par fichier", file.path, extra.line
            )
        yield from _misnamed(php.declarations[0], expected, file.path)


def _expected(path: str, mapping: list[Constraint]) -> frozenset[str]:
    """Full names that the file's class may have, of the most precise folders only; empty when none covers it."""
    covering = [(p.name, _folder(p.constraint)) for p in mapping if path.startswith(_folder(p.constraint))]
    longest = max((len(folder) for _prefix, folder in covering), default=-1)
    return frozenset(
        prefix + path[len(folder) :].removesuffix(".php").replace("/", "\\")
        for prefix, folder in covering
        if len(folder) == longest
    )


def _folder(text: str) -> str:
    return text.rstrip("/") + "/" if text.rstrip("/") else ""


def _misnamed(declaration: Declaration, expected: frozenset[str], path: str) -> Iterator[Finding]:
    if declaration.name not in expected:
        wanted = " ou ".join(sorted(expected))
        yield Finding(f"déclare {declaration.name} au lieu de {wanted}", path, declaration.line)
