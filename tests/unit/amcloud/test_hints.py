"""What is told to do next can be done: commands, options and rules that hints name exist."""

from __future__ import annotations

import re

import pytest
import typer

from amcloud.cli import build
from amcloud.cli.hints import HINTS, hint
from psram import packs

COMMANDS = typer.main.get_command(build()).commands  # type: ignore[attr-defined]
NAMED = re.compile(r"amcloud ([a-z-]+)((?: (?:--[a-z-]+|[{}a-z]+\b}?))*)")


@pytest.mark.parametrize("reason", sorted(HINTS))
def test_commands_options_and_rules_of_a_hint_exist(reason: str) -> None:
    for command, words in NAMED.findall(HINTS[reason]):
        options = {option for parameter in COMMANDS[command].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= options
    pack = packs.load()
    assert all(pack.rule(name) is not None for name in re.findall(r"[A-Z]{2,4}-[0-9]{3}", HINTS[reason]))


def test_a_leak_is_told_route_by_route() -> None:
    assert "amcloud isolation suivi --stage acceptance" in hint("TenantLeak", app="suivi", stage="acceptance")
