"""Every form of a report: the golden bytes, the official schemas, hostile content, size and speed."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validators
from sample_reports import FIXED, big, conforming, hostile, refused, result, unknown

from psram.evidence import read_junit
from psram.fingerprints import fingerprinted
from psram.model import Finding, Report, Verdict
from psram.reports import FORMATS, Presentation, canonical, openreports, projection, write
from psram.reports.places import places
from psram.rules import Severity

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[1] / "data" / "schemas"
SHOWN = Presentation(of="cpam-bas-rhin/suivi-courriers", url="https://rapports.example.test/rapports/abc")
MADE = {**FIXED, "hostile": hostile, "big": lambda: big(2000)}
WRITTEN_BY_MACHINES = ("sarif", "codequality", "junit", "openreports", "oscal")


def _translated(_validator: Any, pattern: str, instance: object, _schema: object) -> Any:
    """``pattern`` for Python, which does not know the Unicode classes that OSCAL's schema uses."""
    known = pattern.replace(r"(\p{L}|\p{N}|[.\-_])", r"[\w.\-]").replace(r"\p{L}", r"[^\W\d]")
    if isinstance(instance, str) and not re.search(known, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


@cache
def _validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    kind = validators.extend(validators.validator_for(schema), {"pattern": _translated})
    return kind(schema)


def _valid(content: bytes, schema: str) -> Any:
    parsed = json.loads(content)
    _validator(schema).validate(parsed)
    return parsed


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "texte"])  # its own tests: test_terminal.py
@pytest.mark.parametrize("name", FIXED)
def test_each_form_of_the_fixed_reports_is_the_golden_one(form: str, name: str, request: pytest.FixtureRequest) -> None:
    written = write(form, FIXED[name](), SHOWN)
    golden = HERE / "golden" / "reports" / f"{name}{FORMATS[form].extension}"
    if request.config.getoption("--update-golden", default=False):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(written)
    assert written == golden.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_report_gives_the_same_bytes_and_another_one_others(form: str) -> None:
    assert write(form, refused(), SHOWN) == write(form, refused(), SHOWN)
    assert write(form, refused(), SHOWN) != write(form, conforming(), SHOWN)


@pytest.mark.parametrize("name", MADE)
def test_sarif_follows_the_official_schema(name: str) -> None:
    log = _valid(write("sarif", MADE[name](), Presentation(previous=refused())), "sarif-2.1.0")
    results = log["runs"][0]["results"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in results)
    assert all(r["locations"] and r["partialFingerprints"]["psram/v1"] for r in results)
    assert all(r["kind"] == "fail" or r["level"] == "none" for r in results)


@pytest.mark.parametrize("name", MADE)
def test_oscal_follows_the_official_schema_and_refers_to_what_it_holds(name: str) -> None:
    document = _valid(write("oscal", MADE[name](), SHOWN), "oscal-1.2-assessment-results")["assessment-results"]
    (result,) = document["results"]
    observed = [o["uuid"] for o in result.get("observations", ())]
    risks = [r["uuid"] for r in result.get("risks", ())]
    referred = [o["observation-uuid"] for f in result["findings"] for o in f["related-observations"]]
    assert set(referred) <= set(observed)
    assert {r["risk-uuid"] for f in result["findings"] for r in f.get("related-risks", ())} == set(risks)
    identifiers = re.findall(r'"uuid":"([^"]+)"', json.dumps(document, separators=(",", ":")))
    assert len(set(identifiers)) == len(identifiers)


def test_oscal_findings_keep_their_identity_and_documents_do_not() -> None:
    def uuids(report: Report) -> tuple[str, dict[str, str]]:
        document = json.loads(write("oscal", report, SHOWN))["assessment-results"]
        findings = document["results"][0]["findings"]
        return document["uuid"], {f["target"]["target-id"]: f["uuid"] for f in findings}

    document, findings = uuids(refused())
    later, found = uuids(conforming())
    assert document != later
    assert findings["CMP-001"] == found["CMP-001"]
    assert uuids(refused()) == (document, findings)


