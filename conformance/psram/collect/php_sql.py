"""Calls that send SQL or DQL, by method, by static method or by function: what is pasted into it.

What cannot be told is left out: a text that comes whole from elsewhere (``executeQuery($sql)``), unless it is the
request itself. The parts of a query builder that are names (``orderBy``, ``groupBy``, ``select``, the value of ``set``)
take no parameter: there, whatever is not from a closed list counts; those whose method has an everyday name (``set``,
``select``) count on a query builder only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from psram.collect import php_access_names as known
from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile, method_calls, static_calls
from psram.collect.php_values import Value, value
from psram.collect.php_variables import assignments, parameter_type
from psram.collect.sieve import words
from psram.facts import SqlSite

Excerpt = Callable[[int], str]

_NATIVE: Final = frozenset(
    {
        *("executequery", "executestatement", "executeupdate", "executecachequery", "createnativequery"),
        *("fetchassociative", "fetchnumeric", "fetchone", "fetchallassociative", "fetchallnumeric", "fetchfirstcolumn"),
        *("fetchallkeyvalue", "fetchallassociativeindexed", "fetchassoc", "fetcharray", "fetchcolumn", "fetchall"),
        *("iterateassociative", "iteratenumeric", "iteratekeyvalue", "iteratecolumn", "iterateassociativeindexed"),
    }
)
_NATIVE_IF_SQL: Final = frozenset(  # names that other libraries use as well
    {"query", "exec", "prepare", "real_query", "multi_query", "execute_query", "unbuffered_query", "querysingle"}
)
FUNCTIONS: Final = known.FUNCTIONS | {
    "mysql_unbuffered_query",
    "odbc_do",
    "sqlite_query",
    "sqlite_exec",
    "ibase_query",
}
_DQL: Final = frozenset({"createquery"})
_JOINS: Final = frozenset({"join", "leftjoin", "innerjoin", "rightjoin"})
_CONDITIONS: Final = frozenset({"where", "andwhere", "orwhere", "having", "andhaving", "orhaving"}) | _JOINS
_NAMES: Final = frozenset({"orderby", "addorderby", "groupby", "addgroupby"})
_OF_BUILDERS: Final = frozenset({"select", "addselect", "set", "setvalue", "values"})
_METHODS: Final = _NATIVE | _NATIVE_IF_SQL | _DQL | _CONDITIONS | _NAMES
_STATIC: Final = _NATIVE | _NATIVE_IF_SQL
_LOOKS_SQL: Final = re.compile(
    r"\s*\(?\s*(select|insert|update|delete|with|alter|create|drop|truncate|set|grant|call|do|lock|copy|merge|reset)\b",
    re.IGNORECASE,
)
_INPUT: Final = re.compile(
    r"\$_(?:GET|POST|REQUEST|COOKIE)\b|\brequest\b.{0,80}->get\(|->(?:query|request|cookies|headers|attributes)->get\(",
    re.IGNORECASE | re.DOTALL,
)
_BUILDER: Final = re.compile(
    r"createquerybuilder\b|getquerybuilder\b|(?:\$|->)(?:qb\w*|\w*querybuilder)\b", re.IGNORECASE
)
_OBJECTS: Final = frozenset(
    {
        "member_call_expression",
        "nullsafe_member_call_expression",
        "scoped_call_expression",
        "object_creation_expression",
    }
)
_CALLS: Final = ("member_call_expression", "nullsafe_member_call_expression")
_ARRAYS: Final = frozenset({"array_creation_expression"})
_MAX_CHAIN: Final = 60
_OPAQUE: Final = ("", "?")


def _method(file: PhpFile, node: Node) -> None:
    lower = text(node.child_by_field_name("name")).lower()
    if lower not in _METHODS:
        return
    arguments = _arguments(node)
    if not arguments:
        return
    if lower in _NATIVE or lower in _NATIVE_IF_SQL or lower in _DQL:
        kind = "dql" if lower in _DQL else "native"
        file.sql += _sent(file, node, kind, arguments[0], only_sql=lower in _NATIVE_IF_SQL)
    elif lower in _CONDITIONS:
        _condition(file, node, arguments)
    elif "criteria" not in text(node.child_by_field_name("object"))[-200:].lower():  # which takes a table
        _names(file, node, lower, arguments)


def _built(file: PhpFile, node: Node) -> None:
    lower = text(node.child_by_field_name("name")).lower()
    if lower in _OF_BUILDERS and (arguments := _arguments(node)) and _is_builder(node):
        _names(file, node, lower, arguments)


def _static(file: PhpFile, node: Node) -> None:
    lower = text(node.child_by_field_name("name")).lower()
    arguments = _arguments(node)
    if lower in _STATIC and arguments:
        file.sql += _sent(file, node, "native", arguments[0], only_sql=True)


def function(file: PhpFile, node: Node) -> None:
    """The SQL that one of :data:`FUNCTIONS` sends."""
    sites = [site for each in _arguments(node) for site in _sent(file, node, "native", each, only_sql=True)]
    file.sql += sites[:1]


def _sent(file: PhpFile, node: Node, kind: str, argument: Node, *, only_sql: bool) -> Iterator[SqlSite]:
    sent = value(argument, lists=True)
    sql = " ".join(sent.text.split())
    if sql in _OPAQUE:
        if _is_input(argument, sent):
            yield _site(file, node, kind, sql, sent)
    elif not only_sql or _LOOKS_SQL.match(sql):
        yield _site(file, node, kind, sql, sent)


def _condition(file: PhpFile, node: Node, arguments: list[Node]) -> None:
    """A builder's condition: a text with something pasted into it; an object (``expr()``) or an array quotes values."""
    if any(_inner(argument).type in _ARRAYS for argument in arguments[:1]):
        return  # not Doctrine's builder, which takes texts
    for argument in arguments:
        sent = value(argument, lists=True)
        sql = " ".join(sent.text.split())
        if _pasted(sent) and (sql not in _OPAQUE or _is_input(argument, sent)):
            file.sql.append(_site(file, node, "builder", sql, sent))
            return


