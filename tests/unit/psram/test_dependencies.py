"""The sample's dependencies judged on fixed days: what is announced is what happens."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import advisories, checks, packs, reports
from psram.asking import ask
from psram.collect import composer
from psram.facts import ComposerFacts, Facts
from psram.judge import judge
from psram.model import Context, Outcome, Severity, Stage, Track, Verdict
from psram.proofs import Evidence
from psram.reports import terminal
from psram.reports.presentation import Presentation
from psram.rules import Pack
from psram.severity import severity_of

ROOT = Path(__file__).parents[3]
APP = ROOT / "sandbox/apps/suivi-courriers"
DATABASE = advisories.read(ROOT / "sandbox/advisories/advisories.json")
PACK = packs.load("psram-2026.1")
TODAY = date(2026, 11, 22)
RULES = ("CMP-001", "CMP-002", "CMP-003", "CMP-004", "CMP-005", "CMP-006", "CMP-007", "CMP-009")
LOCK = (APP / "composer.lock").read_bytes()
MANIFEST = (APP / "composer.json").read_bytes()


@cache
def facts(lock: bytes = LOCK) -> Facts:
    return Facts(commit="1" * 40, tree="2" * 40, composer=composer.facts(MANIFEST, lock))


def context(day: date, *, dated: date | None = None, corrected: bool = True, **fields: Any) -> Context:
    """The platform's context with the sample database, refreshed that very day unless ``dated`` says otherwise."""
    found = DATABASE.concerning(facts().composer.packages)
    assert all(entry.corrected_in for entry in found.entries), "Debian corrected all the sample advisories that it has"
    entries = tuple(msgspec.structs.replace(e, corrected_in=e.corrected_in if corrected else "") for e in found.entries)
    evidence = msgspec.structs.replace(found, dated=dated or day, entries=entries)
    return Context(
        track=Track.HOMOLOGATION,
        stage=Stage.PRODUCTION,
        evaluated_on=day,
        evidence=Evidence(advisories=evidence),
        package_sources=("http://198.18.0.1:8930",),
        **fields,
    )


def asked(rule_id: str, given_facts: Facts, given_context: Context) -> tuple[Outcome, Severity]:
    rule = PACK.rule(rule_id)
    assert rule is not None
    outcome = ask(rule, given_facts, given_context)
    return outcome, severity_of(rule, outcome, given_context)


@pytest.mark.parametrize("day", [TODAY, date(2027, 11, 22)], ids=["today", "a year later"])
def test_the_sample_respects_every_rule_about_dependencies(day: date) -> None:
    for rule_id in RULES:
        outcome, _ = asked(rule_id, facts(), context(day))
        assert outcome.verdict is Verdict.CONFORMING, (rule_id, outcome.findings, outcome.missing_evidence)


def test_ends_of_maintenance_are_announced_before_they_come() -> None:
    announced = asked("CMP-004", facts(), context(TODAY))[0].next_dates
    assert [d.on for d in announced][:1] == [date(2028, 4, 2)]
    assert {date(2028, 7, 1), date(2029, 3, 1)} <= {d.on for d in announced}
    assert any("Doctrine ORM 2.14" in d.reason and "Debian 12 LTS" in d.reason for d in announced)


@pytest.mark.parametrize(
    ("day", "verdict", "severity"),
    [
        pytest.param(date(2028, 4, 1), Verdict.CONFORMING, Severity.MAJOR, id="more than 90 days before"),
        pytest.param(date(2028, 4, 2), Verdict.VIOLATED, Severity.MAJOR, id="less than 90 days before"),
        pytest.param(date(2028, 6, 30), Verdict.VIOLATED, Severity.MAJOR, id="on the last day"),
        pytest.param(date(2028, 7, 1), Verdict.VIOLATED, Severity.BLOCKING, id="on the day after"),
    ],
)
def test_the_end_of_a_branch_is_majeure_then_blocking(day: date, verdict: Verdict, severity: Severity) -> None:
    outcome, found = asked("CMP-004", facts(), context(day))
    assert (outcome.verdict, found) == (verdict, severity)


def test_the_distributions_version_taken_elsewhere_is_on_no_maintained_branch() -> None:
    elsewhere = LOCK.replace(b"http://198.18.0.1:8930/dist/doctrine-orm", b"https://ailleurs.example/doctrine-orm")
    outcome, severity = asked("CMP-004", facts(elsewhere), context(TODAY))
    assert (outcome.verdict, severity) == (Verdict.VIOLATED, Severity.BLOCKING)
    assert "n'est plus maintenue par personne" in outcome.findings[0].message
    assert outcome.findings[0].line > 1


