"""The note of a merge request: what people read (golden files), whatever a repository holds, however much there is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sample_reports as samples
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from amcloud.stages.to_forge import note
from amcloud.stages.to_forge.contests import Contest, State
from amcloud.stages.to_forge.correction import Patch
from psram import packs
from psram.model import Finding, Report, Verdict
from psram.rules import Moment

GOLDEN = Path(__file__).parents[1] / "golden" / "note"
WHY = {rule.id: rule.rationale for rule in packs.load().rules}
HELP = note.Help(
    region="Bas-Rhin",
    referent="referent-sk@bas-rhin.example",
    derogation_url="https://forge.example/normes/psram/-/issues/new?issue[title]=D",
    contestable=True,
)
AROUND = note.Around(
    app="cpam-bas-rhin/suivi-courriers",
    web_url="https://forge.example/cpam-bas-rhin/suivi-courriers",
    target="main",
    counted=frozenset({Moment.SOURCE}),
    report_url="https://rapports.example/cpam-bas-rhin/suivi-courriers/acceptance/c0ffee",
    rationales=WHY,
    help=HELP,
)


def before(report: Report, *gone: Finding) -> Report:
    """The target branch's report: PHP-006 was respected there, and one thing was wrong that no longer is."""
    other = samples.result("SEC-001", "Aucun secret", Verdict.VIOLATED, *gone, blocks=True) if gone else None
    kept = tuple(r for r in report.results if r.rule_id != "PHP-006")
    return msgspec.structs.replace(report, commit="b" * 40, results=(*kept, *([other] if other else [])))


PATCH = Patch(
    "--- a/src/A.php\n+++ b/src/A.php\n@@ -1 +1,3 @@\n <?php\n+\n+declare(strict_types=1);\n", ("PHP-004",), 1, 2
)
CONTESTS = (
    Contest(
        "PHP-006", "camille", State.OPEN, "à l'étude par l'équipe des normes.", "https://forge.example/n/-/issues/3"
    ),
    Contest(
        "CMP-001",
        "dominique",
        State.UPHELD,
        "retenue : la règle sera corrigée dans un prochain pack de normes.",
        "https://forge.example/n/-/issues/4",
        answer="Vous avez raison.\n/close @all",
        answered_by="normes",
    ),
    Contest("SEC-999", "alex", State.REFUSED, "non transmise : les normes psram-2026.1 n'ont pas cette règle."),
)
REFUSED = samples.refused()
CASES = [
    pytest.param(REFUSED, {}, id="refused, nothing to compare with"),
    pytest.param(
        REFUSED,
        {
            "previous": before(REFUSED, Finding("clé privée", "config/cle.pem", 1)),
            "patch": PATCH,
            "contests": CONTESTS,
        },
        id="refused, compared, with patch and contests",
    ),
    pytest.param(samples.conforming(), {"previous": samples.conforming()}, id="conforming"),
    pytest.param(samples.unknown(), {"help": note.Help()}, id="undecided, nobody declared to help"),
    pytest.param(samples.unknown(), {"counted": frozenset(Moment)}, id="undecided once the pipeline ran"),
    pytest.param(REFUSED, {"informative": True, "report_url": ""}, id="hors standard"),
    pytest.param(samples.hostile(), {"previous": REFUSED, "target": samples.HOSTILE}, id="hostile"),
]


@pytest.mark.parametrize(("report", "changed"), CASES)
def test_the_note_is_the_golden_one(report: Report, changed: dict[str, Any], request: pytest.FixtureRequest) -> None:
    written = note.body(report, replace(AROUND, **changed))
    file = GOLDEN / (re.sub(r"\W+", "-", request.node.callspec.id) + ".md")
    if request.config.getoption("--update-golden"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written, encoding="utf-8")
    assert written == file.read_text(encoding="utf-8")


