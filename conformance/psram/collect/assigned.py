"""Secrets under a name that says so: ``$dbPassword = '…'``, ``define('DB_PASSWORD', '…')``, ``<password>…</password>``.

A value counts when it looks drawn at random (:mod:`psram.collect.chance`): words, paths and expressions under such
names are how programs are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.collect.chance import looks_random, looks_whole
from psram.collect.sieve import finder

Span = tuple[int, int]

_WORDS: Final = (
    *(b"password", b"passwd", b"mot_de_passe", b"mot-de-passe", b"mot de passe", b"motdepasse", b"mdp", b"pwd"),
    *(b"pass", b"secret", b"token", b"jeton", b"api_key", b"apikey", b"api-key", b"cle_api", b"cleapi", b"clef_api"),
    *(b"access_key", b"accesskey", b"private_key", b"privatekey", b"cle_privee", b"auth_key", b"authkey", b"app_key"),
    *(b"encryption_key", b"encryptionkey", b"signing_key", b"signingkey", b"chiffrement", b"credential"),
    b"identified by",
)
_LINK: Final = re.compile(
    rb"(?P<name>[a-z0-9_-]{0,33})(?:"
    rb"(?P<plain>(?:\\?['\"])?[\])\s]{0,10}(?:=>|:=|:-|\?\?=?|\?:|\|\||[:=])\s{0,8}"
    rb"(?:[>|][+-]?\s{1,20}|(?:base64_decode|hex2bin)\(\s{0,4})?)"
    rb"|(?P<given>\\?['\"]\s{0,4},\s{0,8}|\s{0,4}\(\s{0,8}|['\"]\s{1,8}value\s{0,4}=\s{0,4})"
    rb"|(?P<element>['\"]?(?:\s[^<>\n]{0,80})?>)\s{0,8}"
    rb"|(?P<spaced>[ \t]{1,8}))"
)
"""What joins a name and its value: a sign, a call or an attribute (quoted values only), an element, a space."""
_VALUE: Final = re.compile(rb"(?P<quote>\\?['\"`])(?P<whole>[^\s'\"]{12,200}?)(?P=quote)|(?P<bare>[^\s'\"]{12,200})")
_WITHIN: Final = re.compile(rb"([^\s'\"<>]{12,200})(?=\s{0,80}</)")
_KEY: Final = re.compile(rb"\s{0,8}(?::|=>)")
"""What follows the key of an entry, which is no value (``"title": "token", "another-title": …``)."""
_BARE: Final = re.compile(rb"[^#,;)]{12,200}")
"""How far a value goes that nothing ends."""
_SET: Final = re.compile(rb"[ \t]{0,8}(?:(?:export|ENV|ARG)[ \t]{1,4})?[A-Z][A-Z0-9_]{0,60}=")
"""What is before a value that goes to the end of its line: a variable of an environment."""
_ENV: Final = re.compile(rb"[ \t]{0,8}ENV[ \t]{1,4}[A-Z][A-Z0-9_]{0,60}[ \t]{1,8}")
_AUTHORIZATION: Final = re.compile(
    rb"authorization['\"]?\s{0,8}(?:=>|[:=,])\s{0,8}['\"]?(?:basic|bearer)\s{1,4}([a-z0-9+/=._-]{16,500})"
)
_COMMAND: Final = re.compile(
    rb"--[a-z-]{0,20}(?:password|passwd|pass|pwd|token|secret|api-?key)[ \t]{1,4}['\"]?(?P<option>[^\s'\"]{12,200})"
    rb"|\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ \t]{0,4}['\"]?[^\s:'\"]{1,64}:(?P<user>[^\s'\"]{12,200})"
    rb"|\b(?:sshpass|mysql|mysqldump|mysqladmin|mariadb)\b[^\n]{0,120}?\s-p[ \t]{0,2}['\"]?(?P<short>[^\s'\"]{12,200})"
)
_PLACEHOLDER: Final = re.compile(
    rb"(?i)change.?me|changez|a.?remplacer|exemple|example|sample|dummy|fake|factice|fictif|placeholder|xxx|\*\*\*|todo"
    rb"|^!|^<|^\$|^%|^\{|\$\{|\{\{|%env|env\(|your|votre|not.?a|insecure"
    rb"|^(?:test|secret|password|motdepasse|postgres|app|root|user|guest|admin)[0-9]{0,4}$"
)
_ABOUT: Final = re.compile(
    rb"_?(?:error|name|field|label|type|class|path|file|url|uri|ids?|ttl|header|param|parameter|column|pattern|regex)$"
)
_MADE_UP: Final = re.compile(rb"dummy|fake|exemple|example|sample|factice|fictif|placeholder")
_OTHER_WORD: Final = re.compile(rb"(?:by|com|sur|tres|reset)$")
"""What makes another word of ``pass``."""
_ELEMENT: Final = re.compile(rb"(?:<[\w:.-]{0,30}|\b(?:key|name)\s?=\s?['\"][\w.-]{0,30})$")
"""What is before the name of an element, or of an entry (``<entry key="password">``)."""
_QUERIED: Final = re.compile(rb"[?&][a-z_-]{0,11}$")
_CONSTANT: Final = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_S: Final = rb"[\t-\r ]"  # RE2's \s lacks the vertical tab
_ANY: Final = b"|".join(_WORDS)
_FIRST: Final = rb"[^\t-\r '\"$%!{<]"  # no more than the placeholders that a first sign gives away
_NEXT: Final = rb"[^\t-\r '\"]{11}"
NAMED: Final = (
    rb"(?i)(?:" + _ANY + rb")[a-z0-9_-]*(?:"
    # a sign; a comma, a parenthesis, an attribute; the content of an element; a space; ENV of a Dockerfile
    rb"(?:\\?['\"])?[\])\t-\r ]*(?:=>|:=|:-|\?\?=?|\?:|\|\||[:=])" + _S + rb"*(?:[>|][+-]?" + _S + rb"+|hex2bin\(" + _S
    + rb"*)?\\?['\"`]?"
    + _FIRST + _NEXT
    + rb"|(?:\\?['\"]" + _S + rb"*,|" + _S + rb"*\(|['\"]" + _S + rb"+value" + _S + rb"*=)" + _S + rb"*\\?['\"`]"
    + _FIRST + _NEXT
    + rb"|['\"]?(?:" + _S + rb"[^<>\n]*)?>" + _S + rb"*[^\t-\r '\"<>]{12}[^\t-\r '\"<>]*" + _S + rb"*</"
    rb"|" + _S + rb"+'" + _FIRST + _NEXT
    + rb")|\benv[\t ]+[a-z0-9_]*(?:" + _ANY + rb")[a-z0-9_]*[\t ]+" + _FIRST + _NEXT
)  # fmt: skip
"""What a content holds that holds such a name and a value."""
AUTHORIZED: Final = rb"(?i)authorization"
COMMANDED: Final = (
    rb"(?i)--[a-z-]*(?:pass|pwd|token|secret|key)[a-z]*[ \t]+['\"]?[^\t-\r '\"]{12}"
    rb"|(?:-u|--user)[ \t]*['\"]?[^\t-\r :'\"]+:[^\t-\r '\"]{12}|(?:sshpass|mysql|mysqldump|mysqladmin|mariadb)\b.*-p"
)
PATTERNS: Final = (NAMED, AUTHORIZED, COMMANDED)


def spans(content: bytes, held: frozenset[bytes]) -> Iterator[Span]:
    """Where these values are, in a content that holds these of :data:`PATTERNS`."""
    if held.isdisjoint(PATTERNS):
        return
    lower = content.lower()
    if NAMED in held:
        yield from _named(content, lower)
    if AUTHORIZED in held:
        for found in _AUTHORIZATION.finditer(lower):
            yield from _valued(content, *found.span(1), whole=True)
    if COMMANDED in held:
        for found in _COMMAND.finditer(lower):
            yield from _valued(content, *found.span(str(found.lastgroup)), whole=True)


def is_placeholder(value: bytes) -> bool:
    """Whether the value says that it stands for another."""
    return _PLACEHOLDER.search(value) is not None


def _named(content: bytes, lower: bytes) -> Iterator[Span]:
    tried: set[int] = set()
    place = finder(NAMED).search(lower)
    while place is not None:
        start, end = place.span()
        for position, after in _names(lower, start, end):
            found = _LINK.match(lower, after)
            if found is not None and found.end("name") not in tried:
                tried.add(found.end("name"))
                misplaced = found["element"] and not _ELEMENT.search(lower, max(position - 60, 0), position)
                if not misplaced and not _is_name_only(lower, position, found.end("name")):
                    yield from _value(content, found)
        place = finder(NAMED).search(lower, start + 1)


def _names(lower: bytes, start: int, end: int) -> Iterator[Span]:
    """Where these words begin and end."""
    for word in _WORDS:
        position = lower.find(word, start, end)
        while position >= 0:
            yield position, position + len(word)
            position = lower.find(word, position + len(word), end)


def _is_name_only(lower: bytes, start: int, end: int) -> bool:
    """Whether the name says that its value is no secret: Symfony's own (SYM-004 sees to it), a label, a sample."""
    before, name = lower[max(start - 12, 0) : start], lower[start:end]
    if before.endswith(b"app_") and name == b"secret":
        return True
    if _ABOUT.search(name) or _MADE_UP.search(before) or (name.startswith(b"pass") and _OTHER_WORD.search(before)):
        return True
    if _QUERIED.search(before):  # a parameter of a query: only in a whole address
        line = lower.rfind(b"\n", 0, start) + 1
        return b"://" not in lower[line:start]
    return False


