"""The verdict: a pure function of facts, pack and context."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest
from norms import pack, rule

from psram import checks, judge, packs, reports
from psram.collect.memory import collect_files
from psram.facts import Facts
from psram.model import (
    Context,
    Derogation,
    Evidence,
    Finding,
    Moment,
    Outcome,
    PipelineEvidence,
    Report,
    ReportVerdict,
    Rule,
    RuleResult,
    Severity,
    Stage,
    TestSummary,
    Track,
    Verdict,
    sentence,
)
from psram.reports import canonical

SEVERITIES = {
    "CMP-001": "bloquante",
    "CMP-003": "bloquante",
    "PHP-001": "bloquante",
    "PHP-002": "majeure",
    "PHP-004": "majeure",
    "PHP-006": "majeure",
    "SYM-002": "bloquante",
    "SYM-004": "bloquante",
    "TST-001": "bloquante",
}


def pinned(live: Rule) -> Rule:
    """The rule with its own check and parameters, and words of the test's: rewording the norm changes no test."""
    severity = {"labellisation": SEVERITIES[live.id], "homologation": SEVERITIES[live.id]}
    fields = {"severity": severity, "moment": live.moment.value, "evidence": live.evidence.value}
    words = rule(live.id, **fields, requires=["CMP-001"] if live.id in ("CMP-003", "SYM-002") else [])
    return msgspec.structs.replace(words, params=live.params, applies=live.applies, needs=live.needs)


PACK = pack(
    *(pinned(r) for r in packs.load().rules if r.id in SEVERITIES),
    major_threshold={"homologation": 3, "labellisation": 0},
)
DAY = date(2026, 6, 1)
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, DAY, package_sources=())
GOLDEN = Path(__file__).parent / "golden" / "report.json"
FILES = {
    "composer.json": b'{"require": {"php": "^8.1"}, "autoload": {"psr-4": {"App\\\\": "src/"}}}',
    "src/A.php": b"<?php\nnamespace App;\nclass A { function f() { eval($_GET['x']); } }\n",
    "src/B.php": b"<?php\nnamespace App;\nclass C {}\n",
    ".env": b"APP_SECRET=0123456789abcdef\n",
}


def judged(files: dict[str, bytes], context: Context = CONTEXT) -> Report:
    return judge.judge(collect_files(files, commit="1" * 40), PACK, context)


def of(report: Report, rule_id: str) -> RuleResult:
    return next(r for r in report.results if r.rule_id == rule_id)


def test_the_canonical_report_is_the_golden_one(request: pytest.FixtureRequest) -> None:
    report = judge.judge(collect_files(FILES, commit="1" * 40), PACK, CONTEXT)
    written = reports.canonical_json(report)
    if request.config.getoption("--update-golden", default=False):
        GOLDEN.write_bytes(written)
    assert written == GOLDEN.read_bytes()
    assert canonical.parse(written) == report


def test_the_same_facts_give_the_same_bytes_whatever_the_order_of_files() -> None:
    backwards = dict(reversed(FILES.items()))
    assert reports.canonical_json(judged(FILES)) == reports.canonical_json(judged(backwards))
    assert reports.html(judged(FILES)) == reports.html(judged(backwards))


def test_facts_survive_json_and_give_the_same_report() -> None:
    facts = collect_files(FILES, commit="1" * 40)
    again = msgspec.json.decode(msgspec.json.encode(facts), type=Facts)
    assert again == facts
    assert judge.judge(again, PACK, CONTEXT) == judge.judge(facts, PACK, CONTEXT)


def test_blocking_results_of_a_moment_leave_the_others_out() -> None:
    report = judged(FILES)
    assert of(report, "TST-001").blocks
    assert "TST-001" not in {r.rule_id for r in report.blocking({Moment.SOURCE})}
    assert {r.rule_id for r in report.blocking({Moment.PIPELINE})} == {"TST-001"}
    assert report.verdict_for({Moment.PIPELINE}) is ReportVerdict.UNKNOWN


