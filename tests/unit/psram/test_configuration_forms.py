"""The same setting written in other ways: the profiler, configuration in XML, mirrors, files of the kit."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from psram import checks, packs
from psram.collect import composer
from psram.collect.memory import collect_files
from psram.model import Context, Outcome, Stage, Track, Verdict

CONTEXT = Context(Track.HOMOLOGATION, Stage.PRODUCTION, date(2026, 6, 1))
PACK = packs.load()


def judged(rule_id: str, files: dict[str, str]) -> Outcome:
    rule = PACK.rule(rule_id)
    assert rule is not None
    facts = collect_files({path: text.encode() for path, text in files.items()})
    return checks.find(rule_id)(facts, rule.params, CONTEXT)


@pytest.mark.parametrize(
    ("written", "on"),
    [
        ("framework: {profiler: {collect: false}}", True),
        ("framework: {profiler: {}}", True),
        ("framework:\n  profiler:", True),
        ("framework: {profiler: {enabled: false}}\nwhen@prod:\n  framework: {profiler: {collect: true}}", True),
        ("framework: {profiler: {enabled: false, collect: true}}", False),
        ("framework: {profiler: {enabled: '%kernel.debug%'}}", False),
        ("framework: {profiler: no}", False),
        ("when@test:\n  framework: {profiler: {collect: false}}", False),
        ("autre: {profiler: {collect: true}}", False),
    ],
)
def test_the_profiler_is_on_as_symfony_reads_it(written: str, on: bool) -> None:
    found = judged("SYM-004", {"config/packages/a.yaml": written})
    assert (found.verdict is Verdict.VIOLATED) is on


@pytest.mark.parametrize(
    ("others", "hidden"),
    [
        ({}, False),
        ({"config/services.yaml": "imports:\n  - {resource: x.xml}\n"}, True),
        ({"config/services.yaml": "imports:\n  - x.xml\n"}, True),
        ({"config/services.yaml": "imports:\n  - {resource: './*'}\n"}, True),
        (
            {"config/services.yaml": "imports:\n  - {resource: y.yaml}\nservices:\n  A\\:\n    resource: ../src/\n"},
            False,
        ),
        ({"src/A.php": "<?php\n$l->load('config/x.xml');"}, True),
        ({"src/A.php": "<?php\n$l = new XmlFileLoader($a, $b);"}, True),
        ({"src/A.php": "<?php\n$l->load($n . '.xml');"}, True),
        ({"src/A.php": "<?php\n$l->load('config/*.{yaml,xml}');"}, True),
        ({"src/A.php": "<?php\n$export = 'export.xml'; // config/x.xml"}, False),
    ],
)
def test_a_file_in_xml_counts_when_something_can_load_it(others: dict[str, str], hidden: bool) -> None:
    found = judged("SYM-003", {"config/x.xml": "<a/>", **others})
    assert (found.verdict is Verdict.UNKNOWN) is hidden


@pytest.mark.parametrize("path", ["config/services.xml", "config/routes/a.xml", "config/packages/prod/a.xml"])
def test_a_file_in_xml_where_symfony_looks_always_counts(path: str) -> None:
    assert judged("SYM-003", {path: "<a/>"}).verdict is Verdict.UNKNOWN


def test_mirrors_beyond_what_is_read_are_nobody_s() -> None:
    mirrors = [{"url": f"http://192.0.2.1/{number}"} for number in range(51)]
    lock = {"packages": [{"name": "a/b", "version": "1", "dist": {"mirrors": mirrors}, "source": {"mirrors": "x"}}]}
    found = composer.facts(b"{}", json.dumps(lock).encode()).packages[0].mirrors
    assert (len(found), found[-1]) == (51, "?")


KIT = ("bin/console", "public/index.php", "src/Kernel.php", ".gitignore")


def test_line_ends_alone_are_said_to_be_all_that_differs() -> None:
    sample = Path(__file__).parents[3] / "sandbox/apps/suivi-courriers"
    files = {path: (sample / path).read_text("utf-8") for path in KIT}
    assert judged("SYM-001", files).verdict is Verdict.CONFORMING

    crlf = {path: text.replace("\n", "\r\n") for path, text in files.items()}
    said = {finding.path: finding.message for finding in judged("SYM-001", crlf).findings}
    assert said.keys() == {"bin/console", "public/index.php", "src/Kernel.php"}
    assert all("seules ses fins de ligne diffèrent" in message for message in said.values())
    assert all("git add --renormalize ." in message for message in said.values())

    changed = judged("SYM-001", {**files, "src/Kernel.php": crlf["src/Kernel.php"] + "// à nous\r\n"})
    assert [finding.message.endswith("a été modifié") for finding in changed.findings] == [True]
