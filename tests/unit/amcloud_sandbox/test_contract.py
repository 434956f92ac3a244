"""The contract's page and schema agree with each other and with what the platform writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

DOCS = Path(__file__).resolve().parents[3] / "docs"
SCHEMA = json.loads((DOCS / "contrat-starter-kit.schema.json").read_text(encoding="utf-8"))
PAGE = (DOCS / "contrat-starter-kit.md").read_text(encoding="utf-8")
ONE = {"code": "671", "name": "CPAM exemple", "label": "cpam-bas-rhin", "enabled": True}


def file(**changes: Any) -> dict[str, Any]:
    """A good organisations file, but for these fields."""
    return {"version": 1, "domain": "a.example", "organisations": [ONE], **changes}


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_page_s_example_is_valid() -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.S)
    assert example
    Draft202012Validator(SCHEMA).validate(json.loads(example[1]))


@pytest.mark.parametrize(
    ("data", "valid"),
    [
        pytest.param(file(), True, id="good"),
        pytest.param(file(organisations=[]), True, id="no organisation yet"),
        pytest.param(file(extra=1), True, id="a later field"),
        pytest.param(file(version=2), False, id="another version"),
        pytest.param(file(domain="A b"), False, id="not a domain"),
        pytest.param(file(organisations=[{**ONE, "code": "67"}]), False, id="two digits"),
        pytest.param(file(organisations=[{**ONE, "label": "a.b"}]), False, id="a dot in the label"),
        pytest.param(file(organisations=[{**ONE, "enabled": "yes"}]), False, id="not a boolean"),
        pytest.param(file(organisations={}), False, id="not a list"),
    ],
)
def test_the_schema_tells_good_files_from_bad(data: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(SCHEMA).is_valid(data) is valid
