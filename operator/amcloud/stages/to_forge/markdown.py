"""Untrusted text in GitLab's Markdown: shown as it is, and able to do nothing.

GitLab reads much into plain text: mentions (``@all``), references (``#1``, ``!2``, ``~label``), emoji, bare addresses,
HTML, and commands at the beginning of a line (``/close``). A backslash stops some of these only, and not in every
version. So words are written plainly where they hold harmless characters alone, and as inline code otherwise: in code
GitLab interprets nothing.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import Final
from urllib.parse import quote

from psram.report import printable

PATH_LINKED_LONGEST: Final = 500
"""A longer path is shown cut, and without a link."""
_HARMLESS: Final = re.compile(r"[\w’'«»,.;:()/…–—→?=\"%-]*")
_READ_INTO: Final = re.compile(r"://|www\.|mailto:|xmpp:|:[\w+-]+:|_|%\w|^/", re.IGNORECASE)
"""What harmless characters can still mean together: an address, an emoji, emphasis, a milestone, a command."""
_BEGINS: Final = re.compile(r"[-=]|\d+[.)]")
"""What begins a list or a heading."""
_BACKTICKS: Final = re.compile(r"`+")
BRACKETED_MOST: Final = 12
"""Words that an example of code may have between its brackets."""


def text(value: str, *, most: int) -> str:
    """``value`` on one line, of at most ``most`` characters of its own: words that mean anything to GitLab are code."""
    words = bounded(printable(value), most).split()
    harmless = [
        bool(_HARMLESS.fullmatch(word)) and not _READ_INTO.search(word) and not (n == 0 and _BEGINS.match(word))
        for n, word in enumerate(words)
    ]
    _close_brackets(words, harmless)
    runs = groupby(zip(words, harmless, strict=True), key=itemgetter(1))
    return " ".join(_run(" ".join(word for word, _ in run), plain=plain) for plain, run in runs)


def _close_brackets(words: list[str], harmless: list[bool]) -> None:
    """Words between a bracket that code opens and the one that closes it are that code's, if that is soon."""
    for first, word in enumerate(words):
        depth = 0 if harmless[first] else _depth(word)
        for last in range(first + 1, min(first + BRACKETED_MOST, len(words)) if depth > 0 else 0):
            depth += _depth(words[last])
            if depth <= 0:
                harmless[first : last + 1] = [False] * (last + 1 - first)
                break


def _depth(word: str) -> int:
    return sum(word.count(sign) for sign in "([{") - sum(word.count(sign) for sign in ")]}")


def _run(words: str, *, plain: bool) -> str:
    if plain:
        return words
    bare = words.rstrip(",.;:") or words
    after = words[len(bare) :]
    if bare.startswith("(") and bare.count(")") < bare.count("(") and len(bare) > 1:
        return f"({code(bare[1:], most=len(bare))}{after}"
    return code(bare, most=len(bare)) + after


def code(value: str, *, most: int) -> str:
    """``value`` on one line as inline code, whatever it holds."""
    shown = bounded(printable(value), most) or " "
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    # a space on both sides is taken off again by the reader: it keeps a backtick from joining the fence
    room = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{room}{shown}{room}{fence}"


def block(content: str, language: str) -> str:
    """``content`` as a fenced block. No line of it may begin with ``/``: commands are looked for apart."""
    fence = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(content)), default=0))
    return f"{fence}{language}\n{content.rstrip(chr(10))}\n{fence}"


def link(shown: str, address: str) -> str:
    """A link; ``shown`` is Markdown of ours, ``address`` is made of quoted parts."""
    return f"[{shown}]({address})"


def place(web_url: str, commit: str, path: str, line: int) -> str:
    """``path:line`` with its permalink to ``commit``; without one for a path that no address should hold."""
    where = f"{path}:{line}" if line else path
    if not path or len(path) > PATH_LINKED_LONGEST or not path.isprintable():
        return code(where, most=PATH_LINKED_LONGEST)
    anchor = f"#L{line}" if line else ""
    # the reader of a link's text ends it at a bracket, even one in code
    if any(bracket in where for bracket in "[]"):
        return f"{code(where, most=PATH_LINKED_LONGEST)} {link('voir', permalink(web_url, commit, path) + anchor)}"
    return link(code(where, most=PATH_LINKED_LONGEST), permalink(web_url, commit, path) + anchor)


def permalink(web_url: str, commit: str, path: str) -> str:
    """Address of a file as it is in ``commit``."""
    return f"{web_url}/-/blob/{commit}/{quote(path, safe='/', errors='surrogateescape')}"


def bounded(value: str, most: int) -> str:
    """``value``, cut where it is longer than ``most`` characters."""
    return value if len(value) <= most else value[: most - 1] + "…"
