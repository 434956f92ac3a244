"""Adding a rule touches its data, its check and its examples; everything else follows from them."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from norms import CONTEXT

from psram import checks, docs, examples, packs, reports
from psram.checks.common import outcome
from psram.facts import Facts
from psram.judge import judge
from psram.model import Context, Finding, Outcome, Verdict

DATA = """
id: GOV-901
title: Le dépôt a un fichier LISEZMOI
rationale: Sans lui, personne ne sait par où commencer.
references: ["exemple"]
severity: {labellisation: bloquante, homologation: majeure}
moment: source
evidence: O
params: {name: LISEZMOI}
remediation: {fr: "Écrivez un fichier LISEZMOI.", effort: faible}
lifecycle: {since: "2099.1"}
examples:
  good:
  - {name: il y est, files: {LISEZMOI: "Bonjour"}}
  bad:
  - {name: il manque, files: {autre: "Bonjour"}, lines: ["LISEZMOI:0"]}
"""


def check(facts: Facts, params: checks.Params, context: Context) -> Outcome:
    present = any(file.path == params["name"] for file in facts.files)
    return outcome([] if present else [Finding("ce fichier manque", params["name"])])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack of that rule alone, and its check where checks are found by the rule's id."""
    module = types.ModuleType("psram.checks.gov_901")
    check.__module__ = module.__name__
    module.check = check  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    head = {
        "name": "psram-2099.1",
        "version": "2099.1.0",
        "title": "PSRAM 2099.1",
        "families": {"GOV": "Dépôt"},
        "major_threshold": {"labellisation": 0, "homologation": 3},
    }
    (tmp_path / "rules").mkdir()
    (tmp_path / "pack.yaml").write_text(yaml.safe_dump(head), "utf-8")
    (tmp_path / "rules" / "GOV-901.yaml").write_text(DATA, "utf-8")
    return tmp_path


def test_its_data_check_and_examples_are_enough(folder: Path) -> None:
    packs.seal(str(folder))
    pack = packs.load(str(folder))
    rule = pack.rules[0]
    for example, expected in ((rule.examples.good[0], Verdict.CONFORMING), (rule.examples.bad[0], Verdict.VIOLATED)):
        facts, context = examples.facts(example), examples.context(example)
        report = judge(facts, pack, context)
        assert report.results[0].verdict is expected
        assert f"{report.results[0].title}" == rule.title
        for written in (reports.canonical_json(report).decode(), reports.html(report), reports.text(report, full=True)):
            assert written
    pages = docs.pages(pack)
    assert set(pages) == {"README.md", "GOV-901.md"}
    assert "Le dépôt a un fichier LISEZMOI" in pages["README.md"]
    assert "Il manque" in pages["GOV-901.md"]


def test_its_violation_is_a_step_of_the_path_and_can_be_derogated(folder: Path) -> None:
    pack = packs.load(str(folder))
    facts = examples.facts(pack.rules[0].examples.bad[0])
    strict = msgspec.structs.replace(CONTEXT, track="labellisation")
    context = msgspec.convert(msgspec.to_builtins(strict), Context)
    report = judge(facts, pack, context)
    assert report.path is not None
    assert report.path.actions[0].title == "Écrivez un fichier LISEZMOI."
    derogation: dict[str, Any] = {
        "name": "d", "rule_id": "GOV-901", "justification": "j", "approver": "a", "expires_on": "2099-01-01"
    }  # fmt: skip
    derogated = msgspec.convert({**msgspec.to_builtins(context), "derogations": [derogation]}, Context)
    assert judge(facts, pack, derogated).results[0].verdict is Verdict.DEROGATED