def test_the_sentence_names_rules_and_places_in_255_characters() -> None:
    said = judged(FILES).sentence
    assert "règles bloquantes non respectées : CMP-001" in said
    assert "SYM-004 .env:1" in said
    assert len(said) <= 255


def test_a_crash_of_one_check_is_that_rule_undecided_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    before = judged(FILES)
    found = checks.find

    def broken(rule_id: str) -> checks.Check:
        if rule_id != "PHP-004":
            return found(rule_id)

        def crash(*_given: object) -> Outcome:
            raise RecursionError("secret")

        return crash

    monkeypatch.setattr(checks, "find", broken)
    report = judged(FILES)
    assert of(report, "PHP-004").verdict is Verdict.UNKNOWN
    assert "RecursionError" in of(report, "PHP-004").missing_evidence
    assert "secret" not in of(report, "PHP-004").missing_evidence
    same = [r.rule_id for r in report.results if r.verdict == of(before, r.rule_id).verdict]
    assert len(same) == len(report.results) - 1


def test_dependants_of_an_unreadable_manifest_are_not_evaluated() -> None:
    report = judged({"composer.json": b"{,}"})
    assert of(report, "SYM-002").verdict is Verdict.NOT_EVALUATED
    assert "CMP-001" in of(report, "SYM-002").missing_evidence


def test_majeure_rules_block_only_beyond_the_threshold_of_the_track() -> None:
    files = {**FILES, "src/B.php": b"<?php\nnamespace App;\nclass B {}\n"}
    report = judged(files)
    majeures = [r for r in report.results if r.severity is Severity.MAJOR and r.verdict is Verdict.VIOLATED]
    assert 0 < len(majeures) <= PACK.major_threshold["homologation"]
    assert not any(r.blocks for r in majeures)
    strict = judged(files, msgspec.structs.replace(CONTEXT, track=Track.LABELLISATION))
    assert all(of(strict, r.rule_id).blocks for r in majeures)
    assert "tolérée" in of(strict, majeures[0].rule_id).reason


def test_a_grave_finding_makes_a_majeure_rule_blocking() -> None:
    assert of(judged(FILES), "PHP-006").severity is Severity.BLOCKING
    mild = {**FILES, "src/A.php": b"<?php\nnamespace App;\nclass A { function f() { exit; } }\n"}
    assert of(judged(mild), "PHP-006").severity is Severity.MAJOR


def test_hors_standard_is_told_the_truth_for_information() -> None:
    report = judged(FILES, msgspec.structs.replace(CONTEXT, track=Track.HORS_STANDARD))
    assert report.informative
    assert report.verdict is ReportVerdict.VIOLATED


def derogation(**changes: object) -> Derogation:
    base = Derogation("drg-1", "SYM-004", "en cours de retrait", "auditeur", date(2026, 12, 1))
    return msgspec.structs.replace(base, **changes)


def with_derogation(**changes: object) -> Report:
    return judged(FILES, msgspec.structs.replace(CONTEXT, derogations=(derogation(**changes),)))


def test_a_derogation_in_force_settles_its_rule_alone() -> None:
    report = with_derogation()
    assert of(report, "SYM-004").verdict is Verdict.DEROGATED
    assert report.derogations_used == ("drg-1",)
    assert of(report, "CMP-001").blocks


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"expires_on": DAY}, id="expired that very day"),
        pytest.param({"rule_id": "SEC-001"}, id="of another rule"),
        pytest.param({"paths": ("autre",)}, id="of another path"),
        pytest.param({"fingerprints": ("0" * 32,)}, id="of another finding"),
    ],
)
def test_a_derogation_that_does_not_cover_is_told_unused(changes: dict[str, object]) -> None:
    report = with_derogation(**changes)
    assert of(report, "SYM-004").verdict is Verdict.VIOLATED
    assert report.derogations_unused == ("drg-1",)


