"""``amcloud norms``: packs and what changes from one to another, in words."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from amcloud.cli import build
from amcloud.cli.norms import compared
from psram import packs
from psram.rules import Moment, Pack, Severity

PACK = packs.load()


def with_rule(rule_id: str, **changes: Any) -> Pack:
    """The pack with one rule changed."""
    rules = tuple(msgspec.structs.replace(r, **changes) if r.id == rule_id else r for r in PACK.rules)
    return msgspec.structs.replace(PACK, rules=rules)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build("norms"), ["norms", *arguments], prog_name="amcloud")
    return done.exit_code, done.output


def test_nothing_changes_from_a_pack_to_itself() -> None:
    assert list(compared(PACK, PACK)) == []
    code, said = run("diff", packs.DEFAULT, packs.DEFAULT)
    assert code == 0
    assert "rien ne change" in said


def test_a_rule_that_comes_or_goes_is_named_with_its_severity() -> None:
    fewer = msgspec.structs.replace(PACK, rules=tuple(r for r in PACK.rules if r.id != "PHP-006"))
    title = next(r.title for r in PACK.rules if r.id == "PHP-006")
    assert list(compared(PACK, fewer)) == [f"- PHP-006 {title}"]
    (came,) = compared(fewer, PACK)
    assert came.startswith(f"+ PHP-006 {title} (homologation ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"moment": Moment.PIPELINE}, ["~ PHP-007 compte dès : source → pipeline"]),
        ({"title": "Autre"}, None),
        ({"params": {"allowed": ["public/index.php"], "limit": 3}}, None),
        ({"requires": ("CMP-001",)}, ['~ PHP-007 après : [] → ["CMP-001"]']),
        ({"severity": {"homologation": Severity.INFO, "labellisation": Severity.INFO}}, None),
    ],
)
def test_a_changed_field_is_said_with_both_values(changes: dict[str, Any], said: list[str] | None) -> None:
    found = list(compared(PACK, with_rule("PHP-007", **changes)))
    assert found
    assert all(line.startswith("~ PHP-007 ") for line in found)
    assert said is None or found == said


def test_a_list_says_what_came_and_what_went() -> None:
    rule = next(r for r in PACK.rules if any(isinstance(v, list) and len(v) > 1 for v in r.params.values()))
    key, values = next((k, v) for k, v in rule.params.items() if isinstance(v, list) and len(v) > 1)
    changed = with_rule(rule.id, params={**rule.params, key: [*values[1:], "exemple"]})
    (said,) = compared(PACK, changed)
    assert said.startswith(f"~ {rule.id} paramètres, {key} : +exemple, -")


def test_dates_and_thresholds_are_compared_too() -> None:
    rule = next(r for r in PACK.rules if r.id == "PHP-007")
    later = msgspec.structs.replace(rule.lifecycle, effective_on=date(2027, 1, 1))
    assert list(compared(PACK, with_rule("PHP-007", lifecycle=later))) == ["~ PHP-007 bloque dès : — → 2027-01-01"]
    stricter = msgspec.structs.replace(PACK, major_threshold={**PACK.major_threshold, "homologation": 0})
    (said,) = compared(PACK, stricter)
    assert said.startswith("~ majeures tolérées en homologation : ")


def test_packs_are_listed_with_their_phase_and_digest() -> None:
    code, said = run("list")
    assert code == 0
    assert packs.DEFAULT in said
    assert PACK.digest in said


def test_an_unknown_pack_is_status_3() -> None:
    code, said = run("diff", "psram-1900.1", packs.DEFAULT)
    assert code == 3
    assert "packs connus" in said