@pytest.mark.parametrize(
    ("age", "verdict", "noted"),
    [
        pytest.param(0, Verdict.CONFORMING, False, id="today's"),
        pytest.param(7, Verdict.CONFORMING, False, id="a week old"),
        pytest.param(8, Verdict.CONFORMING, True, id="stale: said"),
        pytest.param(30, Verdict.CONFORMING, True, id="as old as may be"),
        pytest.param(31, Verdict.UNKNOWN, False, id="too old"),
        pytest.param(-5, Verdict.CONFORMING, False, id="newer than the day judged"),
    ],
)
def test_an_old_database_is_said_then_no_longer_believed(age: int, verdict: Verdict, noted: bool) -> None:
    outcome, severity = asked("CMP-002", facts(), context(TODAY, dated=TODAY - timedelta(days=age)))
    assert outcome.verdict is verdict
    assert severity is Severity.BLOCKING
    assert bool(outcome.note) is noted
    if verdict is Verdict.UNKNOWN:
        assert "31 jours" in outcome.missing_evidence
        assert outcome.giver == "plateforme"


def test_a_vulnerable_tool_is_majeure_and_a_vulnerable_library_blocking() -> None:
    given_context = context(TODAY, corrected=False)
    outcome, severity = asked("CMP-002", facts(), given_context)
    assert (outcome.verdict, severity) == (Verdict.VIOLATED, Severity.BLOCKING)
    assert len(outcome.findings) == 6
    known = given_context.evidence.advisories
    assert known is not None
    tools = msgspec.structs.replace(known, entries=tuple(a for a in known.entries if a.package == "phpunit/phpunit"))
    only = msgspec.structs.replace(given_context, evidence=Evidence(advisories=tools))
    outcome, severity = asked("CMP-002", facts(), only)
    assert (outcome.verdict, severity) == (Verdict.VIOLATED, Severity.MAJOR)
    assert "développement" in outcome.findings[0].message


def test_without_a_readable_lock_nothing_is_said_of_dependencies() -> None:
    for rule_id in RULES:
        outcome, _ = asked(rule_id, facts(b"{"), context(TODAY))
        if rule_id in ("CMP-001", "CMP-003", "CMP-005"):
            continue  # these read composer.json
        assert outcome.verdict is Verdict.NOT_EVALUATED, rule_id
        assert "CMP-001" in outcome.missing_evidence


def test_a_host_that_the_platform_may_approve_is_asked_about_once() -> None:
    unknown = msgspec.structs.replace(context(TODAY), package_sources=None)
    outcome, _ = asked("CMP-005", facts(), unknown)
    assert (outcome.verdict, outcome.confirm) == (Verdict.UNKNOWN, True)
    assert [(f.path, f.message) for f in outcome.findings] == [
        ("composer.json", f"dépôt à confirmer : 198.18.0.1:8930 ({len(facts().composer.packages)} paquets en viennent)")
    ]
    report = judge(facts(), PACK, unknown)
    problems = json.loads(reports.write("codequality", report, Presentation()))
    assert "CMP-005" not in {p["check_name"] for p in problems}


def test_a_host_that_the_platform_refuses_is_told_at_each_package() -> None:
    elsewhere = msgspec.structs.replace(context(TODAY), package_sources=("https://artefacts.example",))
    outcome, _ = asked("CMP-005", facts(), elsewhere)
    assert outcome.verdict is Verdict.VIOLATED
    assert len(outcome.findings) == 1 + len(facts().composer.packages)
    assert "non agréé" in outcome.findings[0].message


@pytest.mark.parametrize(
    ("manifest", "lock", "place"),
    [
        pytest.param(b'{"a": 1,\n"b": 2,,\n}', None, ("composer.json", 2), id="a comma too many"),
        pytest.param(MANIFEST, b'{\n\n"packages": [}', ("composer.lock", 3), id="in the lock"),
    ],
)
def test_what_is_no_json_is_shown_where_it_breaks(manifest: bytes, lock: bytes | None, place: tuple[str, int]) -> None:
    broken = Facts(commit="1" * 40, tree="2" * 40, composer=composer.facts(manifest, lock))
    (finding,) = asked("CMP-001", broken, context(TODAY))[0].findings
    assert (finding.path, finding.line) == place


