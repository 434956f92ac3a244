"""Reports of other tools: counted, never believed; anything else is refused in French."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram.errors import UsageError
from psram.ingest import cobertura, junit, xml_events
from psram.proofs import TestCase

PHPUNIT = rb"""<?xml version="1.0"?><testsuites tests="99"><testsuite name="application">
<testcase name="testA" class="App\Tests\IsolationTest" classname="App.Tests.IsolationTest" assertions="2"/>
<testcase name="testB with data set #0" class="App\Tests\BTest" classname="App.Tests.BTest"/>
<testcase name="testB with data set #1" class="App\Tests\BTest" classname="App.Tests.BTest">
<failure>x</failure></testcase>
<testcase name="testC" classname="App.Tests.CTest"><skipped/></testcase>
</testsuite></testsuites>"""
COVERAGE = b"""<?xml version="1.0"?><coverage line-rate="1" lines-covered="900" lines-valid="900">
<packages><package><classes>
<class name="A" filename="src/A.php"><methods><method name="f"><lines>
<line number="3" hits="0"/></lines></method></methods>
<lines><line number="3" hits="2"/><line number="4" hits="0"/><line number="5" hits="1"/></lines></class>
<class name="A2" filename="src/A.php"><lines><line number="4" hits="1"/></lines></class>
<class name="B" filename="src/B.php"><lines><line number="9" hits="0"/></lines></class>
</classes></package></packages></coverage>"""


def test_cases_carry_their_class_and_the_worst_outcome_of_their_data_sets() -> None:
    summary = junit.read(PHPUNIT)
    assert (summary.tests, summary.failures, summary.skipped, summary.isolation) == (4, 1, 1, 1)
    assert summary.cases == (
        TestCase("App\\Tests\\BTest", "testB", "failed"),
        TestCase("App\\Tests\\CTest", "testC", "skipped"),
        TestCase("App\\Tests\\IsolationTest", "testA", "passed"),
    )
    assert summary.cases_total == 3


def test_a_case_that_asserts_nothing_did_not_prove_anything() -> None:
    (case,) = junit.read(b'<testsuite><testcase class="A" name="t" assertions="0"/></testsuite>').cases
    assert case.outcome == "empty"


def test_a_flood_of_cases_never_hides_those_that_speak_of_isolation() -> None:
    flood = b"".join(b'<testcase classname="A" name="t%d"/>' % n for n in range(junit.MAX_KEPT + 50))
    summary = junit.read(b"<testsuite>" + flood + b'<testcase classname="ZIsolation" name="t"/></testsuite>')
    assert summary.tests == junit.MAX_KEPT + 51
    assert summary.cases_total == junit.MAX_KEPT + 51
    assert len(summary.cases) == junit.MAX_KEPT + 1
    assert TestCase("ZIsolation", "t") in summary.cases


def test_coverage_is_counted_line_by_line_whatever_the_announced_rate() -> None:
    report = cobertura.read(COVERAGE, commit="1" * 40, trusted=True)
    assert report.totals == {"lines": 4.0, "covered": 3.0}
    assert [(f.path, f.line) for f in report.findings] == [("src/B.php", 9)]
    assert report.commit == "1" * 40


@pytest.mark.parametrize("read", [junit.read, lambda content: cobertura.read(content, commit="", trusted=False)])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "bb">]><coverage>&b;</coverage>', id="document type"),
        pytest.param(b"<html/>", id="another document"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"<testsuite><testcase", id="cut"),
        pytest.param(b"<coverage>" + b"<a>" * (xml_events.MAX_DEPTH + 1), id="deep"),
        pytest.param(
            b'<coverage><class><line number="-1" hits="99999999999999999999"/></class></coverage>', id="numbers"
        ),
    ],
)
def test_what_is_not_the_report_is_refused(read: object, content: bytes) -> None:
    assert callable(read)
    with pytest.raises(UsageError, match="le rapport"):
        read(content)


@given(st.one_of(st.binary(max_size=200), st.text(alphabet='<>/classines ="number19hit', max_size=120).map(str.encode)))
def test_any_coverage_is_read_or_refused(content: bytes) -> None:
    for raw in (content, b"<coverage>" + content + b"</coverage>"):
        try:
            report = cobertura.read(raw, commit="", trusted=False)
        except UsageError:
            continue
        assert report.totals["covered"] <= report.totals["lines"]
