"""Reports are read by people: everything is escaped, short, and says what to do next."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

from psram import packs, reports
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Organisation, Report, Stage, Track, Verdict
from psram.reports import projection
from psram.rules import Moment, Severity

CONTEXT = Context(
    Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1), organisations=(Organisation("671", "cpam-bas-rhin"),)
)
HOSTILE = "<script>alert(1)</script>\n\x1b[31m"


def report(files: dict[str, bytes]) -> Report:
    return judge(collect_files(files, commit="1" * 40), packs.load(), CONTEXT)


class Page(HTMLParser):
    """Checks that elements are closed, and gathers what accessibility asks for."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> Page:
    page = Page()
    page.feed(text)
    assert page.open == []
    return page


def test_what_a_repository_names_is_escaped_everywhere() -> None:
    made = report({f"src/{HOSTILE}.php": b"<?php\nvar_dump(1);\n", "t.html.twig": b"{{ '\"><img src=x>' ~ a|raw }}"})
    page = reports.html(made)
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\x1b" not in reports.text(made, colour=False, full=True)


def test_the_page_is_whole_self_contained_and_accessible() -> None:
    page = parsed(reports.html(report({"src/A.php": b"<?php\nclass A {}\neval('1');\n"})))
    tags = dict(page.seen)
    assert tags["html"] == {"lang": "fr"}
    assert "title" in tags
    assert "main" in tags
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _attributes in page.seen}
    assert all("scope" in attributes for tag, attributes in page.seen if tag == "th")
    levels = [int(tag[1]) for tag, _attributes in page.seen if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    anchors = {attributes["href"] for tag, attributes in page.seen if tag == "a"}
    ids = {f"#{attributes['id']}" for _tag, attributes in page.seen if attributes.get("id")}
    assert anchors <= ids


def test_the_verdict_comes_before_what_to_do_and_evidence_before_the_annex() -> None:
    page = reports.html(report({}))
    order = ["titre-verdict", 'id="faire"', 'id="manque"', 'id="preuves"', 'id="regles"']
    assert [page.index(mark) for mark in order] == sorted(page.index(mark) for mark in order)


def test_the_projection_table_knows_every_verdict_severity_and_moment() -> None:
    assert set(projection.VERDICTS) == set(Verdict)
    assert set(projection.SARIF_LEVELS) == set(projection.CODE_QUALITY) == set(Severity)
    assert set(projection.MOMENTS) == set(Moment)