def spoiled(report: Report, text: str) -> tuple[Report, note.Around]:
    """Every text that is not ours is ``text``."""
    findings = (Finding(text, text, 3, "f" * 32), Finding(text, "", 0, "e" * 32))
    results = tuple(
        msgspec.structs.replace(
            each, findings=findings, findings_total=9, missing_evidence=text, reason=text, giver=text, remedy=text
        )
        for each in report.results
    )
    made = msgspec.structs.replace(report, results=results)
    contest = Contest("PHP-006", text, State.UPHELD, "retenue.", "https://forge.example/i/1", text, text)
    refused = Contest("", text, State.REFUSED, text)
    help_ = replace(HELP, region=text, referent=text)
    patch = Patch("".join(f"+{line}\n" for line in text.split("\n")), ("PHP-004",), 1)
    around = replace(AROUND, target=text, previous=before(made), contests=(contest, refused), help=help_, patch=patch)
    return made, around


OURS = {"<details>", "</details>", "<summary>", "</summary>"}
PIECES = [
    "@all",
    "/close",
    "\n/close",
    "\n",
    "```",
    "`",
    "<!-- x -->",
    "</details>",
    "<b>",
    "[a](b)",
    "#1",
    " ",
    "mot",
    "\\",
]
anything = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@given(anything)
def test_no_line_is_a_command_and_no_html_is_theirs_whatever_the_texts(text: str) -> None:
    written = note.body(*spoiled(REFUSED, text))
    assert not re.search(r"^\s*/", written, re.MULTILINE), "GitLab would run it"
    assert written.splitlines()[0] == note.marker(AROUND.app)
    read = MarkdownIt("commonmark", {"html": True}).parse(written)
    blocks = [t.content.strip() for t in read if t.type == "html_block"]
    assert blocks[0] == note.marker(AROUND.app)
    for found in blocks[1:]:
        tags = re.findall(r"<[^>]*>", found)
        assert set(tags) <= OURS and len(tags) == found.count("<"), found
    inline = [child for t in read for child in t.children or ()]
    assert not [t for t in inline if t.type in {"html_inline", "image"}]
    words = "\n".join(t.content for t in inline if t.type == "text")
    assert not re.search(r"@\w|://|[<>\[\]]", words), words


@pytest.mark.parametrize(("rules", "length"), [(1, 100), (20, 150), (20, 600), (50, 1000), (50, 12_000)])
def test_a_note_is_never_longer_than_its_bound(rules: int, length: int) -> None:
    many = tuple(
        samples.result(
            f"PHP-{number:03}",
            "t" * length,
            Verdict.VIOLATED,
            *(Finding("é" * length, f"src/{'é' * min(length, 1500)}{line}.php", line) for line in range(1, 8)),
            blocks=True,
            remedy="r" * length,
        )
        for number in range(rules)
    )
    report = msgspec.structs.replace(REFUSED, results=many, path=None)
    assert len(note.body(report, replace(AROUND, previous=before(REFUSED), patch=PATCH))) <= note.LONGEST


def test_ten_thousand_findings_are_told_on_a_page() -> None:
    written = note.body(samples.big(), replace(AROUND, previous=samples.big()))
    assert len(written) <= note.LONGEST
    assert "autres endroits, dans le [rapport complet]" in written


def test_only_what_counts_where_the_branch_leads_stands_in_the_way() -> None:
    sources, pipeline = (
        note.body(REFUSED, replace(AROUND, counted=counted))
        for counted in (frozenset({Moment.SOURCE}), frozenset({Moment.SOURCE, Moment.PIPELINE}))
    )
    assert "#### `TST-001`" not in sources and "plus tard, par le pipeline" in sources
    assert "#### `TST-001`" in pipeline


def test_what_the_branch_brings_is_shown_first() -> None:
    known, brought = Finding("a", "src/A.php", 1, "a" * 32), Finding("z", "src/Z.php", 9, "f" * 32)
    made = samples.result("PHP-006", "t", Verdict.VIOLATED, blocks=True)
    here = msgspec.structs.replace(made, findings=(known, brought), findings_total=2)
    there = msgspec.structs.replace(made, findings=(known,), findings_total=1)
    report, previous = (msgspec.structs.replace(REFUSED, results=(one,), path=None) for one in (here, there))
    written = note.body(report, replace(AROUND, previous=previous))
    assert "1 nouveau, 1 déjà connu, 0 disparu" in written
    assert written.index("src/Z.php") < written.index("src/A.php")
    assert "**nouveau** : z" in written and written.count("**nouveau**") == 1


def test_the_same_inputs_give_the_same_note() -> None:
    assert note.body(REFUSED, AROUND) == note.body(samples.refused(), replace(AROUND))
