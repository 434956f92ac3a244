"""What a page loads from elsewhere, and the map of personal data: any input is read, in bounded time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import privacy
from psram.collect import php, web_data
from psram.collect.memory import collect_files
from psram.facts import Mark

PIECES = [
    *(
        "<script src=",
        "<link rel=stylesheet href=",
        "'//cdn.test/a.js'",
        '"https://cdn.test',
        ">",
        "</script>",
        "{{",
        "}}",
        "{#",
        "#}",
    ),
    *(
        "<!--",
        "-->",
        "/*",
        "*/",
        "url(",
        ")",
        "@import ",
        "import x from ",
        "fetch(",
        "script-src 'self' ",
        "https://a.test",
        "\n",
        "é",
    ),
]
PARAMS = {"personal": "K\\PersonalData", "none": "K\\NoPersonalData"}


@pytest.mark.parametrize(
    ("content", "host", "how"),
    [
        ("<SCRIPT\n  async\n  SRC = 'https://cdn.test/a.js'>", "cdn.test", "script"),
        ('<img srcset="//img.test/a.png 2x">', "img.test", "img"),
        ("<script src=\"{{ asset('https://cdn.test/a.js') }}\"></script>", "cdn.test", "script"),
        ("<iframe src=https://video.test/1>", "video.test", "iframe"),
        ("<form method=post action='https://envoi.test/x'>", "envoi.test", "form"),
        ("<div style=\"background:url('https://img.test/f.png')\">", "img.test", "style"),
        ("const s = new WebSocket(`wss://direct.test/x`)", "direct.test", "script"),
        ("import {a} from 'https://esm.test/a.js'", "esm.test", "script"),
        ('<script type="importmap">{"imports": {"a": "https://esm.test/a.js"}}</script>', "esm.test", "importmap"),
        ("<meta content=\"default-src 'self'; img-src *.tuiles.test\">", "tuiles.test", "csp"),
    ],
)
def test_a_page_that_loads_from_elsewhere_says_from_where(content: str, host: str, how: str) -> None:
    found = [(mark.name, mark.detail) for mark in web_data.facts(content.encode())]
    assert (host, how) in found


@pytest.mark.parametrize(
    "content",
    [
        "<a href='https://loi.test/'>x</a>",
        "<script src='/a.js'></script>",
        "<link rel='canonical' href='https://x.test/'>",
        "{# <script src='https://x.test/a.js'></script> #}",
        "const u = 'https://x.test/';",
        "// fetch('https://x.test/')",
        "default-src 'self'; script-src 'self' data:",
        "<p>https://x.test/</p>",
        "<svg xmlns='http://www.w3.org/2000/svg'>",
    ],
)
def test_a_page_that_only_names_another_host_is_left_alone(content: str) -> None:
    assert web_data.facts(content.encode()) == ()


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=40).map("".join).map(str.encode)))
def test_any_page_is_read_and_marks_are_bounded(content: bytes) -> None:
    found = web_data.facts(content)
    assert len(found) <= 200
    assert all(1 <= mark.line <= content.count(b"\n") + 1 for mark in found)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("(category: 'identite', retention: 'P5Y')", ("identite", "P5Y")),
        ("('identite', 'P5Y')", ("identite", "P5Y")),
        ("(retention: \"P5Y\", category: 'nir')", ("nir", "P5Y")),
        ("('nir', retention: 'P1Y')", ("nir", "P1Y")),
        ("('l\\'autre', 'P1Y')", ("l\\'autre", "P1Y")),
        ("()", ("", "")),
        ("", ("", "")),
        ("(self::NIR, 'P1Y')", ("P1Y", "")),
    ],
)
def test_an_attribute_says_category_and_retention_by_name_or_by_place(written: str, expected: tuple[str, str]) -> None:
    said = privacy.by_attribute((Mark(1, "attribute", "K\\PersonalData", written),), PARAMS)
    assert said is not None
    assert (said.category, said.retention) == expected


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("nomNaissance", "nom"),
        ("dateNaissance", "naissance"),
        ("numeroSecu", "numerosecu"),
        ("NIR", "nir"),
        ("nir_assure", "nir"),
        ("nombre", ""),
        ("denominateur", ""),
        ("telecharge", ""),
        ("ipv6", ""),
        ("prenom2", "prenom"),
    ],
)
def test_a_name_speaks_of_a_person_by_whole_words(name: str, word: str) -> None:
    assert privacy.telling(name, ["nir", "nom", "naissance", "numerosecu", "tel", "ip", "prenom"]) == word


@given(st.text(max_size=200))
def test_any_map_of_personal_data_is_read(text: str) -> None:
    facts = collect_files({"config/donnees_personnelles.yaml": text.encode("utf-8", "replace")})
    privacy.by_file(facts, "config/donnees_personnelles.yaml")
    list(privacy.file_problems(facts, "config/donnees_personnelles.yaml"))


def marks_of_php(source: str) -> list[tuple[str, str, str]]:
    return [(mark.kind, mark.name, mark.detail) for mark in php.facts(f"<?php {source}".encode()).marks]


def test_a_path_that_names_several_files_in_xml_is_one_name() -> None:
    found = [name for kind, name, _ in marks_of_php("$l->load('config/{a.xml,b.xml}'); $l->load('c.xml.xml');")]
    assert found == ["c.xml.xml", "config/{a.xml,b.xml"]


def test_a_page_made_by_php_loads_what_its_html_says_and_not_what_the_program_asks() -> None:
    page = "?><script src='https://a.example/a.js'></script><?php fetch('https://b.example/x');"
    assert marks_of_php(page) == [("remote", "a.example", "script")]
