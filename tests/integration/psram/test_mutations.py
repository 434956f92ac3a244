"""The norm tested by mutation: each violation injected into a conforming application turns exactly its rule red."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from psram import packs
from psram.collect.memory import collect_files
from psram.model import Php
from psram.mutations import data, matrix, run
from psram.mutations.inject import COMMIT, Sample
from psram.rules import DecidedBy, Rule, Severity

ROOT = Path(__file__).parents[3]
PACK = packs.load()
KNOWN = data.load_all()
DECIDED = [rule for rule in PACK.rules if rule.decided_by is DecidedBy.ENGINE]
Rows = Callable[[str], run.Row]
GRAVE = [rule for rule in DECIDED if Severity.BLOCKING in rule.severity.values()]

if shutil.which(Php().program) is None:
    pytest.skip("the hosted PHP is not installed: nothing can be 100 % conforming without it", allow_module_level=True)


@pytest.fixture(scope="module")
def sample() -> Sample:
    """The conforming application; the sources of all mutants are compiled at once by the real PHP."""
    made = Sample(ROOT / "sandbox/apps/suivi-courriers", data.context(), php=Php())
    made.compile_all(m for ms in KNOWN.values() for m in (*ms.violations, *ms.lookalikes))
    return made


@pytest.fixture(scope="module")
def rows(sample: Sample) -> Rows:
    """Each rule's row of the matrix, judged once."""
    return cache(lambda rule_id: run.judged(rule_id, KNOWN[rule_id], sample, PACK))


def test_the_sample_respects_every_rule(sample: Sample) -> None:
    assert run.unsettled(sample, PACK) == {}


def test_mutations_are_of_rules_that_exist() -> None:
    assert KNOWN.keys() <= {rule.id for rule in DECIDED}


@pytest.mark.parametrize("rule", GRAVE, ids=lambda rule: rule.id)
def test_a_rule_that_can_block_has_five_violations_and_five_look_alikes(rule: Rule) -> None:
    known = data.load(rule.id)
    assert len({m.name for m in known.violations}) >= 5
    assert len({m.name for m in known.lookalikes}) >= 5


@pytest.mark.parametrize("rule_id", sorted(KNOWN))
def test_reading_only_what_changed_gives_the_facts_of_reading_all(sample: Sample, rule_id: str) -> None:
    for mutation in (*KNOWN[rule_id].violations[:2], *KNOWN[rule_id].lookalikes[:1]):
        tree = sample.tree(mutation)
        whole = collect_files(
            tree.files, links=tree.links, submodules=tree.submodules, oversize=tree.oversize, commit=COMMIT
        )
        part = sample.mutated(mutation)
        assert (part.files, part.blobs, part.composer) == (whole.files, whole.blobs, whole.composer), mutation.name


@pytest.mark.parametrize("rule_id", sorted(KNOWN))
def test_violations_are_killed_look_alikes_calm_and_no_other_rule_alarmed(rows: Rows, rule_id: str) -> None:
    assert matrix.problems([rows(rule_id)]) == []


def test_the_matrix_in_the_documentation_is_the_one_seen(rows: Rows) -> None:
    kept = (ROOT / "docs/normes/matrice.md").read_text("utf-8")
    assert kept == matrix.page([rows(rule_id) for rule_id in sorted(KNOWN)], PACK, data.reasons(KNOWN)), (
        "run: python -m psram.mutations --write docs/normes/matrice.md"
    )


def test_a_mutation_that_changes_nothing_or_misses_is_told(sample: Sample) -> None:
    """The runner itself can fail: a mutation that does nothing, or whose rule stays calm, is a problem."""
    idle = data.Mutation(name="rien")
    missing = data.Mutation(name="absent", edits=(data.Edit("nulle/part.php", append="x"),))
    harmless = data.Mutation(name="sans effet", edits=(data.Edit("docs/note.md", create="Une note."),))
    row = run.judged("MTN-002", data.Mutations(violations=(idle, missing, harmless)), sample, PACK)
    said = matrix.problems([row])
    assert "la mutation ne change rien" in said[0]
    assert "mutation inapplicable" in said[1]
    assert "conforme au lieu de non_conforme" in said[2]


def test_mutations_of_a_rule_are_all_different() -> None:
    for rule_id, known in KNOWN.items():
        told = [
            (m.edits, str(m.evidence), str(m.context), str(m.facts)) for m in (*known.violations, *known.lookalikes)
        ]
        assert len(set(told)) == len(told), rule_id
