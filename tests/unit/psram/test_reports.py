"""Reports are read by people: everything is escaped, short, and says what to do next."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from sample_reports import big, conforming, refused, unknown

from psram import packs, reports
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Organisation, Report, ReportVerdict, Stage, Track, Verdict
from psram.reports import Presentation, projection
from psram.reports import page as page_module
from psram.reports.typography import spaced
from psram.rules import Moment, Severity
from psram.tenancy.report import CellVerdict, Nature, ProofKind

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
    tags_seen = [tag for tag, _attributes in page.seen]
    assert tags_seen.count("table") == tags_seen.count("caption") > 0
    assert tags_seen.count("main") == tags_seen.count("header") == tags_seen.count("footer") == 1
    assert all(a.get("aria-labelledby") for tag, a in page.seen if tag == "section")
    assert all(a.get("aria-label") for tag, a in page.seen if tag == "nav")
    levels = [int(tag[1]) for tag, _attributes in page.seen if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    anchors = {attributes["href"] for tag, attributes in page.seen if tag == "a"}
    ids = [f"#{attributes['id']}" for _tag, attributes in page.seen if attributes.get("id")]
    assert anchors <= set(ids)
    assert len(set(ids)) == len(ids)
    first_link = next(attributes["href"] for tag, attributes in page.seen if tag == "a")
    assert first_link == "#contenu", "the way to the contents comes first"


def _luminance(colour: str) -> float:
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_is_readable_on_every_background_of_the_page() -> None:
    css = (Path(page_module.__file__).parent / "report.css").read_text("utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css))
    assert set(colours) == {"bleu", "texte", "gris", "trait", "fond", "clair", "rouge", "vert", "ambre"}
    for text in ("bleu", "texte", "gris", "rouge", "vert", "ambre"):
        for background in ("#ffffff", colours["fond"], colours["clair"]):
            contrast = (_luminance(background) + 0.05) / (_luminance(colours[text]) + 0.05)
            assert contrast >= 4.5, f"{text} on {background}: {contrast:.2f}"


def test_no_verdict_is_said_by_colour_alone() -> None:
    for made in (conforming(), refused(), unknown()):
        page = reports.html(made)
        assert f"</span> {projection.REPORT_VERDICTS[made.verdict]}</p>" in page
        for result in made.results:
            assert f"</span> {projection.label(result)}" in page


def test_the_page_says_all_that_an_auditor_expects() -> None:
    made = refused()
    page = reports.html(made, of="cpam-bas-rhin/suivi-courriers")
    digest = hashlib.sha256(reports.canonical_json(made)).hexdigest()
    told = (made.commit, made.tree, made.pack.digest, made.engine, digest, made.advisories_digest, "30/05/2026")
    assert [each for each in told if each not in page] == []
    assert f"amcloud check CLONE --commit {made.commit}" in page
    assert "menu refondu en août" in page
    assert "le rapport JUnit du pipeline de ce commit" in page
    assert "Le plus court chemin" in page
    assert conforming().horizon is not None
    assert "Conforme jusqu&#39;au 2026-11-30" in reports.html(conforming())


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<p>« oui » : non ?</p>", "<p>«~oui~»~: non~?</p>"),
        ("<p>a : <code>« b » : c</code> ; d</p>", "<p>a~: <code>« b » : c</code>~; d</p>"),
        ("<pre><code>a : b</code> : c</pre> : d", "<pre><code>a : b</code> : c</pre>~: d"),
        ('<a title="« a » : b">c</a> !', '<a title="« a » : b">c</a>~!'),
        ("<title>a : b</title><td>12:30 a:b :x</td>", "<title>a : b</title><td>12:30 a:b :x</td>"),
    ],
)
def test_no_sign_stands_alone_at_the_edge_of_a_line_and_code_stays_as_written(page: str, said: str) -> None:
    assert spaced(page) == said.replace("~", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("missing", "shown"),
    [("le pipeline", "<td>Le pipeline"), ("composer.json est vide", "<td>composer.json"), ("à voir", "<td>À voir")],
)
def test_a_sentence_of_the_page_begins_with_a_capital_a_file_name_does_not(missing: str, shown: str) -> None:
    made = unknown()
    doubts = tuple(
        msgspec.structs.replace(r, missing_evidence=missing) if r.verdict is Verdict.UNKNOWN else r
        for r in made.results
    )
    assert shown in reports.html(msgspec.structs.replace(made, results=doubts))


def test_the_tenancy_matrix_is_told_cell_by_cell_with_its_proofs() -> None:
    page = reports.html(refused())
    assert 'id="isolation"' in page
    assert page.count('<p class="reponse ') == 25
    assert "test exécuté\N{NO-BREAK SPACE}: limitée" in page
    assert page.index('id="manque"') < page.index('id="isolation"') < page.index('id="derogations"')
    assert 'id="isolation"' not in reports.html(conforming()), "an application without data has no matrix"
    assert set(projection.NATURES) == set(Nature)
    assert set(projection.PROOFS) == set(ProofKind)
    assert {projection.cell(verdict).label for verdict in CellVerdict} <= {
        p.label for p in projection.VERDICTS.values()
    }


def test_on_a_laptop_the_page_tells_what_the_sources_alone_say() -> None:
    made = unknown()
    (php,) = (r for r in made.results if r.rule_id == "PHP-001")
    assert php.to_confirm
    assert "<strong>Conforme</strong> pour les seules règles sur les sources" in reports.html(made)
    decided = reports.write("html", made, Presentation(decided=True)).decode()
    assert "pour les seules règles" not in decided
    assert "pour les seules règles" not in reports.html(refused()), "both say the same"


def test_the_digest_is_that_of_the_report_as_it_is_kept() -> None:
    page = reports.write("html", refused(), Presentation(digest="f" * 64)).decode()
    assert page.count("f" * 64) == 2
    assert hashlib.sha256(reports.canonical_json(refused())).hexdigest() not in page


def test_new_findings_come_first_when_a_rule_has_many() -> None:
    many = big(200)
    (rule,) = many.results
    known = msgspec.structs.replace(rule, findings=rule.findings[:-1], findings_total=199)
    page = reports.write("html", many, Presentation(previous=msgspec.structs.replace(many, results=(known,)))).decode()
    assert page.index('<td class="court">nouveau</td>') < page.index('<td class="court">déjà connu</td>')
    assert rule.findings[-1].path in page


def test_the_verdict_comes_before_what_to_do_and_evidence_before_the_annex() -> None:
    page = reports.html(report({}))
    order = ["titre-verdict", 'id="faire"', 'id="manque"', 'id="derogations"', 'id="preuves"', 'id="regles"']
    assert [page.index(mark) for mark in order] == sorted(page.index(mark) for mark in order)


def test_the_projection_table_knows_every_verdict_severity_and_moment() -> None:
    assert set(projection.VERDICTS) == set(Verdict)
    assert set(projection.SARIF_LEVELS) == set(projection.CODE_QUALITY) == set(projection.OPEN_REPORTS) == set(Severity)
    assert set(projection.REPORT_VERDICTS) == set(projection.REPORT_SYMBOLS) == set(ReportVerdict)
    assert set(projection.STAGES) == set(Stage)
    assert set(projection.MOMENTS) == set(Moment)
