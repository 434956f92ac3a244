"""No check crashes on what other rules' examples hold, whole, cut, doubled or mixed: a crash refuses for nothing."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from norms import CONTEXT

from psram import examples, horizon, packs
from psram.asking import ask
from psram.collect.memory import collect_files
from psram.facts import Facts
from psram.judge import judge
from psram.model import Context, Report, Verdict
from psram.rules import DecidedBy, Rule

PACK = packs.load()
OBSERVED = {rule.id for rule in PACK.rules if rule.evidence == "O"}
EXAMPLES = [e for rule in PACK.rules for e in (*rule.examples.good, *rule.examples.bad) if e.files]
CONTENTS = sorted({text.encode() for e in EXAMPLES for text in e.files.values()})
PATHS = sorted({path for e in EXAMPLES for path in e.files})
CONTEXTS = [CONTEXT, *(examples.context(e) for rule in PACK.rules for e in rule.examples.bad)]


def failed(report: Report) -> list[str]:
    """Rules whose check crashed."""
    return [r.rule_id for r in report.results if "elle-même a échoué" in r.missing_evidence]


@given(chosen=st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=4), context=st.sampled_from(CONTEXTS))
def test_examples_of_several_rules_together_crash_no_check(chosen: list[examples.Example], context: Context) -> None:
    files = {path: text.encode() for example in chosen for path, text in example.files.items()}
    links = {path: target for example in chosen for path, target in example.links.items() if path not in files}
    facts = collect_files(files, links=links, commit=examples.COMMIT)
    assert failed(judge(facts, PACK, context)) == []


@given(data=st.data())
def test_contents_under_other_names_cut_or_doubled_crash_no_check(data: st.DataObject) -> None:
    tree: dict[str, bytes] = {}
    for _ in range(data.draw(st.integers(1, 5))):
        content = data.draw(st.sampled_from(CONTENTS))
        cut = data.draw(st.integers(0, len(content)))
        shape = data.draw(st.sampled_from([content, content[:cut], content[cut:], content * 2, content[::-1]]))
        tree[data.draw(st.sampled_from(PATHS))] = shape
    facts = collect_files(tree, commit=examples.COMMIT)
    assert failed(judge(facts, PACK, data.draw(st.sampled_from(CONTEXTS)))) == []


@given(example=st.sampled_from(EXAMPLES), context=st.sampled_from(CONTEXTS))
def test_facts_that_lost_their_contents_crash_no_check(example: examples.Example, context: Context) -> None:
    """A cache may be cut, a blob unread: a check must bear files without facts and facts without files."""
    facts = collect_files({p: t.encode() for p, t in example.files.items()}, commit=examples.COMMIT)
    for partial in (
        msgspec.structs.replace(facts, blobs={}),
        msgspec.structs.replace(facts, files=()),
        Facts(commit=facts.commit, tree=""),
        msgspec.structs.replace(facts, truncated="plus de 100000 fichiers"),
    ):
        report = judge(partial, PACK, context)
        assert failed(report) == []
        settled = {r.rule_id for r in report.results if r.verdict in (Verdict.CONFORMING, Verdict.NOT_APPLICABLE)}
        assert not partial.truncated or not settled & OBSERVED


DECIDED = [rule for rule in PACK.rules if rule.decided_by is DecidedBy.ENGINE]


@pytest.mark.parametrize("rule", DECIDED, ids=lambda rule: rule.id)
def test_a_check_that_depends_on_the_date_announces_it(rule: Rule) -> None:
    """Else "conforme jusqu'au…" would be wrong: between two announced days the answer stays what it is."""
    for example in (*rule.examples.good, *rule.examples.bad):
        facts, context = examples.facts(example), examples.context(example)
        day = context.evaluated_on
        now = ask(rule, facts, context)
        announced = min((d.on for d in now.next_dates), default=date.max)
        assert announced > day, example.name
        for years in (1, 2, 3, 5, 8):
            later = day + timedelta(days=365 * years)
            if later < announced:
                then = ask(rule, facts, horizon.on_day(context, later))
                assert (then.verdict, then.severity) == (now.verdict, now.severity), f"{example.name} le {later}"
