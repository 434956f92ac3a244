"""Places of a PHP file that rules ask about: watched calls, SQL, superglobals, literals like organisations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from psram.collect import php_sql
from psram.collect.php_names import Names, text
from psram.collect.php_tree import Extractor, PhpFile, function_calls, method_calls, static_calls
from psram.collect.php_values import value
from psram.collect.php_variables import assignments, scope
from psram.facts import SHELL_FUNCTIONS, Mark, SqlSite
from psram.roles import PHP_ENDINGS

Excerpt = Callable[[int], str]

_WATCHED: Final = SHELL_FUNCTIONS | {
    *("eval", "create_function", "extract", "var_dump", "dd", "dump", "print_r", "phpinfo", "debug_zval_refcount"),
    *("unserialize", "assert", "pg_connect", "pg_pconnect", "mysqli_connect", "var_export"),
}
_WATCHED_CLASSES: Final = frozenset({"pdo", "mysqli", "kernel"})
_INPUTS: Final = frozenset(
    {"filter_input", "filter_input_array", "filter_has_var", "getallheaders", "apache_request_headers"}
)
_OPENING: Final = frozenset({"file_get_contents", "fopen", "file"})
_ASKED: Final = _WATCHED | _INPUTS | _OPENING | php_sql.FUNCTIONS | {"getenv", "mail"}
_MAIL_OPTIONS: Final = 4
_OF_REQUEST: Final = re.compile(r"(HTTP_|REQUEST_|QUERY_STRING|REMOTE_|PATH_INFO|CONTENT_|PHP_AUTH|SERVER_NAME)", re.I)
_SUPERGLOBAL_NAMES: Final = re.compile(r"(_(get|post|request|cookie|files|session|server|env)|globals)$", re.I)
_OWN_COPY: Final = re.compile(
    r"\\?serialize\s*\(", re.IGNORECASE
)  # unserialize(serialize($x)) copies what is here already
_METHODS: Final = frozenset({"disable", "suspend"})
_SUPERGLOBAL: Final = re.compile(rb"\$(?:_(?:GET|POST|REQUEST|COOKIE|FILES|SESSION|SERVER|ENV)|GLOBALS)\b")
_CODE: Final = re.compile(rb"""['"](\d{3})(?=['"])""")
_LABEL: Final = re.compile(rb"\b((?:cpam|cgss|carsat|cramif|ugecam|drsm|cti|csn)-[a-z][a-z0-9-]{2,60})")
_ORGANISATION: Final = re.compile(rb"(?i)organi[sz]")


def call_facts(  # noqa: PLR0911  one line a kind of node
    node: Node, names: Names, excerpt: Excerpt
) -> tuple[list[Mark], list[SqlSite]]:
    """Marks and SQL sites of one captured node."""
    line = node.start_point.row + 1

    def mark(kind: str, name: str = "", detail: str = "") -> tuple[list[Mark], list[SqlSite]]:
        return [Mark(line, kind, name, detail[:200], excerpt(line))], []

    match node.type:
        case "member_call_expression" | "nullsafe_member_call_expression":
            return _method(node, line, mark, excerpt)
        case "scoped_call_expression":
            name = text(node.child_by_field_name("name")).lower()
            owner = names.resolve(text(node.child_by_field_name("scope")))
            return mark("static", f"{owner}::{name}") if name == "getconnection" else ([], [])
        case "object_creation_expression":
            return _creation(node, names, mark)
        case "error_suppression_expression":
            return mark("silence", "@")
        case "shell_command_expression":
            return mark("backtick", "`", "dynamic" if value(node).dynamic else "")
        case "exit_statement":
            return mark("exit", "exit")
        case "global_declaration":
            return mark("global", "global")
        case "goto_statement":
            return mark("goto", "goto")
        case "dynamic_variable_name":
            return _variable_variable(node, mark)
        case _:
            return _inclusion(node, mark)


_Marker = Callable[..., tuple[list[Mark], list[SqlSite]]]


def _arguments(node: Node) -> list[Node]:
    listed = node.child_by_field_name("arguments")
    if listed is None:  # the grammar names no field on `new X(…)`
        listed = next((c for c in node.named_children if c.type == "arguments"), None)
    return [] if listed is None else [a for a in listed.named_children if a.type == "argument"]


