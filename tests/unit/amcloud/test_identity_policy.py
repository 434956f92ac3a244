"""``deploy/identity``: the policies of a current server, evaluated here as it would (1.20 has none)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import celpy
import pytest
import yaml
from celpy.adapter import json_to_cel

POLICY = Path(__file__).parents[3] / "deploy" / "identity" / "policy.yaml"
DOCUMENTS = list(yaml.load_all(POLICY.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
POLICIES = {one["metadata"]["name"]: one for one in DOCUMENTS if one["kind"] == "ValidatingAdmissionPolicy"}


def lets_in(name: str, new: dict[str, Any], old: dict[str, Any] | None = None, *, who: str = "camille") -> bool:
    request = {"userInfo": {"username": who}, "operation": "CREATE" if old is None else "UPDATE"}
    values = {"object": {"spec": new}, "oldObject": {"spec": old} if old is not None else None,
              "request": request}  # fmt: skip
    environment = celpy.Environment()
    (validation,) = POLICIES[name]["spec"]["validations"]
    program = environment.program(environment.compile(validation["expression"]))
    return bool(program.evaluate({key: json_to_cel(value) for key, value in values.items()}))


HERS, NEW = {"reason": "x", "author": "camille"}, {"reason": "y", "author": "camille"}


@pytest.mark.parametrize(
    ("name", "new", "old", "who", "let_in"),
    [
        ("amcloud-commands-say-who", {"requestedBy": "camille"}, None, "camille", True),
        ("amcloud-commands-say-who", {"requestedBy": "camille"}, None, "dominique", False),
        ("amcloud-suspensions-say-who", {"author": "camille"}, None, "camille", True),
        ("amcloud-suspensions-say-who", {"author": "camille"}, None, "dominique", False),
        ("amcloud-localapps-say-who-suspends", {}, None, "dominique", True),
        ("amcloud-localapps-say-who-suspends", {"suspend": {"reason": "x"}}, None, "dominique", True),
        ("amcloud-localapps-say-who-suspends", {"suspend": HERS}, {}, "camille", True),
        ("amcloud-localapps-say-who-suspends", {"suspend": HERS}, {}, "dominique", False),
        ("amcloud-localapps-say-who-suspends", {"suspend": HERS}, {"suspend": HERS}, "dominique", True),
        ("amcloud-localapps-say-who-suspends", {"suspend": NEW}, {"suspend": HERS}, "dominique", False),
        ("amcloud-localapps-say-who-suspends", {}, {"suspend": HERS}, "dominique", True),
    ],
)
def test_who_is_named_is_who_asks(
    name: str, new: dict[str, Any], old: dict[str, Any] | None, who: str, let_in: bool
) -> None:
    assert lets_in(name, new, old, who=who) is let_in


def test_every_policy_is_bound_and_denies() -> None:
    bound = {one["spec"]["policyName"]: one["spec"] for one in DOCUMENTS if one["kind"].endswith("Binding")}
    assert bound.keys() == POLICIES.keys()
    assert all(spec["validationActions"] == ["Deny"] for spec in bound.values())
