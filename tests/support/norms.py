"""Small norm packs made in a test: rules whose checks answer what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import msgspec
import pytest

from psram import checks
from psram.facts import Facts
from psram.model import Context, Finding, Outcome, Verdict
from psram.rules import Pack, Rule, Stage, Track

DAY = date(2026, 6, 1)
COMMIT = "1" * 40
FACTS = Facts(commit=COMMIT, tree="2" * 40)
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, DAY)
CONFORMING = Outcome(Verdict.CONFORMING)
Answer = Outcome | Callable[[Context], Outcome]


def violated(*places: str, prevents: bool = False) -> Outcome:
    """A violation at these paths."""
    found = tuple(Finding(f"en défaut dans {path}", path, 1, excerpt=path) for path in places or ("a.php",))
    return Outcome(Verdict.VIOLATED, found, prevents=prevents)


def rule(rule_id: str, **fields: Any) -> Rule:
    """A bloquante rule of that id; ``fields`` are written as in its YAML."""
    data: dict[str, Any] = {
        "id": rule_id,
        "title": f"Titre de {rule_id}",
        "rationale": "parce que",
        "references": ["LR-DDO-36/2018"],
        "severity": {"labellisation": "bloquante", "homologation": "bloquante"},
        "moment": "source",
        "evidence": "O",
        "remediation": {"fr": f"Corrigez {rule_id}", "effort": "faible"},
        "lifecycle": {"since": "2026.1"},
    }
    return msgspec.convert({**data, **fields}, Rule)


MAJOR = {"labellisation": "majeure", "homologation": "majeure"}


def pack(*rules: Rule, **fields: Any) -> Pack:
    """A pack of these rules."""
    base = Pack(
        "essai-2026.1", "1", "Essai", "sha256:0", rules, major_threshold={"homologation": 1, "labellisation": 0}
    )
    return msgspec.structs.replace(base, **fields)


def answering(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Answer]) -> None:
    """Let checks answer so: an outcome, or a function of the context. A rule not named crashes if it is asked."""

    def find(rule_id: str) -> checks.Check:
        def check(_facts: Facts, _params: Mapping[str, Any], context: Context) -> Outcome:
            answer = answers[rule_id]
            return answer if isinstance(answer, Outcome) else answer(context)

        return check

    monkeypatch.setattr(checks, "find", find)
