"""Checks: one module a rule, named after the rule's id (``PHP-002`` → ``php_002.py``), each with

``def check(facts: Facts, params: Params, context: Context) -> Outcome``: pure, it answers what the facts say.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, cast

from psram.checks.parameters import read
from psram.facts import Facts
from psram.model import Context, Outcome

Params = Mapping[str, Any]
Check = Callable[[Facts, Params, Context], Outcome]


def find(rule_id: str) -> Check:
    """The check of a rule. Raises ``LookupError`` when the engine has none."""
    return cast(Check, _module(rule_id).check)


def parameters(rule_id: str) -> frozenset[str]:
    """Words that may name a parameter in the rule's check. Raises ``LookupError`` when the engine has none."""
    return read(_module(rule_id))


def _module(rule_id: str) -> ModuleType:
    if not re.fullmatch(r"[A-Z]{3,4}-[0-9]{3}", rule_id):
        raise LookupError(rule_id)
    name = f"psram.checks.{rule_id.lower().replace('-', '_')}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise LookupError(rule_id) from error
