"""Facts of what a browser reads (HTML, Twig, CSS, JavaScript): what it would load from, or send to, another host.

A link that a person follows is not one of them. Comments are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from psram.collect.sieve import Sieve
from psram.facts import Mark

Hit = tuple[int, str, str]
_MAX_MARKS: Final = 200
_MAX_TAG: Final = 4000
_MAX_MAP: Final = 20_000
_SCHEME: Final = rb"(?:(?:https?|wss?):)?//"
_HOST: Final = rb"([^/\"'`\s>?#:{}()<]{1,200})"
_COMMENTS: Final = {b"<!--": b"-->", b"{#": b"#}", b"/*": b"*/"}
_OPENING: Final = re.compile(rb"<!--|\{#|/\*")
_BLANK: Final = bytes(each if each == ord("\n") else ord(" ") for each in range(256))
_TAG: Final = re.compile(
    rb"<(script|img|iframe|frame|link|source|video|audio|embed|object|track|form|input|image|use|base)\b", re.IGNORECASE
)
_ATTRIBUTE: Final = re.compile(
    rb"\b(?:src|href|srcset|data|action|formaction|poster)\s*=\s*(?:[\"']\s*)?(?:\{\{-?\s*(?:asset\(\s*)?['\"])?"
    + _SCHEME
    + _HOST,
    re.IGNORECASE,
)
_SET: Final = re.compile(rb"\{%-?\s*set\s+(\w{1,60})\s*=\s*['\"]" + _SCHEME + _HOST)
_FROM_VARIABLE: Final = re.compile(
    rb"\b(?:src|href|srcset|data|action|formaction|poster)\s*=\s*[\"']?\s*\{\{-?\s*(?:asset\(\s*)?(\w{1,60})\b",
    re.IGNORECASE,
)
_TAG_END: Final = re.compile(rb"[<>]")
_REL: Final = re.compile(rb"\brel\s*=\s*[\"']?([\w -]+)", re.IGNORECASE)
_HARMLESS_RELS: Final = frozenset({b"canonical", b"alternate", b"help", b"license", b"author", b"next", b"prev", b"me"})
_ADDRESS: Final = re.compile(rb"[\"'](?:https?:)?//" + _HOST)
_STYLE: Final = re.compile(rb"(?:url\(\s*[\"']?\s*|@import\s+[\"'])" + _SCHEME + _HOST, re.IGNORECASE)
_SCRIPT: Final = re.compile(
    rb"(?:\bimport\s*(?:[\w*{}\s,$]{1,300}?\bfrom\s*)?\(?\s*|\b(?:importScripts|fetch|sendBeacon|getScript)\(\s*"
    rb"|\bnew\s+(?:WebSocket|EventSource|Worker|SharedWorker)\(\s*|\.open\(\s*['\"][A-Za-z]+['\"]\s*,\s*"
    rb"|\baxios(?:\.\w+)?\(\s*|\$\.(?:get|post|ajax)\(\s*(?:\{\s*url\s*:\s*)?|\.src\s*=\s*)['\"`]" + _SCHEME + _HOST
)
_ORGANISATION: Final = rb"[\w.$]{0,60}organi[sz](?![\w.$]*(?:length|size|count|total))[\w.$()]{0,60}"
_COMPARED: Final = re.compile(
    rb"(?i)" + _ORGANISATION + rb"\s{0,5}[!=]==?\s{0,5}['\"`]?([0-9]{3})(?![\w.])"
    rb"|(?<![\w.])['\"`]?([0-9]{3})['\"`]?\s{0,5}[!=]==?\s{0,5}" + _ORGANISATION
)
_TRACKERS: Final = re.compile(
    rb"\bgtag\s*\(\s*['\"]|\bGoogleAnalyticsObject\b|\bfbq\s*\(\s*['\"]|\bGTM-[A-Z0-9]{4,10}\b|\bUA-[0-9]{4,10}-[0-9]{1,3}\b"
)
_POLICY: Final = re.compile(
    rb"\b(default|script|script-elem|style|style-elem|img|font|connect|frame|media|worker|object|child|manifest|form)"
    rb"-(?:src|action)\s+([^;\n]{1,1000})"
)
_SOURCE: Final = re.compile(
    rb"(?:(?:https?|wss?)://|(?<![\w'/.-])(?:\*\.)?(?=[a-z0-9-]+\.))([a-z0-9*][a-z0-9*.-]*\.[a-z]{2,24})", re.I
)


def facts(content: bytes) -> tuple[Mark, ...]:
    """Places that make a browser speak with another host; never raises."""
    return _found(content, _LOOKS)


def html_facts(content: bytes) -> tuple[Mark, ...]:
    """Those in the HTML and the styles of a program's source: its own calls and texts are not a browser's."""
    return _found(content, {pattern: look for pattern, look in _LOOKS.items() if look not in (_scripts, policies)})


def _found(content: bytes, looks: Mapping[bytes, Callable[[bytes], Iterable[Hit]]]) -> tuple[Mark, ...]:
    plain = _uncommented(content)
    return marks(content, {hit for pattern in _SIEVE.held(plain) & looks.keys() for hit in looks[pattern](plain)})


def _uncommented(content: bytes) -> bytes:
    """The content with comments blanked, lines kept; a comment that never ends is none."""
    parts: list[bytes] = []
    endless: set[bytes] = set()
    position = start = 0
    while (opening := _OPENING.search(content, position)) is not None:
        position = opening.end()
        end = -1 if opening[0] in endless else content.find(_COMMENTS[opening[0]], position)
        if end < 0:
            endless.add(opening[0])
            continue
        position = end + len(_COMMENTS[opening[0]])
        parts += [content[start : opening.start()], content[opening.start() : position].translate(_BLANK)]
        start = position
    return b"".join([*parts, content[start:]]) if parts else content


def organisations(content: bytes) -> tuple[Mark, ...]:
    """Comparisons of an organisation with a code written in a script."""
    if b"rganis" not in content and b"rganiz" not in content:
        return ()
    plain = _uncommented(content)
    hits = {(found.start(), "", (found[1] or found[2]).decode()) for found in _COMPARED.finditer(plain)}
    kept = {hit for hit in hits if not _commented(plain, hit[0])}
    return tuple(Mark(m.line, "code", m.name, "organisation", m.excerpt) for m in marks(content, kept))


def marks(content: bytes, hits: set[Hit]) -> tuple[Mark, ...]:
    """Marks of these hits (position, how, host), bounded."""
    lines = content.split(b"\n") if hits else []
    made = []
    for position, how, host in sorted(hits)[:_MAX_MARKS]:
        line = content.count(b"\n", 0, position) + 1
        excerpt = "".join(lines[line - 1][:2000].decode("utf-8", "replace").split())[:400]
        made.append(Mark(line, "remote", host, how, excerpt))
    return tuple(sorted(set(made)))


def _tags(plain: bytes) -> Iterator[Hit]:
    given = {found[1]: found[2] for found in _SET.finditer(plain)}
    for tag in _TAG.finditer(plain):
        name = tag[1].lower()
        ended = _TAG_END.search(plain, tag.end(), tag.end() + _MAX_TAG)
        body = plain[tag.end() : ended.start() if ended is not None else tag.end() + _MAX_TAG]
        rel = _REL.search(body) if name == b"link" else None
        if rel is not None and set(rel[1].lower().split()) <= _HARMLESS_RELS:
            continue
        for attribute in _ATTRIBUTE.finditer(body):
            yield tag.end() + attribute.start(), name.decode(), _name(attribute[1])
        for attribute in _FROM_VARIABLE.finditer(body) if given else ():
            if attribute[1] in given:
                yield tag.end() + attribute.start(), name.decode(), _name(given[attribute[1]])
    for start, end in _import_maps(plain):
        for address in _ADDRESS.finditer(plain, start, end):
            yield address.start(), "importmap", _name(address[1])


def _import_maps(plain: bytes) -> Iterator[tuple[int, int]]:
    """Where ``<script type="importmap">`` starts and ends."""
    position = plain.find(b"importmap")
    while position >= 0:
        end = plain.find(b"</script", position)
        if end < 0:
            return
        yield position, min(end, position + _MAX_MAP)
        position = plain.find(b"importmap", end)


def _styles(plain: bytes) -> Iterator[Hit]:
    for found in _STYLE.finditer(plain):
        yield found.start(1), "style", _name(found[1])


def _scripts(plain: bytes) -> Iterator[Hit]:
    for found in _SCRIPT.finditer(plain):
        if not _commented(plain, found.start(1)):
            yield found.start(1), "script", _name(found[1])


def _trackers(plain: bytes) -> Iterator[Hit]:
    for found in _TRACKERS.finditer(plain):
        yield found.start(), "tracker", found[0].decode("ascii", "replace").strip("(' \"")


def policies(plain: bytes) -> Iterator[Hit]:
    """Other hosts that a Content-Security-Policy lets in."""
    for directive in _POLICY.finditer(plain):
        for source in _SOURCE.finditer(directive[2]):
            yield directive.start(2) + source.start(), "csp", _name(source[1])


def _commented(plain: bytes, position: int) -> bool:
    start = plain.rfind(b"\n", 0, position) + 1
    return plain[start:position].lstrip().startswith((b"//", b"*"))


def _name(host: bytes) -> str:
    return host.decode("utf-8", "replace").lower().rpartition("@")[2]


_LOOKS: Final = {
    # without this pattern in a content, the function finds nothing
    rb"""(?i)(?:=|asset\(|\{\{-?)[\s\x0b'"]*(?:(?:https?|wss?):)?//|importmap""": _tags,
    rb"""(?i)(?:url\(|@import)[\s\x0b'"]*(?:(?:https?|wss?):)?//""": _styles,
    rb"""['"`](?:(?:https?|wss?):)?//""": _scripts,
    rb"gtag|GoogleAnalyticsObject|fbq|GTM-|UA-[0-9]": _trackers,
    rb"-(?:src|action)[\s\x0b]": policies,
}
_SIEVE: Final = Sieve(_LOOKS)
