"""Facts of a PHP file's cryptography: weak digests of secrets, guessable random values, weak ciphers, comparisons that
leak time, certificates that are not verified. What a value means is read from names: of variables, of functions.
"""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile, function_calls
from psram.collect.sieve import finder, words

_MAX_FOUND: Final = 200
_MAX_SIDE: Final = 400
_DIGESTS: Final = frozenset({"md5", "sha1", "crc32", "hash", "crypt"})
_GUESSABLE: Final = frozenset({"rand", "mt_rand", "uniqid", "lcg_value", "str_shuffle", "array_rand", "shuffle"})
_CIPHERS: Final = frozenset({"openssl_encrypt", "openssl_decrypt"})
_WATCHED: Final = _DIGESTS | _GUESSABLE | _CIPHERS | {"password_hash"}
_PASSWORD: Final = re.compile(r"(?i)passw(?:or)?d(?!_?hasher)|mot_?de_?passe|\bmdp\b|_mdp\b|\$mdp|plainpass|->getPlain")
_SECRET: Final = re.compile(
    r"(?i)passw|mot_?de_?passe|\bmdp\b|secret|api_?key|cle_?api|(?<!tokeni)token|\bnir\b|numero_?secu"
)
_RANDOM_USE: Final = re.compile(r"(?i)token|jeton|secret|passw|mot_?de_?passe|nonce|csrf|salt|\bsel\b|api_?key|otp\b")
_WEAK_DIGEST: Final = re.compile(r"(?i)^\(?\s*['\"](md[245]|sha1|crc32b?c?|adler32|fnv\w*|joaat)['\"]")
_WEAK_CIPHER: Final = re.compile(r"(?i)['\"]([\w-]*-ecb|des[\w-]*|rc[24][\w-]*|bf[\w-]*)['\"]")
_LOW_COST: Final = re.compile(r"['\"]cost['\"]\s*=>\s*[4-9]\b")
_UNVERIFIED: Final = re.compile(
    rb"""['"](?:verify_peer|verify_peer_name|verify_host)['"]\s*=>\s*(?:false|0)\b"""
    rb"""|curlopt_ssl_verify(?:peer|host)\s*(?:,|=>)\s*(?:false|0)\b"""
    rb"""|['"]allow_self_signed['"]\s*=>\s*true\b"""
)
_MCRYPT: Final = re.compile(rb"(?<![\w$>:])mcrypt_(?:encrypt|decrypt|generic|module_open)\s*\(")
_NAMED: Final = rb"(?:hmac|csrf|signature|api_?key|passw(?:or)?d|mot_de_passe|secret|token)"
_COMPARED: Final = _NAMED + rb"[^;\n{}=!]{0,80}[!=]=|[!=]==?[^;\n{}=!]{0,60}?" + _NAMED
_OPERATORS: Final = frozenset({"==", "===", "!=", "!==", "<>"})
_VALUE: Final = re.compile(r"(?i)(hmac|signature|csrf_?token|api_?key|passw(?:or)?d|mot_?de_?passe|secret)$")
_TOKEN: Final = re.compile(r"(?i)(token|jeton)$")
_FROM_REQUEST: Final = re.compile(
    r"(?i)\$request\b|getRequest\(|->(?:headers|query|cookies|request)->get\(|\$_(?:GET|POST|COOKIE)"
)

_DIGEST_CALL: Final = re.compile(r"(?i)^\\?(?:hash_hmac|hash|md5|sha1|crypt)\s*\(")
_INNER: Final = frozenset({"name", "variable_name", "arguments", "argument", "parenthesized_expression"})
_CONSTANT: Final = re.compile(r"(?i)(?:null|true|false|['\"][^$]*$|-?\d|\[|[a-z_\\]+(?:::[a-z_]+)?$|self::|static::)")
_FUNCTIONS: Final = frozenset({"method_declaration", "function_definition"})


def _call(file: PhpFile, node: Node) -> None:
    name = file.called(node)
    if name not in _WATCHED:
        return
    arguments = text(node.child_by_field_name("arguments"))[:2000]
    if name in _DIGESTS:
        _digest(file, node, name, arguments)
    elif name in _CIPHERS:
        weak = _WEAK_CIPHER.search(arguments)
        if weak is not None:
            _note(file, node, "cipher", weak[1].lower())
    elif name == "password_hash":
        if _LOW_COST.search(arguments):
            _note(file, node, "cost", name)
    elif _RANDOM_USE.search(_purpose(node)):
        _note(file, node, "random", name)