def test_a_derogation_follows_its_finding_when_lines_move() -> None:
    fingerprint = of(judged(FILES), "SYM-004").findings[0].fingerprint
    moved = {**FILES, ".env": b"\n\n" + FILES[".env"]}
    context = msgspec.structs.replace(CONTEXT, derogations=(derogation(fingerprints=(fingerprint,)),))
    assert of(judged(moved, context), "SYM-004").verdict is Verdict.DEROGATED


def test_two_equal_lines_have_two_fingerprints() -> None:
    files = {"src/A.php": b"<?php\nvar_dump($a);\nvar_dump($a);\n"}
    findings = of(judged(files), "PHP-006").findings
    assert len({f.fingerprint for f in findings}) == 2


@pytest.mark.parametrize("wrong", ["2" * 40, ""])
def test_a_report_of_another_commit_is_not_evidence(wrong: str) -> None:
    summary = TestSummary(tests=3, failures=0, errors=0, skipped=0)
    evidence = Evidence(PipelineEvidence(commit=wrong, status="success", tests=summary))
    report = judged(FILES, msgspec.structs.replace(CONTEXT, evidence=evidence))
    assert of(report, "TST-001").verdict is Verdict.UNKNOWN


def test_a_rule_not_yet_effective_is_told_and_does_not_block() -> None:
    changed = []
    for each in PACK.rules:
        lifecycle = msgspec.structs.replace(each.lifecycle, effective_on=date(2026, 7, 1))
        changed.append(msgspec.structs.replace(each, lifecycle=lifecycle))
    norms = msgspec.structs.replace(PACK, rules=tuple(changed))
    facts = collect_files(FILES, commit="1" * 40)
    early = judge.judge(facts, norms, CONTEXT)
    assert early.verdict is ReportVerdict.CONFORMING
    assert of(early, "SYM-004").reason == "cette règle bloquera à partir du 2026-07-01"
    late = judge.judge(facts, norms, msgspec.structs.replace(CONTEXT, evaluated_on=date(2026, 7, 1)))
    assert late.verdict is ReportVerdict.VIOLATED


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ("B", "1 règle bloquante non respectée : "),
        ("BBB", "3 règles bloquantes non respectées : "),
        ("BM", "1 règle bloquante et 1 majeure non respectées : "),
        ("BBMMM", "2 règles bloquantes et 3 majeures non respectées : "),
        ("M", "1 règle majeure non respectée : "),
        ("MM", "2 règles majeures non respectées : "),
    ],
)
def test_the_sentence_counts_majeure_rules_apart(severities: str, said: str) -> None:
    of_letter = {"B": Severity.BLOCKING, "M": Severity.MAJOR}
    results = tuple(
        RuleResult(f"PHP-{n:03}", "t", "PHP", of_letter[letter], Moment.SOURCE, Verdict.VIOLATED, blocks=True)
        for n, letter in enumerate(severities)
    )
    assert sentence(results).startswith(said)


def test_a_name_with_a_line_break_stays_on_one_line_in_the_sentence() -> None:
    finding = Finding("x", "a\n\u202eb.php", 3)
    result = RuleResult(
        "PHP-001", "t", "PHP", Severity.BLOCKING, Moment.SOURCE, Verdict.VIOLATED, blocks=True, findings=(finding,)
    )
    assert sentence((result,)) == "1 règle bloquante non respectée : PHP-001 a\\n\\u202eb.php:3"


def test_a_long_sentence_is_cut_with_the_count_of_what_is_left_out() -> None:
    results = tuple(
        RuleResult(
            f"PHP-{i:03}",
            "t",
            "PHP",
            Severity.BLOCKING,
            Moment.SOURCE,
            Verdict.VIOLATED,
            blocks=True,
            findings=(Finding("x", "d" * 60 + ".php", i),),
        )
        for i in range(1, 20)
    )
    assert len(sentence(results)) <= 255
    assert sentence(results).endswith("autres")
