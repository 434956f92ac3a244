"""What the README and the documentation say can be done."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer
from documents import DOCUMENTS, ROOT, RUN_BY_TESTS, Run, blocks, differences

from amcloud.cli import COMMAND_GROUP, build
from amcloud.stages.reasons import Reason

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s]+)\)")
TARGET = re.compile(r"\bmake ([a-z][a-z-]*)\b")
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?amcloud ([a-z][a-z-]*)(?: ([a-z]+))?", re.MULTILINE)
DEVELOPER, SANDBOX = ROOT / "docs" / "guide-developpeur.md", ROOT / "docs" / "bac-a-sable.md"


def anchors(page: Path) -> set[str]:
    """Anchors of a page's titles, as forges make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=page_id)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = document.parent / path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS[:3], ids=page_id)
def test_every_make_command_named_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    named = re.findall(r"```sh\n(.*?)```|`(make [^`]+)`", document.read_text(encoding="utf-8"), re.DOTALL)
    assert {name for block in named for part in block for name in TARGET.findall(part)} <= targets


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    listed = {(ROOT / "docs" / link).resolve() for link in LINK.findall(index)}
    own_index = ("regles", "decisions", "crds")
    pages = {page for page in DOCUMENTS if page.parent == ROOT / "docs"} - {ROOT / "docs" / "README.md"}
    pages |= {ROOT / "docs" / name / "README.md" for name in own_index if (ROOT / "docs" / name / "README.md").exists()}
    assert pages <= listed


@pytest.mark.parametrize("document", DOCUMENTS, ids=page_id)
def test_every_shell_block_is_run_by_a_test_or_says_why_not(document: Path) -> None:
    for block in blocks(document):
        if block.run is Run.HERE:
            assert document in RUN_BY_TESTS, f"line {block.line}: mark it, or let tests/e2e/test_docs.py run the page"
        if block.run is Run.CI:
            lines = [line.partition("#")[0].strip() for line in block.text.splitlines()]
            assert all(re.fullmatch(r"make (setup|demo|demo-down|check|test|test-unit)", line) for line in lines)


def test_shell_blocks_can_be_parsed() -> None:
    run = [block for document in DOCUMENTS for block in blocks(document)]
    assert len([block for block in run if block.run is Run.HERE]) > 10
    assert len([block for block in run if block.output]) > 5


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        pytest.param("a   1\nb\n", "a 22\nb", [], id="numbers and spaces do not count"),
        pytest.param("commit 44728cc4\n", "commit ad7e626a", [], id="nor do digests"),
        pytest.param("deb…fin\n", "début\ndebut et fin", [], id="an ellipsis is anything on the line"),
        pytest.param("…\n", "", [], id="a line left out"),
        pytest.param("True\n", "False", ["True"], id="another word"),
    ],
)
def test_an_output_shown_is_compared_by_what_does_not_change(shown: str, printed: str, missing: list[str]) -> None:
    assert differences(shown, printed) == missing


def test_the_guide_lists_the_installed_commands() -> None:
    rows = re.findall(r"^\| `amcloud ([a-z-]+)` \|", DEVELOPER.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(entry_point.name for entry_point in entry_points(group=COMMAND_GROUP))


def test_the_sandbox_page_lists_its_commands() -> None:
    rows = re.findall(r"^\| `amcloud sandbox ([a-z]+)` \|", SANDBOX.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(commands()["sandbox"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=page_id)
def test_every_command_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    code = "\n".join([*re.findall(r"```sh\n(.*?)```", text, re.DOTALL), *re.findall(r"`(amcloud [^`\n]+)`", text)])
    known = commands()
    for name, member in COMMAND.findall(code):
        assert name in known, name
        assert not known[name] or not member or member in known[name], f"{name} {member}"


def test_every_reason_is_explained() -> None:
    page = (ROOT / "docs" / "raisons.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE)) - EVENTS_AND_CONDITIONS == set(Reason)


def test_every_measure_is_explained() -> None:
    from amcloud.metrics import REGISTRY

    page = (ROOT / "docs" / "mesures.md").read_text(encoding="utf-8")
    written = {name.removesuffix("_total") for name in re.findall(r"^\| `(amcloud_\w+)", page, re.MULTILINE)}
    ours = {metric.name for metric in REGISTRY.collect()}
    assert written == {name for name in ours if not name.startswith("process_")}  # those are on one line of the page


@cache
def commands() -> dict[str, set[str]]:
    """Sub-commands of every command; none when it is no group."""
    found = getattr(typer.main.get_command(build()), "commands", {})
    return {name: set(getattr(command, "commands", {})) for name, command in found.items()}


EVENTS_AND_CONDITIONS = {
    "CommandRun",
    "JournalRead",
    *("Ready", "Available", "Conformant", "Accepted", "Built", "Provisioned", "SourceFetched", "DatabaseReady"),
    *("TenantIsolated", "Derogated", "DriftRestored", "DataLeft", "OrganisationLeft", "ProblemFound", "StatusGivenUp"),
    "EnvironmentsLeft",
} - set(Reason)
