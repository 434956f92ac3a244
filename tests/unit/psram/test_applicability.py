"""When a rule applies and how grave it is there: conditions are data."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from norms import CONTEXT, answering, pack, rule, violated

from psram import applicability
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Verdict
from psram.proofs import Declaration, Evidence
from psram.rules import Condition, Severity, Stage, Track

ENTITY = b"<?php\nnamespace App\\Entity;\n#[\\Doctrine\\ORM\\Mapping\\Entity]\nclass A {}\n"
TREE = {
    "src/Entity/A.php": ENTITY,
    "src/B.php": b"<?php\nnamespace App;\nclass B {}\n",
    "composer.json": b"{}",
    "config/a.yaml": b"a: 1\n",
    "templates/a.html.twig": b"{{ a }}",
    "migrations/1.sql": b"SELECT 1;",
    "Dockerfile": b"FROM x\n",
}
COUNTS = {
    "files": 7,
    "php.files": 2,
    "yaml.files": 1,
    "twig.files": 1,
    "sql.files": 1,
    "composer.manifest": 1,
    "composer.packages": 0,
    "doctrine.entities": 1,
    "dockerfile": 1,
    "data.places": 2,
}


def context(**changes: Any) -> Context:
    return msgspec.structs.replace(CONTEXT, **changes)


def declared(criticality: str) -> Context:
    return context(evidence=Evidence(declaration=Declaration("essai", criticality=criticality)))


@pytest.mark.parametrize("fact", sorted(applicability.FACTS))
def test_every_countable_fact_is_counted(fact: str) -> None:
    facts = collect_files(TREE)
    assert applicability.FACTS[fact](facts) == COUNTS[fact]
    assert applicability.applies(Condition(fact=fact, min=COUNTS[fact]), facts, CONTEXT)
    assert not applicability.applies(Condition(fact=fact, min=COUNTS[fact] + 1), facts, CONTEXT)


@pytest.mark.parametrize("name", sorted(applicability.CONDITIONS))
def test_every_short_name_holds_for_the_tree_and_only_always_for_nothing(name: str) -> None:
    assert applicability.applies(name, collect_files(TREE), CONTEXT)
    assert applicability.applies(name, collect_files({}), CONTEXT) is (name == "always")


@pytest.mark.parametrize(
    ("condition", "asked", "holds"),
    [
        pytest.param(Condition(tracks=(Track.LABELLISATION,)), CONTEXT, False, id="another track"),
        pytest.param(Condition(tracks=(Track.HOMOLOGATION,)), CONTEXT, True, id="the track"),
        pytest.param(Condition(stages=(Stage.PRODUCTION,)), CONTEXT, False, id="another stage"),
        pytest.param(Condition(stages=(Stage.ACCEPTANCE, Stage.PRODUCTION)), CONTEXT, True, id="one of the stages"),
        pytest.param(Condition(criticalities=("high",)), CONTEXT, False, id="not declared"),
        pytest.param(Condition(criticalities=("high",)), declared("standard"), False, id="another criticality"),
        pytest.param(Condition(criticalities=("high",)), declared("high"), True, id="the criticality"),
        pytest.param(Condition(fact="php.files", stages=(Stage.PRODUCTION,)), CONTEXT, False, id="one of two"),
    ],
)
def test_all_that_a_condition_says_must_hold(condition: Condition, asked: Context, holds: bool) -> None:
    assert applicability.applies(condition, collect_files(TREE), asked) is holds


def test_a_rule_that_does_not_apply_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {})
    norms = pack(rule("MTN-002", applies={"fact": "doctrine.entities", "min": 2}))
    result = judge(collect_files(TREE), norms, CONTEXT).results[0]
    assert (result.verdict, result.blocks) == (Verdict.NOT_APPLICABLE, False)


@pytest.mark.parametrize(
    ("asked", "severity"),
    [
        pytest.param(CONTEXT, Severity.MAJOR, id="its own"),
        pytest.param(context(stage=Stage.DEVELOPMENT), Severity.MINOR, id="milder on a stage"),
        pytest.param(context(track=Track.LABELLISATION), Severity.BLOCKING, id="graver on a track"),
        pytest.param(context(track=Track.HORS_STANDARD), Severity.MAJOR, id="hors standard reads homologation"),
        pytest.param(declared("high"), Severity.BLOCKING, id="graver where the criticality is high"),
        pytest.param(declared("low"), Severity.MAJOR, id="not where it is low"),
    ],
)
def test_severity_follows_track_stage_and_criticality(
    monkeypatch: pytest.MonkeyPatch, asked: Context, severity: Severity
) -> None:
    answering(monkeypatch, {"PIP-003": violated()})
    norms = pack(
        rule(
            "PIP-003",
            severity={"labellisation": "bloquante", "homologation": "majeure", "homologation/development": "mineure"},
            graver=[{"when": {"criticalities": ["high"]}, "severity": "bloquante"}],
        )
    )
    result = judge(collect_files({}), norms, asked).results[0]
    assert result.severity is severity
    assert result.blocks is (severity is Severity.BLOCKING)