def _names(file: PhpFile, node: Node, lower: str, arguments: list[Node]) -> None:
    judged = arguments[1:] if lower == "setvalue" else arguments
    for argument in judged:
        inner = _inner(argument)
        if inner.type in _OBJECTS and _INPUT.search(text(inner)[:400]) is None:
            continue  # an expression of Doctrine, or what cannot be told
        if inner.type in _ARRAYS and lower not in ("values", "select", "addselect"):
            continue
        sent = value(argument, lists=True)
        if _pasted(sent) and "array" not in parameter_type(inner, text(inner)).lower():
            kind = "value" if lower in ("set", "setvalue", "values") else "name"
            file.sql.append(_site(file, node, kind, " ".join(sent.text.split()), sent))
            return


def _is_builder(node: Node) -> bool:
    """Whether the chain of calls begins at a query builder: by its maker, its name, its type."""
    owner = node.child_by_field_name("object")
    for _ in range(_MAX_CHAIN):
        if owner is None or owner.type not in _CALLS:
            break
        if _BUILDER.search(text(owner.child_by_field_name("name"))):
            return True
        owner = owner.child_by_field_name("object")
    if owner is None or _BUILDER.search(text(owner)[-200:]):
        return owner is not None
    if owner.type != "variable_name":
        return False
    if "querybuilder" in parameter_type(owner, text(owner)).lower():
        return True
    return any(_BUILDER.search(text(a)[:400]) for a in assignments(owner, text(owner)) or ())


def _is_input(argument: Node, sent: Value) -> bool:
    return sent.dynamic and _INPUT.search(f"{sent.variable} {text(argument)[:400]}") is not None


def _pasted(sent: Value) -> bool:
    return sent.dynamic or bool(sent.enums)


def _site(file: PhpFile, node: Node, kind: str, sql: str, sent: Value) -> SqlSite:
    line = node.start_point.row + 1
    enums = () if sent.dynamic else tuple(file.names.resolve(name) for name in sent.enums)
    pasted = sent.variable or ", ".join(sent.enums)
    return SqlSite(line, kind, sql[:2000], _pasted(sent), pasted[:80], file.excerpt(line), enums)


def _inner(argument: Node) -> Node:
    return argument.named_children[-1] if argument.named_children else argument


def _arguments(node: Node) -> list[Node]:
    listed = node.child_by_field_name("arguments")
    return [] if listed is None else [a for a in listed.named_children if a.type == "argument"]


EXTRACTOR: Final = Extractor(
    nodes_at={
        method_calls(_METHODS): dict.fromkeys(_CALLS, _method),
        static_calls(_STATIC): {"scoped_call_expression": _static},
    },
    nodes_if={words(b"querybuilder", b"$qb", b">qb"): dict.fromkeys(_CALLS, _built)},
)