def test_a_manifest_that_is_no_json_is_mended_first() -> None:
    broken = Facts(commit="1" * 40, tree="2" * 40, composer=composer.facts(b"{,}", None))
    (finding,) = asked("CMP-001", broken, context(TODAY))[0].findings
    assert "corriger d'abord" in finding.message


NAMES = st.sampled_from(
    ["php", "twig/twig", "symfony/console", "a/b", "", "/", "A/B", "doctrine/orm", "é/è", "x" * 300]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), NAMES, st.just("v5.4.0"))
WRONG = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, st.text(max_size=4)), inner, max_size=3)
    ),
    max_leaves=8,
)
PACKAGES = st.lists(
    st.one_of(
        WRONG,
        st.fixed_dictionaries(
            {"name": NAMES, "version": st.sampled_from(["1.0.0", "v5.4.1", "dev-main", "1.x-dev", "", "x" * 200])},
            optional={
                "license": WRONG,
                "require": WRONG,
                "provide": WRONG,
                "replace": WRONG,
                "dist": WRONG,
                "source": WRONG,
            },
        ),
    ),
    max_size=3,
)
MANIFESTS = st.dictionaries(
    st.sampled_from(
        ["name", "require", "require-dev", "config", "repositories", "autoload", "license", "minimum-stability"]
    ),
    WRONG,
)
LOCKS = st.fixed_dictionaries(
    {},
    optional={
        "packages": st.one_of(PACKAGES, WRONG),
        "packages-dev": st.one_of(PACKAGES, WRONG),
        "content-hash": WRONG,
    },
)


@given(MANIFESTS, LOCKS)
def test_wrong_types_anywhere_are_refused_with_a_reason_and_crash_no_rule(manifest: Any, lock: Any) -> None:
    found: ComposerFacts = composer.facts(json.dumps(manifest).encode(), json.dumps(lock).encode())
    if found.lock_problem:
        assert "composer.lock" in found.lock_problem
        assert found.packages == ()
    given_facts = Facts(commit="1" * 40, tree="2" * 40, composer=found)
    given_context = context(TODAY)
    for rule_id in RULES:
        rule = PACK.rule(rule_id)
        assert rule is not None
        assert isinstance(checks.find(rule_id)(given_facts, rule.params, given_context), Outcome)


HOSTILE = [
    pytest.param(b"{" * 100_000, "imbrique plus de 256", id="deep objects"),
    pytest.param(b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", "imbrique plus de 256", id="deep lists"),
    pytest.param(b'{"a": ' + b"9" * 10_000 + b"}", "lisible", id="a number of 10,000 digits"),
    pytest.param(b'{"a": NaN}', "lisible", id="NaN"),
    pytest.param(b'{"extra": 1e999}', "nombre", id="an infinite number"),
    pytest.param(b'{"a": "\\ud800"}', "Unicode", id="half a character"),
    pytest.param(b"\xff\xfe{}", "UTF-8", id="not UTF-8"),
    pytest.param(b"[]", "objet JSON", id="a list"),
    pytest.param(b"null", "objet JSON", id="null"),
    pytest.param(b"", "composer.json est vide", id="empty"),
    pytest.param(b'{"a": 1\n', "ligne 2", id="cut"),
    pytest.param(b" " * (9 << 20), "dépasse 8 Mio", id="too big"),
]


@pytest.mark.parametrize(("content", "said"), HOSTILE)
def test_a_hostile_manifest_is_refused_with_its_reason(content: bytes, said: str) -> None:
    assert said in composer.facts(content, None).manifest_problem


def test_of_a_key_written_twice_the_last_counts_as_for_composer() -> None:
    twice = composer.facts(
        b'{"require": {"php": "^7"}, "require": {"php": "~8.2.0"}}', b'{"packages": 3, "packages": []}'
    )
    assert [c.constraint for c in twice.require] == ["~8.2.0"]
    assert twice.lock_problem == ""


def rendered(pack: Pack, age: int) -> str:
    report = judge(facts(), pack, context(TODAY, dated=TODAY - timedelta(days=age)))
    return terminal.render(report, Presentation()).decode()


def test_the_text_of_a_report_says_that_the_database_is_stale() -> None:
    rules = tuple(rule for rule in PACK.rules if rule.id in ("CMP-001", "CMP-002"))
    pack = msgspec.structs.replace(PACK, rules=rules)
    said = {age: rendered(pack, age) for age in (7, 12)}
    assert "il y a 12 jours" in said[12]
    assert "il y a" not in said[7]
