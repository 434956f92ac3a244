"""Checks: one module a rule, named after the rule's id (``PHP-002`` → ``php_002.py``), each with

``def check(facts: Facts, params: Params, context: Context) -> Outcome``: pure, it answers what the facts say.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from psram.facts import Facts
from psram.model import Context, Outcome

Params = Mapping[str, Any]
Check = Callable[[Facts, Params, Context], Outcome]


def find(rule_id: str) -> Check:
    """The check of a rule. Raises ``LookupError`` when the engine has none."""
    if not re.fullmatch(r"[A-Z]{3,4}-[0-9]{3}", rule_id):
        raise LookupError(rule_id)
    try:
        module = importlib.import_module(f"psram.checks.{rule_id.lower().replace('-', '_')}")
    except ModuleNotFoundError as error:
        raise LookupError(rule_id) from error
    return cast(Check, module.check)
