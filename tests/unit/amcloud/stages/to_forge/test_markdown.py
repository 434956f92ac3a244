"""Untrusted text in a note: read by a real Markdown parser, it is text, and nothing that GitLab would act upon."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from amcloud.stages.to_forge import markdown
from psram.report import printable

READER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
GITLAB_READS = re.compile(r"@\w|[#!$&~%^]\w|://|www\.|:[\w+-]+:|[<>\[\]{}\\|*]|(?:\A|\n)\s*/\w", re.IGNORECASE)
"""In plain text: mentions, references, addresses, emoji, HTML, commands."""
HOSTILE = [
    "@all #1 !2 ~label %1 $3 &4 ^5",
    "/close",
    "a\n/close\n/assign @all",
    "a\r/close",
    "a\u2028/close\x85/close\x0b/close",
    "<script>alert(1)</script>",
    "</details><img src=x onerror=alert(1)>",
    "<!-- amcloud-note cpam/app -->",
    "[cliquez](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "http://evil.example www.evil.example mailto:a@evil.example",
    "`code` ``plus`` ```",
    "`",
    "\\`",
    "a `@all` b",
    "$`x`$",
    "**gras** _souligné_ ~~barré~~",
    "# Titre",
    "> citation",
    "- liste",
    "1. liste",
    "1) liste",
    "===",
    "---",
    "| a | b |",
    ":boom: [[wiki]] {{ x }} {+ a +} [- b -]",
    "\u202egnp.exe\u200b\ufeff",
    "a &amp; b &#64;all",
    "",
    " ",
    "\x00",
    "\ud800",
]
anything = st.text(max_size=80) | st.lists(st.sampled_from([*HOSTILE, "mot", " ", "\n"]), max_size=6).map("".join)


def tokens(written: str) -> list[Token]:
    """What a reader makes of it, flat."""
    return [t for top in READER.parse(written) for t in (top, *(top.children or ()))]


def plain(written: str) -> str:
    """The text that is interpreted: what is not code."""
    return "".join(t.content if t.type == "text" else "\n" for t in tokens(written) if t.type in {"text", "softbreak"})


@given(anything)
@example("a ` b `` c")
def test_any_text_in_a_sentence_is_one_line_of_text_and_inline_code(value: str) -> None:
    written = f"- dit : {markdown.text(value, most=200)} fin"
    assert "\n" not in written
    allowed = {"bullet_list_open", "list_item_open", "paragraph_open", "inline", "text", "code_inline"}
    closing = {"paragraph_close", "list_item_close", "bullet_list_close"}
    assert {t.type for t in tokens(written)} <= allowed | closing
    assert not GITLAB_READS.search(plain(written).removeprefix("dit : ")), plain(written)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_says_all_that_it_said(value: str) -> None:
    read = "".join(
        t.content for t in tokens(f"- x {markdown.text(value, most=200)}") if t.type in {"text", "code_inline"}
    )
    assert "".join(read.split()) == "x" + "".join(printable(value).split())


@given(anything, st.integers(0, 10**6))
def test_a_place_is_code_and_at_most_one_link_to_the_commit(path: str, line: int) -> None:
    read = tokens("- " + markdown.place("https://forge.example/a/b", "c" * 40, path, line))
    links = [str(t.attrs["href"]) for t in read if t.type == "link_open"]
    assert len(links) <= 1
    assert all(re.fullmatch(r"https://forge\.example/a/b/-/blob/c{40}/[\w%./~-]*(#L\d+)?", link) for link in links)
    assert not [t for t in read if t.type in {"html_inline", "html_block", "image", "softbreak"}]
    assert not GITLAB_READS.search(plain("- " + markdown.place("https://forge.example/a/b", "c" * 40, path, line)))


def test_a_permalink_names_the_line_in_that_commit() -> None:
    written = markdown.place("https://forge.example/a/b", "c" * 40, "src/été (1).php", 12)
    address = f"https://forge.example/a/b/-/blob/{'c' * 40}/src/%C3%A9t%C3%A9%20%281%29.php#L12"
    assert written == f"[`src/été (1).php:12`]({address})"


@given(st.text(alphabet="`~ab\n+-", max_size=60))
def test_a_block_holds_its_content_whatever_its_backticks(content: str) -> None:
    found = [t for t in READER.parse(markdown.block(content, "diff")) if t.type == "fence"]
    assert [t.content.rstrip("\n") for t in found] == [content.rstrip("\n")]
    assert len(READER.parse(markdown.block(content, "diff"))) == 1


def test_what_is_harmless_is_written_as_people_write() -> None:
    sentence = "l'entité Demande n'est ni rattachée à un organisme (MTN-002) ni « partagée » : corrigez-la."
    assert markdown.text(sentence, most=200) == sentence


def test_only_the_words_that_mean_something_are_code_and_their_comma_stays_out() -> None:
    assert markdown.text("appelez var_dump($x), puis @all.", most=200) == "appelez `var_dump($x)`, puis `@all`."


def test_an_example_of_code_with_spaces_is_one_piece_of_code() -> None:
    sentence = (
        "Écrivez : #[PersonalData(category: 'identite', retention: 'P5Y')] ou #[NoPersonalData(reason: '…')] (kit 1.2)."
    )
    assert markdown.text(sentence, most=200) == (
        "Écrivez : `#[PersonalData(category: 'identite', retention: 'P5Y')]` ou "
        "`#[NoPersonalData(reason: '…')]` (kit 1.2)."
    )


def test_a_bracket_that_nothing_closes_makes_no_code_of_the_rest() -> None:
    assert (
        markdown.text("prenez #[Attr( puis la suite de la phrase", most=200)
        == "prenez `#[Attr(` puis la suite de la phrase"
    )


def test_a_text_too_long_is_cut() -> None:
    assert markdown.text("a" * 300, most=10) == "a" * 9 + "…"