def _value(content: bytes, link: re.Match[bytes]) -> Iterator[Span]:
    """The value of a name: between its quotes, to the end of a variable's line, or as far as it may go."""
    if link["element"]:
        if within := _WITHIN.match(content, link.end()):
            yield from _valued(content, *within.span(1), whole=True)
        return
    found = _VALUE.match(content, link.end())
    if found is None:
        return
    if found["quote"]:
        if link["given"] and _KEY.match(content, found.end()):
            return
        if (not link["spaced"] or found["quote"] == b"'") and not _CONSTANT.fullmatch(found["whole"]):
            yield from _valued(content, *found.span("whole"), whole=True)
        return
    start, end = found.span("bare")
    line = content.rfind(b"\n", 0, start) + 1
    if (_ENV if link["spaced"] else _SET).fullmatch(content, line, start):
        yield from _valued(content, start, end, whole=True)
    elif link["plain"]:
        end = start + len(content[start:end].partition(b"}")[0]) if link["plain"].startswith(b":-") else end
        bare = _BARE.match(content, start, end)
        if bare is not None and not _CONSTANT.fullmatch(bare[0]):
            yield from _valued(content, start, bare.end())


def _valued(content: bytes, start: int, end: int, *, whole: bool = False) -> Iterator[Span]:
    """``whole`` says that the value is known to its end, so that any character may be in it."""
    value = content[start:end]
    if not is_placeholder(value) and (looks_random(value) or (whole and looks_whole(value))):
        yield start, end
