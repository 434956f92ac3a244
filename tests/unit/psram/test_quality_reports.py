"""Reports of phpcs and PHPStan: read in each of their formats, counted one by one, bound to a commit."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram.checks.quality import reported
from psram.collect import neon_data
from psram.collect.memory import collect_files
from psram.errors import UsageError
from psram.ingest import findings, phpcs, phpstan, strict, xml_events
from psram.proofs import QualityFinding, QualityReport

COMMIT = "1" * 40
CHECKSTYLE = b"""<?xml version="1.0"?><checkstyle version="3.7.1">
<file name="/builds/g/p/src/A.php"><error line="3" column="1" severity="error" message="m" source="PSR12.X"/>
<error line="x" severity="warning" message="w" source="s"/></file></checkstyle>"""
PHPCS = json.dumps(
    {
        "totals": {"errors": 99, "warnings": 0, "fixable": 0},
        "files": {
            "/x/src/A.php": {
                "errors": 9,
                "warnings": 9,
                "messages": [
                    {"message": "m", "source": "S", "severity": 5, "type": "ERROR", "line": 3},
                    {"message": "w", "type": "WARNING", "line": 4},
                ],
            }
        },
    }
).encode()
PHPSTAN = json.dumps(
    {
        "totals": {"errors": 1, "file_errors": 1},
        "files": {
            "/app/src/A.php": {
                "errors": 1,
                "messages": [{"message": "m", "line": 12, "ignorable": True, "identifier": "return.type"}],
            }
        },
        "errors": ["no file"],
    }
).encode()
GITLAB = json.dumps(
    [
        {
            "description": "m",
            "fingerprint": "f",
            "severity": "major",
            "location": {"path": "src/A.php", "lines": {"begin": 2}},
        }
    ]
).encode()
REPORTS = [CHECKSTYLE, PHPCS, PHPSTAN, GITLAB]
Read = Callable[..., QualityReport]


@pytest.mark.parametrize(
    ("read", "content", "errors", "warnings"),
    [
        pytest.param(phpcs.read, CHECKSTYLE, 1, 1, id="phpcs checkstyle"),
        pytest.param(phpcs.read, PHPCS, 1, 1, id="phpcs json"),
        pytest.param(phpcs.read, b'{"totals": {}, "files": []}', 0, 0, id="phpcs without finding"),
        pytest.param(phpstan.read, PHPSTAN, 2, 0, id="phpstan json"),
        pytest.param(phpstan.read, GITLAB, 1, 0, id="phpstan gitlab"),
        pytest.param(phpstan.read, b"\xef\xbb\xbf[]", 0, 0, id="phpstan gitlab without finding, with a BOM"),
        pytest.param(phpstan.read, CHECKSTYLE, 1, 1, id="phpstan checkstyle"),
    ],
)
def test_findings_are_counted_whatever_totals_are_announced(
    read: Read, content: bytes, errors: int, warnings: int
) -> None:
    found = read(content, commit=COMMIT, trusted=True)
    assert (found.totals["errors"], found.totals["warnings"], found.commit) == (errors, warnings, COMMIT)
    assert found.findings_total == errors + warnings == len(found.findings)


@pytest.mark.parametrize("read", [phpcs.read, phpstan.read])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut in half"),
        pytest.param(PHPCS[:80], id="report cut in half"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"files": 3}', id="another shape"),
        pytest.param(b"<testsuites/>", id="another report"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY x "y">]><checkstyle/>', id="document type"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
        pytest.param(b'<checkstyle><file name="a"></checkstyle>', id="broken XML"),
    ],
)
def test_anything_else_is_refused_in_french(read: Read, content: bytes) -> None:
    with pytest.raises(UsageError, match="le rapport"):
        read(content, commit=COMMIT, trusted=True)


def test_a_flood_of_findings_is_counted_and_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = b'<error line="1" message="m"/>'
    flood = b'<checkstyle><file name="a">' + errors * 500 + b"</file></checkstyle>"
    found = phpcs.read(flood, commit=COMMIT, trusted=True)
    assert (found.findings_total, len(found.findings)) == (500, findings.MAX_KEPT)
    monkeypatch.setattr(findings, "MAX_COUNTED", 100)
    with pytest.raises(UsageError):
        phpcs.read(flood, commit=COMMIT, trusted=True)
    issue = {"description": "m"}
    with pytest.raises(UsageError, match="trop de remarques"):
        phpstan.read(json.dumps([issue] * 200).encode(), commit=COMMIT, trusted=True)


def test_a_report_that_is_too_big_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict, "MAX_BYTES", 10)
    monkeypatch.setattr(xml_events, "MAX_BYTES", 10)
    for read, content in ((phpcs.read, CHECKSTYLE), (phpstan.read, PHPSTAN)):
        with pytest.raises(UsageError, match="trop grand"):
            read(content, commit=COMMIT, trusted=True)


@given(
    st.one_of(
        st.binary(max_size=300), st.tuples(st.sampled_from(REPORTS), st.integers(0, 400)).map(lambda r: r[0][: r[1]])
    )
)
def test_any_bytes_are_a_report_or_a_refusal(content: bytes) -> None:
    for read in (phpcs.read, phpstan.read):
        try:
            found = read(content, commit=COMMIT, trusted=False)
        except UsageError:
            continue
        assert found.findings_total >= len(found.findings)


def test_paths_of_the_machine_that_ran_the_tool_become_those_of_the_repository() -> None:
    facts = collect_files({"src/A.php": b"<?php\n", "A.php": b"<?php\n"})
    given_paths = ("/builds/g/p/src/A.php", "src/A.php", "C:\\w\\src\\A.php", "/x/B.php", "")
    report = QualityReport("phpcs", COMMIT, findings=tuple(QualityFinding("m", p, 7) for p in given_paths))
    assert [(f.path, f.line) for f in reported(facts, report)] == [
        ("src/A.php", 7), ("src/A.php", 7), ("src/A.php", 7), ("", 0), ("", 0),
    ]  # fmt: skip


def test_settings_of_phpstan_are_read_by_key_and_item() -> None:
    content = (
        b"includes:\n\t- base.neon\nparameters:\n\tlevel: 6 # six\n\tignoreErrors:\n"
        b"\t\t-\n\t\t\tmessage: '#a: b#'\n\t\t\tcount: 2\n\t\t- '#c#'\n"
    )
    found = {e.path: (e.value, e.line) for e in neon_data.facts(content).entries}
    assert found == {
        "includes[0]": ("base.neon", 2),
        "parameters.level": ("6", 4),
        "parameters.ignoreErrors[0].message": ("#a: b#", 7),
        "parameters.ignoreErrors[0].count": ("2", 8),
        "parameters.ignoreErrors[1]": ("#c#", 9),
    }


@given(st.one_of(st.binary(max_size=300), st.text("-: \t\nab'#", max_size=200).map(str.encode)))
def test_any_settings_are_read_without_a_crash(content: bytes) -> None:
    neon_data.facts(content)
    assert neon_data.facts(b"- " * 50_000 + content).entries is not None