def _function(node: Node, name: str, excerpt: Excerpt) -> Iterator[Mark]:
    line, arguments = node.start_point.row + 1, _arguments(node)
    if name in _INPUTS:
        yield Mark(line, "superglobal", f"{name}()", "", excerpt(line))
    elif name == "getenv":
        if arguments and _OF_REQUEST.match(value(arguments[0]).text):
            yield Mark(line, "superglobal", f"getenv('{value(arguments[0]).text[:40]}')", "", excerpt(line))
    elif name in _OPENING:
        if arguments and "php://input" in text(arguments[0]).lower():
            yield Mark(line, "superglobal", "php://input", "", excerpt(line))
    else:
        yield Mark(line, "call", name, _manner(node, name, arguments), excerpt(line))


def _manner(node: Node, name: str, arguments: list[Node]) -> str:
    """What of a watched call's arguments makes it graver, or harmless."""
    if name in ("print_r", "var_export") and len(arguments) > 1 and "true" in text(arguments[1]).lower():
        return "return"
    if name == "unserialize" and len(arguments) > 1 and _limits(arguments[1].named_children[-1]):
        return "allowed_classes"
    if name == "unserialize" and len(arguments) > 1 and "allowed_classes" in text(arguments[1]):
        return "open"
    if name == "unserialize" and arguments and _is_own(arguments[0]):
        return "own"
    if name in SHELL_FUNCTIONS and arguments and value(arguments[0]).dynamic:
        return "dynamic"
    called_later = not arguments and node.child_by_field_name("arguments") is not None and "..." in text(node)[-6:]
    return "callable" if called_later else ""


def _limits(options: Node) -> bool:
    """Whether these options of ``unserialize`` allow no class (``false``) or those of a list that is written."""
    held = _followed(options)
    allowed = [pair for pair in held.named_children if _named_option(pair) == "allowed_classes"]
    if held.type != "array_creation_expression" or not allowed:
        return False
    chosen = _followed(allowed[-1].named_children[-1])
    if chosen.type == "boolean":
        return text(chosen).lower() == "false"
    listed = chosen.type in ("array_creation_expression", "class_constant_access_expression")
    return listed and not value(chosen).dynamic


def _named_option(pair: Node) -> str:
    is_pair = pair.type == "array_element_initializer" and pair.named_child_count > 1
    return text(pair.named_children[0]).strip("'\"") if is_pair else ""


def _followed(node: Node) -> Node:
    """What a variable holds when it is given once in its function, or the node itself."""
    if node.type != "variable_name":
        return node
    given = assignments(node, text(node)) or ()
    return given[0] if len(given) == 1 else node


def _is_own(argument: Node) -> bool:
    """Whether what is unserialized was written here: a copy (``unserialize(serialize($x))``), a literal."""
    return _OWN_COPY.match(text(argument)[:40]) is not None or not value(argument).dynamic


def _creation(node: Node, names: Names, mark: _Marker) -> tuple[list[Mark], list[SqlSite]]:
    named = next((c for c in node.named_children if c.type in ("name", "qualified_name")), None)
    full = names.resolve(text(named)) if named is not None else ""
    if full.rpartition("\\")[2].lower() not in _WATCHED_CLASSES:
        return [], []
    return mark("new", full, ",".join(text(a) for a in _arguments(node)))


def _inclusion(node: Node, mark: _Marker) -> tuple[list[Mark], list[SqlSite]]:
    target = node.named_children[0] if node.named_children else None
    if target is None:
        return [], []
    word, read = node.type.partition("_exp")[0], value(target)
    if read.dynamic:
        return mark("include", word, read.variable)
    path = read.text.strip().lower()
    fixed = target.type in ("string", "encapsed_string") and "$" not in text(target)
    elsewhere = fixed and path.startswith("/") and not path.startswith("/app/")
    constant = not path and target.type == "class_constant_access_expression" and not _is_php_constant(target)
    foreign = constant or "://" in path or path.startswith("data:") or elsewhere
    if foreign or (path and not path.endswith((*PHP_ENDINGS, "?"))):  # ?: a constant that is not read here
        return mark("include-other", word, read.text.strip()[:80] or text(target)[:80])
    return [], []


def _is_php_constant(access: Node) -> bool:
    """Whether the file itself gives the constant a path that ends as PHP files do."""
    root = access
    while root.parent is not None:
        root = root.parent
    name = re.escape(text(access).rpartition("::")[2])
    given = re.search(rf"\bconst\b[^=;]{{0,80}}\b{name}\s*=([^;]{{1,400}});", text(root))
    return given is not None and given[1].strip().strip("'\"").lower().endswith(PHP_ENDINGS)


def _variable_variable(node: Node, mark: _Marker) -> tuple[list[Mark], list[SqlSite]]:
    """``${'_GET'}``, ``$$name`` where it can be a superglobal: PHP knows them so outside functions only."""
    if not node.named_children or scope(node).type != "program":
        return [], []
    named = value(node.named_children[0])
    if named.dynamic or _SUPERGLOBAL_NAMES.match(named.text):
        return mark("superglobal", text(node)[:40], "computed" if named.dynamic else "")
    return [], []