@pytest.mark.parametrize("name", MADE)
def test_code_quality_is_an_array_as_gitlab_reads_it(name: str) -> None:
    content = write("codequality", MADE[name]())
    assert not content.startswith(b"\xef\xbb\xbf")
    problems = _valid(content, "codequality")
    assert len({p["fingerprint"] for p in problems}) == len(problems)


def test_code_quality_says_what_is_wrong_and_what_could_not_be_told() -> None:
    found = {(p["check_name"], p["severity"]) for p in json.loads(write("codequality", refused()))}
    assert found == {("CMP-001", "blocker"), ("PHP-004", "minor"), ("PHP-006", "critical"), ("TST-001", "info")}
    assert json.loads(write("codequality", conforming())) == []


@pytest.mark.parametrize("name", MADE)
def test_openreports_follows_its_schema(name: str) -> None:
    report = MADE[name]()
    resource = _valid(write("openreports", report, SHOWN), "openreports")
    assert sum(resource["summary"].values()) == len(report.results)
    assert resource["metadata"]["namespace"] == "cpam-bas-rhin"


def test_openreports_that_would_be_big_is_a_summary_and_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openreports, "MAX_BYTES", 3000)
    resource = _valid(write("openreports", refused(), SHOWN), "openreports")
    assert "results" not in resource
    assert resource["summary"]["fail"] == 3
    assert resource["metadata"]["annotations"]["psram/rapport"] == SHOWN.url


@pytest.mark.parametrize("name", MADE)
def test_junit_counts_its_cases_and_gives_each_its_own_name(name: str) -> None:
    root = ElementTree.fromstring(write("junit", MADE[name]()))
    (suite,) = root
    names = [case.get("name") for case in suite]
    assert len(set(names)) == len(names) == int(root.get("tests", "")) == int(suite.get("tests", ""))
    for total, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(total, "")) == len(suite.findall(f"testcase/{element}"))


def test_each_verdict_is_said_as_the_table_has_it() -> None:
    """The words of each format, read back from what was written, one rule a verdict."""
    report = refused()
    log = json.loads(write("sarif", report))["runs"][0]["results"]
    cases = {c.get("name", "").split()[0]: c for c in ElementTree.fromstring(write("junit", report)).iter("testcase")}
    resource = {r["rule"]: r for r in json.loads(write("openreports", report))["results"]}
    assessed = json.loads(write("oscal", report))["assessment-results"]["results"][0]
    findings = {f["target"]["target-id"]: f["target"]["status"] for f in assessed["findings"]}
    for each in report.results:
        said = projection.VERDICTS[each.verdict]
        assert {r["kind"] for r in log if r["ruleId"] == each.rule_id} == {said.sarif_kind}
        assert [e.tag for e in cases[each.rule_id]] == ([said.junit] if said.junit else [])
        assert resource[each.rule_id]["result"] == said.open_reports
        expected = {"state": said.oscal.state, "reason": said.oscal.reason} if said.oscal.state else None
        assert findings.get(each.rule_id) == expected
    assert {r.verdict for r in report.results} == set(Verdict)


def test_the_documentation_has_the_same_table() -> None:
    page = (HERE.parents[2] / "docs" / "rapports.md").read_text("utf-8")
    rows = {cells[0]: cells[1:] for line in page.splitlines() if len(cells := _cells(line)) > 1}
    for said in projection.VERDICTS.values():
        state = f"`{said.oscal.state}` (`{said.oscal.reason}`)" if said.oscal.state else "observation seule"
        risk = f", risque `{said.oscal.risk}`" if said.oscal.risk else ""
        assert rows[said.label] == [
            f"`{said.sarif_kind}`",
            said.code_quality if said.code_quality == projection.BY_SEVERITY else _code(said.code_quality),
            _code(said.junit, "réussi"),
            f"`{said.open_reports}`",
            state + risk if said.oscal.reviewed else "hors des règles examinées",
        ]
    for severity in Severity:
        critical = f", `{projection.CODE_QUALITY_MAJOR_THAT_BLOCKS}` si elle bloque"
        quality = f"`{projection.CODE_QUALITY[severity]}`" + (critical if severity is Severity.MAJOR else "")
        assert rows[severity.value] == [
            f"`{projection.SARIF_LEVELS[severity]}`",
            quality,
            f"`{projection.OPEN_REPORTS[severity]}`",
        ]
    assert {f"`{name}`" for name in FORMATS} <= set(rows)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []


def _code(word: str | None, absent: str = "–") -> str:
    return f"`{word}`" if word else absent


def test_a_derogation_is_told_with_its_reason_and_its_end() -> None:
    report = refused()
    log = json.loads(write("sarif", report))["runs"][0]["results"]
    (suppressed,) = [r for r in log if "suppressions" in r]
    (suppression,) = suppressed["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert "menu refondu en août" in suppression["justification"]
    (risk,) = json.loads(write("oscal", report))["assessment-results"]["results"][0]["risks"]
    assert (risk["status"], risk["deadline"]) == ("deviation-approved", "2026-09-01T00:00:00Z")


def test_what_concerns_the_whole_project_has_a_place_too() -> None:
    problems = {p["check_name"]: p for p in json.loads(write("codequality", refused()))}
    assert problems["TST-001"]["location"] == {"path": "composer.json", "lines": {"begin": 1}}


def _members(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Every text of a document with the name of its member."""
    match value:
        case dict():
            return [found for key, each in value.items() for found in _members(each, key)]
        case list():
            return [found for each in value for found in _members(each, name)]
        case str():
            return [(name, value)]
        case _:
            return []


def _texts(content: bytes, *, without: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> list[str]:
    named = _members(json.loads(content))
    return [text for name, text in named if name not in without and (not only or name in only)]


def _controls(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"}


@pytest.mark.parametrize("form", [name for name in FORMATS if name not in ("json",)])
def test_no_form_lets_a_control_character_of_a_repository_through(form: str) -> None:
    content = write(form, hostile(), SHOWN).decode("utf-8")
    if FORMATS[form].media_type.endswith("json"):
        texts = _texts(content.encode(), without=("path", "fingerprint"))
        assert [text for text in texts if _controls(text) or "\n" in text] == []
    else:
        assert _controls(content) == set()


def test_hostile_text_stays_text() -> None:
    page = write("html", hostile(), SHOWN).decode()
    assert "<img" not in page
    assert "</script" not in page
    assert "<img" not in write("junit", hostile()).decode()
    messages = _texts(write("sarif", hostile()), only=("text",))
    assert any("javascript" in text for text in messages)
    assert not any("](" in text for text in messages), "SARIF would read a link here"
    markdown = _texts(write("oscal", hostile(), SHOWN), without=("value",))  # properties' values are no Markdown
    assert any("onerror" in text for text in markdown)
    for text in markdown:
        assert not re.search(r"(?<!\\)[<\[`]", text), f"OSCAL would read Markdown or HTML in {text}"


@pytest.mark.parametrize("form", FORMATS)
def test_ten_thousand_findings_are_written_soon_and_small(form: str) -> None:
    report = big()
    write(form, conforming())  # modules and templates are loaded
    started = time.process_time()
    content = write(form, report)
    assert time.process_time() - started < 0.5, "measured: 60 ms at most"
    assert len(content) < 12 * 1024 * 1024


@pytest.mark.parametrize("form", FORMATS)
def test_text_that_utf_8_cannot_hold_is_written_as_escapes(form: str) -> None:
    lone = fingerprinted("PHP-006", (Finding("paquet \ud800", "src/\udcff.php", 1),))
    report = refused()
    first = msgspec.structs.replace(report.results[0], findings=lone)
    written = write(form, msgspec.structs.replace(report, results=(first, *report.results[1:])))
    assert b"ud800" in written


@settings(max_examples=25)
@given(st.text(max_size=40), st.text(max_size=40), st.integers(min_value=0), st.sampled_from(list(Verdict)))
def test_whatever_a_repository_says_every_form_is_well_formed(
    message: str, path: str, line: int, verdict: Verdict
) -> None:
    report = refused()
    findings = fingerprinted("PHP-006", (Finding(message, path, line),))
    first = msgspec.structs.replace(
        report.results[0],
        verdict=verdict,
        blocks=verdict in (Verdict.VIOLATED, Verdict.UNKNOWN),
        findings=findings,
        missing_evidence=message,
        derogation=path,
    )
    made = msgspec.structs.replace(report, results=(first,), sentence=message)
    _valid(write("sarif", made, Presentation(previous=report)), "sarif-2.1.0")
    _valid(write("oscal", made), "oscal-1.2-assessment-results")
    _valid(write("openreports", made), "openreports")
    for problem in json.loads(write("codequality", made)):
        assert set(problem) == {"check_name", "description", "fingerprint", "location", "severity"}
    ElementTree.fromstring(write("junit", made))
    assert canonical.parse(write("json", made)) == made
    assert not _controls(write("html", made).decode() + write("texte", made).decode())


def test_code_quality_says_what_is_new_and_what_is_known_where_another_report_is_there() -> None:
    now, before = refused(), msgspec.structs.replace(refused(), results=refused().results[1:])
    compared = _valid(write("codequality", now, Presentation(previous=before)), "codequality")
    told = {problem["check_name"]: problem.get("baselineState") for problem in compared}
    first = now.results[0].rule_id
    assert told.pop(first) == "new"
    assert "unchanged" in told.values()
    assert "new" not in told.values()
    assert all("baselineState" not in problem for problem in json.loads(write("codequality", now)))


def test_junit_is_read_by_the_reader_of_the_pipelines_reports() -> None:
    summary = read_junit(write("junit", refused()))
    assert (summary.tests, summary.failures, summary.errors, summary.skipped) == (9, 3, 1, 4)


def test_the_largest_page_of_a_hostile_repository_stays_readable() -> None:
    rules = [
        result(
            f"PHP-{number:03}",
            "Interdit",
            Verdict.VIOLATED,
            *(Finding("é" * 5000, f"{'d/' * 2000}{i}.php", i) for i in range(200)),
            blocks=True,
        )
        for number in range(45)
    ]
    worst = msgspec.structs.replace(refused(), results=tuple(rules))
    assert len(write("html", worst)) < 16 * 1024 * 1024
    assert len(write("openreports", worst)) <= openreports.MAX_BYTES


def test_a_message_without_end_is_cut() -> None:
    endless = msgspec.structs.replace(refused().results[0].findings[0], message="é" * 1_000_000)
    report = refused()
    first = msgspec.structs.replace(report.results[0], findings=(endless,))
    long = msgspec.structs.replace(report, results=(first, *report.results[1:]))
    for form in (*WRITTEN_BY_MACHINES, "html"):
        assert len(write(form, long)) < 100_000


def test_a_violated_rule_without_finding_still_has_one_place_and_one_fingerprint() -> None:
    first, second = refused().results[:2]
    assert first.findings
    assert not second.findings
    (place,) = places(second)
    assert (place.path, place.line, place.own) == ("composer.json", 1, False)
    assert place.fingerprint == next(iter(places(second))).fingerprint


def test_the_published_schema_of_the_report_is_the_one_of_the_model(request: pytest.FixtureRequest) -> None:
    published = HERE.parents[2] / "docs" / "rapport.schema.json"
    if request.config.getoption("--update-golden", default=False):
        published.write_bytes(canonical.schema())
    assert published.read_bytes() == canonical.schema(), "the model changed: run this test with --update-golden"


@pytest.mark.parametrize("made", [conforming, refused, unknown, hostile], ids=lambda m: m.__name__)
def test_a_canonical_report_follows_the_published_schema_and_is_read_back(made: Any) -> None:
    content = write("json", made())
    jsonschema.validate(json.loads(content), json.loads(canonical.schema()))
    assert canonical.parse(content) == made()


def test_the_registry_names_every_format_once_with_what_a_server_needs() -> None:
    assert list(FORMATS) == ["texte", "html", "json", "sarif", "codequality", "junit", "openreports", "oscal"]
    extensions = [each.extension for each in FORMATS.values()]
    assert len(set(extensions)) == len(extensions)
    assert all(each.media_type and each.title and each.extension.startswith(".") for each in FORMATS.values())
