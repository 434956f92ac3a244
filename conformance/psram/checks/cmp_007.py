"""CMP-007: every hosted package has a licence that the platform may use."""

from __future__ import annotations

from typing import Any, Final

from license_expression import (  # type: ignore[import-untyped]  # it publishes no types
    ExpressionError,
    ExpressionParseError,
    Licensing,
)

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.checks.locked import at_package, named, unreadable
from psram.facts import Facts
from psram.model import Context, Finding, Giver, Outcome

_PARSER: Final = Licensing()


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a refused licence, unknown where the lock tells none or one that the pack does not list."""
    missing = unreadable(facts)
    if missing is not None:
        return missing
    rules = _Rules(params)
    refused: list[Finding] = []
    unlisted: list[Finding] = []
    for package in facts.composer.packages:
        if package.dev or named(package.name, params["exempt"]):
            continue
        shown = " ou ".join(package.license) or "aucune licence"
        match rules.any_of(package.license):
            case True:
                continue
            case False:
                refused.append(at_package(package, f"{package.name} : licence refusée ({shown})", "licence"))
            case None:
                unlisted.append(at_package(package, f"{package.name} : licence à examiner ({shown})", "licence"))
    if refused:
        return outcome([*refused, *unlisted])
    if unlisted:
        said = "l'avis de la plateforme sur ces licences, que la liste de ce pack ne connaît pas"
        return unknown(said, unlisted, giver=Giver.AUDITOR)
    return outcome([])


class _Rules:
    """Allowed, refused or not known (``None``), for identifiers and for expressions of them."""

    def __init__(self, params: Params) -> None:
        self._allowed = {str(name).lower() for name in params["allowed"]}
        self._refused = {str(name).lower() for name in params["refused"]}

    def any_of(self, licences: tuple[str, ...]) -> bool | None:
        """Composer's list: one of them may be chosen."""
        return _any([self._expression(text) for text in licences])

    def _expression(self, text: str) -> bool | None:
        known = self._one(text)
        if known is not None:
            return known
        try:
            parsed = _PARSER.parse(text)
        except (ExpressionError, ExpressionParseError, RecursionError):
            return None
        return None if parsed is None else self._tree(parsed)

    def _tree(self, node: Any) -> bool | None:
        """``AND`` needs all, ``OR`` one; ``WITH`` an exception only ever adds rights."""
        if isinstance(node, _PARSER.AND):
            answers = [self._tree(part) for part in node.args]
            return False if False in answers else None if None in answers else True
        if isinstance(node, _PARSER.OR):
            return _any([self._tree(part) for part in node.args])
        licence = getattr(node, "license_symbol", node)
        return self._one(str(licence.key))

    def _one(self, name: str) -> bool | None:
        asked = name.strip().lower()
        return True if asked in self._allowed else False if asked in self._refused else None


def _any(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers or not answers else False
