"""``amcloud check --list-rules``: the severities are those that the track asked for would meet."""

from __future__ import annotations

import msgspec
import pytest
from typer.testing import CliRunner

from amcloud.cli import build
from psram import packs
from psram.rules import Severity


@pytest.mark.parametrize(
    ("track", "severity"), [("labellisation", "bloquante"), ("homologation", "majeure"), ("hors-standard", "majeure")]
)
def test_listed_severities_are_those_of_the_track(monkeypatch: pytest.MonkeyPatch, track: str, severity: str) -> None:
    pack = packs.load(packs.DEFAULT)
    graver = {"labellisation": Severity.BLOCKING, "homologation": Severity.MAJOR}
    rules = tuple(msgspec.structs.replace(rule, severity=graver) for rule in pack.rules)
    monkeypatch.setattr(packs, "load", lambda _: msgspec.structs.replace(pack, rules=rules))
    done = CliRunner().invoke(build("check"), ["check", "--list-rules", "--track", track])
    assert done.exit_code == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("MTN-005"))
    assert severity in line.split()
