"""Every rule's good and bad examples are judged as they say: documentation and test are the same data."""

from __future__ import annotations

import shutil

import pytest

from psram import applicability, checks, examples, packs
from psram.model import Php, Rule, Verdict
from psram.rules import DecidedBy, Example

PACK = packs.load("psram-2026.1")
PHP = Php()
CASES = [
    pytest.param(rule, example, good, id=f"{rule.id} {'accepts' if good else 'refuses'} {example.name}")
    for rule in PACK.rules
    for good, listed in ((True, rule.examples.good), (False, rule.examples.bad))
    for example in listed
]


@pytest.mark.parametrize(("rule", "example", "good"), CASES)
def test_an_example_is_judged_as_it_says(rule: Rule, example: Example, good: bool) -> None:
    php = PHP if rule.id == "PHP-001" else None
    if php is not None and shutil.which(php.program) is None:
        pytest.skip("the hosted PHP is not installed: PHP-001 has no verdict without it")
    facts = examples.facts(example, php=php)
    applies = applicability.applies(rule.applies, facts, examples.context(example))
    outcome = checks.find(rule.id)(facts, rule.params, examples.context(example))
    expected = example.expect or (Verdict.CONFORMING if good else Verdict.VIOLATED)
    assert outcome.verdict == expected, outcome.findings or outcome.missing_evidence
    if not good:
        assert applies, "a rule that does not apply would never see this violation"
        found = {f"{f.path}:{f.line}" for f in outcome.findings}
        assert set(example.lines) <= found


@pytest.mark.parametrize("rule", [r for r in PACK.rules if r.decided_by is DecidedBy.ENGINE], ids=lambda rule: rule.id)
def test_a_blocking_rule_has_at_least_five_violations_and_two_acceptable_look_alikes(rule: Rule) -> None:
    if rule.id != "TST-001":
        assert len(rule.examples.good) >= 2
    assert len(rule.examples.bad) >= 4


def test_the_pack_covers_nine_families() -> None:
    assert {rule.family for rule in PACK.rules} == set(PACK.families)