def _method(node: Node, line: int, mark: _Marker, excerpt: Excerpt) -> tuple[list[Mark], list[SqlSite]]:
    method = text(node.child_by_field_name("name"))
    lower = method.lower()
    if lower in ("disable", "suspend") and _is_filters(node.child_by_field_name("object")):
        arguments = _arguments(node)
        return mark("filters-disable", method, text(arguments[0]) if arguments else "")
    return [], []


def _is_filters(node: Node | None) -> bool:
    """Whether the object is Doctrine's filter collection, directly or through a local variable."""
    if node is None:
        return False
    if "getfilters" in text(node)[-200:].lower():
        return True
    if node.type != "variable_name":
        return False
    return any("getfilters" in text(a)[-200:].lower() for a in assignments(node, text(node)) or ())


def superglobal_marks(file: PhpFile) -> Iterator[Mark]:
    """Uses of superglobals, those in comments and plain strings left out."""
    for found in _SUPERGLOBAL.finditer(file.content):
        node = file.root.descendant_for_byte_range(found.start() + 1, found.end())
        if node is not None and node.type in ("name", "variable_name"):
            line = node.start_point.row + 1
            yield Mark(line, "superglobal", found[0].decode(), "", file.excerpt(line))


def literal_marks(file: PhpFile) -> Iterator[Mark]:
    """Literals like an organisation's code (``detail`` says if the statement speaks of organisations) or label."""
    content = file.content
    for kind, pattern in (("code", _CODE), ("label", _LABEL)):
        for found in pattern.finditer(file.lower):
            node = file.root.descendant_for_byte_range(found.start(1), found.end(1))
            if node is None or node.type not in ("string_content", "nowdoc_string", "heredoc_body"):
                continue
            line = content.count(b"\n", 0, found.start(1)) + 1
            spoken = kind == "label" or _speaks_of_organisations(content, node)
            yield Mark(line, kind, found[1].decode(), "organisation" if spoken else "", file.excerpt(line))


def _speaks_of_organisations(content: bytes, node: Node) -> bool:
    statement = node
    while statement.parent is not None and not statement.type.endswith(("_statement", "_declaration")):
        statement = statement.parent
    start = max(statement.start_byte, node.start_byte - 200)
    return _ORGANISATION.search(content, start, min(statement.end_byte, node.end_byte + 60)) is not None


def _call(file: PhpFile, node: Node) -> None:
    name = file.called(node)
    if name in php_sql.FUNCTIONS:
        php_sql.function(file, node)
    elif name == "mail":
        given = _arguments(node)
        if len(given) > _MAIL_OPTIONS and value(given[_MAIL_OPTIONS]).dynamic:
            file.mark(node, "sink", "mail", "une valeur est collée dans les options de la commande qui l'envoie")
    elif name in _ASKED:
        file.marks += _function(node, name, file.excerpt)


def _take(file: PhpFile, node: Node) -> None:
    marks, sites = call_facts(node, file.names, file.excerpt)
    file.marks += marks
    file.sql += sites


def _marked(marks: Callable[[PhpFile], Iterator[Mark]]) -> Callable[[PhpFile], None]:
    def finish(file: PhpFile) -> None:
        file.marks += marks(file)

    return finish


EXTRACTOR: Final = Extractor(
    nodes=dict.fromkeys(
        (
            *("error_suppression_expression", "shell_command_expression", "exit_statement", "global_declaration"),
            *("goto_statement", "dynamic_variable_name"),
            *("include_expression", "include_once_expression", "require_expression", "require_once_expression"),
        ),
        _take,
    ),
    nodes_at={
        function_calls(_ASKED): {"function_call_expression": _call},
        method_calls(_METHODS): dict.fromkeys(("member_call_expression", "nullsafe_member_call_expression"), _take),
        static_calls({"getconnection"}): {"scoped_call_expression": _take},
    },
    nodes_if={
        rb"(?i)\b(?:" + "|".join(sorted(_WATCHED_CLASSES)).encode() + rb")\b": {"object_creation_expression": _take},
    },
    finish_if={
        rb"\$_(?:GET|POST|REQUEST|COOKIE|FILES|SESSION|SERVER|ENV)|\$GLOBALS": _marked(superglobal_marks),
        rb"""['"][0-9]{3}['"]|(?i:cpam|cgss|carsat|cramif|ugecam|drsm|cti|csn)-(?i:[a-z])""": _marked(literal_marks),
    },
)
