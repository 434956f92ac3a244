"""Facts of what a PHP file sends to browsers: remote assets in its HTML, its Content-Security-Policy, its import map;
and routes that it opens to everybody, past the Starter Kit's authentication.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from psram.collect import web_data
from psram.collect.php_tree import Extractor, PhpFile
from psram.collect.sieve import words

_MAX_FOUND: Final = 500
_TAGS: Final = (b"<script", b"<link", b"<img", b"<iframe", b"<form")
_MAPPED: Final = re.compile(rb"['\"](?:url|path)['\"]\s*=>\s*['\"](?:https?:)?//([^/\"'\s?#:]{1,200})")
_PAST: Final = re.compile(rb"_amcloud_public|\bAuthenticationListener\b")
_XML: Final = re.compile(rb"\.xml\b|[{,]xml\b|\bXmlFileLoader\b")
_PATH_BEFORE: Final = re.compile(rb"[\w/.*{},%-]*\Z")
_MAX_PATH: Final = 100
_LITERALS: Final = frozenset({"string_content", "nowdoc_string", "heredoc_body", "text"})


def _html(file: PhpFile) -> None:
    if any(tag in file.content for tag in _TAGS):
        file.marks += web_data.html_facts(file.content)


def _policy(file: PhpFile) -> None:
    if b"-src" in file.content:
        hits = {hit for hit in web_data.policies(file.content) if _is_literal(file, hit[0])}
        file.marks += web_data.marks(file.content, hits)


def _import_map(file: PhpFile) -> None:
    if b"entrypoint" in file.content:
        found = _MAPPED.finditer(file.content)
        hits = {(m.start(), "importmap", m[1].decode("utf-8", "replace").lower()) for m in found}
        file.marks += web_data.marks(file.content, hits)


def _access(file: PhpFile) -> None:
    """What could go past the Starter Kit's authentication: its attribute on a route, its listener by name."""
    for found in itertools.islice(_PAST.finditer(file.content), _MAX_FOUND):
        node = file.root.descendant_for_byte_range(found.start(), found.end() - 1)
        if node is not None and node.type in (*_LITERALS, "name"):
            kind = "public-route" if node.type != "name" else "kit-security"
            file.mark(node, kind, found[0].decode("ascii"))


def _xml(file: PhpFile) -> None:
    """Files in XML that it may load as configuration, by name or by a pattern."""
    for start, end in _xml_names(file.content):
        node = file.root.descendant_for_byte_range(start, end - 1)
        if node is not None and node.type in (*_LITERALS, "name"):
            name = file.content[start:end].decode("utf-8", "replace")
            file.mark(node, "xml-name", name if node.type != "name" else "*.xml")


def _xml_names(content: bytes) -> list[tuple[int, int]]:
    """Where what may be the name of a file in XML, or of what loads one, begins and ends."""
    names: list[tuple[int, int]] = []
    for found in itertools.islice(_XML.finditer(content), _MAX_FOUND):
        start = found.start()
        if found[0] != b"XmlFileLoader":
            before = _PATH_BEFORE.search(content, max(0, start - _MAX_PATH), start)
            start = start if before is None else before.start()
        if names and start < names[-1][1]:  # of the same path: ``{a.xml,b.xml}``
            start = names.pop()[0]
        names.append((start, found.end()))
    return names


def _is_literal(file: PhpFile, position: int) -> bool:
    node = file.root.descendant_for_byte_range(position, position + 1)
    return node is not None and node.type in _LITERALS


EXTRACTOR: Final = Extractor(
    finish_if={
        words(*_TAGS): _html,
        words(b"-src"): _policy,
        words(b"entrypoint"): _import_map,
        rb"\.xml\b|[{,]xml\b|\bXmlFileLoader\b": _xml,
        words(b"_amcloud_public", b"AuthenticationListener"): _access,
    }
)