def _digest(file: PhpFile, node: Node, name: str, arguments: str) -> None:
    weak = _WEAK_DIGEST.match(arguments) if name == "hash" else None
    hidden = arguments[weak.end() :] if weak is not None else arguments
    if _PASSWORD.search(hidden):
        _note(file, node, "password", name)
    elif (name != "hash" or weak is not None) and _SECRET.search(hidden):
        _note(file, node, "digest", weak[1].lower() if weak is not None else name)


def _purpose(node: Node) -> str:
    """What the value is for: the variable, key or function that takes it."""
    current = node
    for _step in range(40):
        parent = current.parent
        if parent is None or parent.type in ("program", "compound_statement"):
            break
        if parent.type == "assignment_expression":
            return text(parent.child_by_field_name("left"))[-80:]
        if parent.type == "array_element_initializer" and len(parent.named_children) > 1:
            return text(parent.named_children[0])[:80]
        if parent.type == "return_statement":
            while parent is not None and parent.type not in _FUNCTIONS:
                parent = parent.parent
            return "" if parent is None else text(parent.child_by_field_name("name"))
        current = parent
    return ""


def _unverified(file: PhpFile) -> None:
    _textual(file, _UNVERIFIED, "unverified", "tls")


def _mcrypt(file: PhpFile) -> None:
    _textual(file, _MCRYPT, "cipher", "mcrypt")


def _comparisons(file: PhpFile) -> None:
    seen: set[int] = set()
    for found in finder(_COMPARED).finditer(file.lower):
        _comparison(file, found.start(), found.end(), seen)


def _textual(file: PhpFile, pattern: re.Pattern[bytes], name: str, detail: str) -> None:
    """Notes what the pattern finds in code, comments and texts left out."""
    for found in pattern.finditer(file.lower):
        whole = file.root.descendant_for_byte_range(found.start(), found.end() - 1)
        start = file.root.descendant_for_byte_range(found.start(), found.start() + 1)
        if whole is None or start is None or whole.type in ("comment", "text", "text_interpolation"):
            continue
        if not start.type.startswith(("nowdoc", "heredoc")):
            _note(file, start, name, detail)


def _comparison(file: PhpFile, start: int, end: int, seen: set[int]) -> None:
    node = file.root.descendant_for_byte_range(start, end)
    while node is not None and node.type in (
        "name",
        "variable_name",
        "arguments",
        "argument",
        "parenthesized_expression",
    ):
        node = node.parent
    if node is None or node.type != "binary_expression" or node.id in seen:
        return
    seen.add(node.id)
    if text(node.child_by_field_name("operator")) not in _OPERATORS:
        return
    left, right = _side(file, node, "left"), _side(file, node, "right")
    if _leaks(left, right) or _leaks(right, left):
        _note(file, node, "comparison", "")


def _side(file: PhpFile, node: Node, name: str) -> str:
    """The text of one side; empty when it is longer than a value's (a whole chain of conditions)."""
    side = node.child_by_field_name(name)
    if side is None or side.end_byte - side.start_byte > _MAX_SIDE:
        return ""
    return file.content[side.start_byte : side.end_byte].decode("utf-8", "replace")


def _leaks(one: str, other: str) -> bool:
    """Whether comparing these two tells, by the time it takes, how much of a secret was guessed."""
    if not one or not other or _constant(one) or _constant(other):
        return False
    if one.lower().startswith(("hash_hmac(", "\\hash_hmac(")) or (_DIGEST_CALL.match(one) and _SECRET.search(one)):
        return True
    bare = re.sub(r"\(\)$", "", one)
    if not re.match(r"\$|\\?\w+::", bare):
        return False
    named = re.search(r"(\w+)(?:\[['\"](\w+)['\"]\])?$", bare)
    last = "" if named is None else (named[2] or named[1])
    if _TOKEN.search(last):
        return _FROM_REQUEST.search(other) is not None
    return _VALUE.search(last) is not None and re.match(r"\$|\\?\w+\(", other) is not None and "count(" not in other


def _constant(side: str) -> bool:
    return _CONSTANT.match(side) is not None


def _note(file: PhpFile, node: Node, name: str, detail: str) -> None:
    found = file.state[__name__] = file.state.get(__name__, 0) + 1
    if found <= _MAX_FOUND:
        file.mark(node, "crypto", name, detail)


EXTRACTOR: Final = Extractor(
    nodes_at={function_calls(_WATCHED): {"function_call_expression": _call}},
    finish_if={
        words(b"verify_peer", b"verify_host", b"curlopt_ssl_verify", b"allow_self_signed"): _unverified,
        words(b"mcrypt_"): _mcrypt,
        rb"(?i)" + _NAMED: _comparisons,
    },
)
