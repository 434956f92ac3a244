"""The same facts, pack, derogations and date give the same bytes, in whatever order anything comes."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from norms import CONFORMING, CONTEXT, FACTS, MAJOR, answering, pack, rule, violated

from psram import packs, reports
from psram.collect.memory import collect_files
from psram.facts import Facts
from psram.judge import judge
from psram.model import Context, Derogation, Organisation, Outcome, Verdict

PACK = packs.load("psram-2026.1")
CONTENTS = (
    b"<?php\nnamespace App;\nclass A { function f() { eval($_GET['x']); } }\n",
    b"<?php\ndeclare(strict_types=1);\nnamespace App\\Entity;\n#[\\Doctrine\\ORM\\Mapping\\Entity]\nclass A {}\n",
    b"APP_SECRET=0123456789abcdef\n",
    b'{"require": {"php": "^8.1"}}',
    b"a: [",
    b"\xff\xfe\x00",
    b"",
)
paths = st.sampled_from(["src/A.php", "src/Entity/A.php", ".env", "composer.json", "config/a.yaml", "é\n.php", "b/c"])
trees = st.dictionaries(paths, st.sampled_from(CONTENTS), max_size=7)
derogations = st.lists(
    st.builds(
        Derogation,
        name=st.sampled_from(["a", "b", "c"]),
        rule_id=st.sampled_from(["PHP-006", "SYM-004", "ZZZ-999"]),
        justification=st.just("j"),
        approver=st.just("x"),
        expires_on=st.sampled_from([date(2026, 1, 1), date(2026, 12, 1)]),
        paths=st.sampled_from([(), ("src/A.php",), ("src/",)]),
    ),
    max_size=4,
    unique_by=lambda d: d.name,
)


@given(tree=trees, listed=derogations, data=st.data())
def test_order_never_counts(tree: dict[str, bytes], listed: list[Derogation], data: st.DataObject) -> None:
    facts = collect_files(tree, commit="1" * 40)
    shuffled = collect_files(dict(data.draw(st.permutations(list(tree.items())))), commit="1" * 40)
    norms = msgspec.structs.replace(PACK, rules=tuple(data.draw(st.permutations(PACK.rules))))
    first = judge(facts, PACK, msgspec.structs.replace(CONTEXT, derogations=tuple(listed)))
    again = msgspec.structs.replace(CONTEXT, derogations=tuple(data.draw(st.permutations(listed))))
    second = judge(shuffled, norms, again)
    assert reports.canonical_json(first) == reports.canonical_json(second)


@given(tree=trees)
def test_judging_twice_and_after_a_round_trip_gives_the_same_bytes(tree: dict[str, bytes]) -> None:
    facts = collect_files(tree, commit="1" * 40)
    read = msgspec.json.decode(msgspec.json.encode(facts), type=Facts)
    once = reports.canonical_json(judge(facts, PACK, CONTEXT))
    assert once == reports.canonical_json(judge(facts, PACK, CONTEXT))
    assert once == reports.canonical_json(judge(read, PACK, CONTEXT))


PROGRAM = """
import sys
from datetime import date
from psram import packs, reports
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Stage, Track
files = {"src/A.php": b"<?php eval($_GET['x']); var_dump(1);", ".env": b"APP_SECRET=0123456789abcdef", "b": b""}
context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
sys.stdout.buffer.write(reports.canonical_json(judge(collect_files(files, commit="1" * 40), packs.load(), context)))
"""


def test_two_processes_with_other_hash_seeds_and_locales_write_the_same_bytes() -> None:
    written = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed, locale, zone in (("0", "C", "UTC"), ("4711", "C.UTF-8", "Pacific/Kiritimati"))
    }
    assert len(written) == 1
    assert written != {b""}


verdicts = st.sampled_from([v for v in Verdict if v not in (Verdict.DEROGATED, Verdict.NOT_EVALUATED)])
graphs = st.lists(
    st.tuples(verdicts, st.booleans(), st.lists(st.integers(0, 6), max_size=2), st.booleans()), min_size=1, max_size=7
)


@given(drawn=graphs)
def test_a_rule_is_left_out_exactly_when_something_it_requires_prevents_it(
    drawn: list[tuple[Verdict, bool, list[int], bool]],
) -> None:
    """A reference in ten lines: dependants of a prevented rule are "non évalué", everything else says what it says."""
    ids = [f"PHP-{n:03}" for n in range(len(drawn))]
    rules, outcomes, expected, prevented = [], {}, {}, set()
    for n, (verdict, prevents, required, major) in enumerate(drawn):
        requires = sorted({ids[i] for i in required if i < n})
        extra: dict[str, Any] = {"severity": MAJOR} if major else {}
        rules.append(rule(ids[n], requires=requires, **extra))
        outcomes[ids[n]] = Outcome(verdict, prevents=prevents)
        blocked = bool(prevented & set(requires))
        expected[ids[n]] = Verdict.NOT_EVALUATED if blocked else verdict
        if blocked or prevents:
            prevented.add(ids[n])
    with pytest.MonkeyPatch.context() as patched:
        answering(patched, outcomes)
        report = judge(FACTS, pack(*rules), CONTEXT)
    assert {r.rule_id: r.verdict for r in report.results} == expected


def test_one_crash_never_changes_another_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_context: Context) -> Outcome:
        raise MemoryError

    names = ("PHP-001", "PHP-002", "PHP-004")
    for broken in names:
        answers: dict[str, Any] = {"PHP-001": CONFORMING, "PHP-002": violated(), "PHP-004": CONFORMING}
        norms = pack(*(rule(name) for name in names))
        answering(monkeypatch, answers)
        before = {r.rule_id: r for r in judge(FACTS, norms, CONTEXT).results}
        answering(monkeypatch, {**answers, broken: crash})
        after = {r.rule_id: r for r in judge(FACTS, norms, CONTEXT).results}
        assert after[broken].verdict is Verdict.UNKNOWN
        assert after[broken].giver == "plateforme"
        assert all(after[name] == before[name] for name in names if name != broken)


def test_an_undecided_result_always_names_who_can_help() -> None:
    """With nothing of the platform, every undecided rule says what is missing and from whom."""
    names = ("src/A.php", "src/Entity/A.php", ".env", "composer.json", "config/a.yaml")
    tree = dict(zip(names, CONTENTS, strict=False))
    for context in (CONTEXT, msgspec.structs.replace(CONTEXT, organisations=(Organisation("671", "x"),))):
        for result in judge(collect_files(tree, commit="1" * 40), PACK, context).results:
            if result.verdict is Verdict.UNKNOWN:
                assert result.missing_evidence, result.rule_id
                assert result.giver in ("développeur", "pipeline", "plateforme", "auditeur"), result.rule_id
