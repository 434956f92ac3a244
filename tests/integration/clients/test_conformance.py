"""The norm engine's adapter: real git, real worker process, facts read once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from amcloud.clients.conformance import PsramConformance
from amcloud.clients.process_checks import ProcessChecks
from amcloud.clients.source import GitSource
from amcloud.errors import BrokenInstallationError
from amcloud.forge_ports import Produced
from amcloud.ports import Judged, Question, UnderWay
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.gate import Dossier
from amcloud_sandbox.testing.forge import RunningForge
from psram import packs
from psram.evidence import load
from psram.model import Evidence, Limits, Php, PipelineEvidence, ReportVerdict, TestSummary, Verdict
from psram.worker.store import FactCache

from .conftest import ORGANISATIONS, SETTINGS, STAGE, local_app, parsed

PROJECT = "cpam-bas-rhin/suivi-courriers"
NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def question(commit: str, token: str) -> Question:
    pack = NormPack(packs.DEFAULT, packs.load().digest, datetime(2026, 1, 1, tzinfo=UTC), frozenset())
    organisations = tuple(ORGANISATIONS.values())
    return Question(parsed(local_app()), STAGE, commit, token, pack, Evidence(), Dossier(), organisations)


def conformance(forge: RunningForge, folder: Path, limits: Limits | None = None) -> PsramConformance:
    checks = ProcessChecks(
        GitSource(forge.url, folder / "git"), php=Php(), limits=limits or Limits(), processes=2, patience_s=60
    )
    return PsramConformance(checks, SETTINGS, folder / "facts", now=lambda: NOW)


def judged(answer: Judged | UnderWay) -> Judged:
    assert isinstance(answer, Judged), answer
    return answer


def test_a_repository_without_composer_json_is_judged_and_its_facts_are_read_once(
    forge: RunningForge, token: str, tmp_path: Path
) -> None:
    commit = forge.commit(PROJECT, {"index.php": "<?php echo 1;\n"})
    first = judged(conformance(forge, tmp_path).judge(question(commit, token)))
    assert first.report.verdict is ReportVerdict.VIOLATED
    assert first.report.commit == commit
    assert first.report.evaluated_on.isoformat() == "2026-03-02"  # the day in Paris
    nowhere = GitSource("http://127.0.0.1:1", tmp_path / "other")
    checks = ProcessChecks(nowhere, php=Php(), limits=Limits(), processes=1)
    forge_is_gone = PsramConformance(checks, SETTINGS, tmp_path / "facts", now=lambda: NOW)
    assert judged(forge_is_gone.judge(question(commit, token))).report == first.report


def test_the_pipeline_s_evidence_changes_the_verdict_of_its_rules_only(
    forge: RunningForge, token: str, tmp_path: Path
) -> None:
    commit = forge.commit(PROJECT, {"a.php": "<?php\n"})
    before = judged(conformance(forge, tmp_path).judge(question(commit, token)))
    tests = TestSummary(tests=3, failures=0, errors=0, skipped=0, isolation=1)
    produced = Produced(PipelineEvidence(commit, "success", tests=tests))
    after = judged(conformance(forge, tmp_path).judge(question(commit, token).after(produced)))
    changed = {a.rule_id for a, b in zip(before.report.results, after.report.results, strict=True) if a != b}
    assert changed
    assert load(after.evidence).context.evidence.pipeline is not None


def test_what_cannot_be_read_is_indeterminate_and_tried_again(forge: RunningForge, token: str, tmp_path: Path) -> None:
    commit = forge.commit(PROJECT, {"b.php": "<?php\n"})
    starved = judged(conformance(forge, tmp_path, Limits(timeout_s=0.01)).judge(question(commit, token)))
    assert starved.report.verdict is not ReportVerdict.CONFORMING
    assert any(r.missing_evidence for r in starved.report.blocking())
    fed = judged(conformance(forge, tmp_path).judge(question(commit, token)))
    assert fed.report.files > 0


def test_a_history_in_part_refuses_until_later_passes_read_it_to_its_end(
    forge: RunningForge, token: str, tmp_path: Path
) -> None:
    forge.commit(PROJECT, {"c.php": f"<?php\n// {'x' * 300}\n"})
    forge.commit(PROJECT, {"c.php": f"<?php\n// {'y' * 300}\n"})
    commit = forge.commit(PROJECT, {"c.php": "<?php\n"})
    source = GitSource(forge.url, tmp_path / "git")
    limits = Limits(history_bytes=400)
    contents = FactCache(tmp_path / "contents")
    checks = ProcessChecks(source, php=Php(), limits=limits, processes=1, contents=contents, patience_s=60)
    engine = PsramConformance(checks, SETTINGS, tmp_path / "facts", now=lambda: NOW)
    said = []
    for _ in range(9):
        report = judged(engine.judge(question(commit, token))).report
        (result,) = (r for r in report.results if r.rule_id == "SEC-001")
        said.append((result.verdict, result.blocks))
        if result.verdict is Verdict.CONFORMING:
            break
    assert len(said) > 1
    assert set(said[:-1]) == {(Verdict.UNKNOWN, True)}
    assert said[-1] == (Verdict.CONFORMING, False)


def test_a_reader_that_would_read_the_same_again_is_asked_once(forge: RunningForge, token: str, tmp_path: Path) -> None:
    forge.commit(PROJECT, {"d.php": f"<?php\n// {'x' * 300}\n"})
    commit = forge.commit(PROJECT, {"d.php": "<?php\n"})
    first = judged(conformance(forge, tmp_path, Limits(history_bytes=1)).judge(question(commit, token)))
    nowhere = ProcessChecks(GitSource("http://127.0.0.1:1", tmp_path / "x"), php=Php(), limits=Limits(), processes=1)
    again = PsramConformance(nowhere, SETTINGS, tmp_path / "facts", now=lambda: NOW)
    assert judged(again.judge(question(commit, token))).report == first.report
    hurry = Limits(history_timeout_s=0.0001)
    hurried = judged(conformance(forge, tmp_path / "b", hurry).judge(question(commit, token)))
    calm = judged(conformance(forge, tmp_path / "b").judge(question(commit, token)))
    assert hurried.report != calm.report, "git that was too slow once is asked again"
    (secrets,) = (r for r in first.report.results if r.rule_id == "SEC-001")
    assert (secrets.verdict, secrets.blocks) == (Verdict.UNKNOWN, True)


def test_a_pack_with_another_digest_is_a_broken_installation(forge: RunningForge, token: str, tmp_path: Path) -> None:
    asked = question("a" * 40, token)
    for pack in (
        dataclasses.replace(asked.pack, digest="sha256:" + "0" * 64),
        dataclasses.replace(asked.pack, version="psram-1999.1"),
    ):
        with pytest.raises(BrokenInstallationError, match="pack de normes"):
            conformance(forge, tmp_path).judge(dataclasses.replace(asked, pack=pack))
