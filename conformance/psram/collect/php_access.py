"""Places where code reaches the database beside the entity manager, or changes whose rows it sees.

A regular expression finds candidates by the name of what they call; the tree then says whether it is a call at all, and
of what. What a call sends is read as far as it is literal (local variables and the class's own constants followed).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tree_sitter import Node

from psram.collect import php_access_names as known
from psram.collect.php_names import text
from psram.collect.php_places import NEAR_BYTES, Place, at
from psram.collect.php_tree import Extractor, PhpFile
from psram.collect.php_values import value
from psram.collect.sql_queries import reads
from psram.facts import DataSite

MAX_SITES: Final = 500
_MAX_CANDIDATES: Final = 1500
_MAX_TEXT: Final = 1500
_MAX_CHAIN: Final = 60
_REASON: Final = re.compile(rb"(?://|#|\*)\s*isolation\s*:\s*(\S[^\n]{9,})", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(r'(?:[A-Za-z_][\w$]*|"[^"]{1,63}")(?:\.(?:[A-Za-z_][\w$]*|"[^"]{1,63}"))?\Z')
_LITERAL: Final = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_CALLS: Final = frozenset({"member_call_expression", "nullsafe_member_call_expression", "scoped_call_expression"})
_CHAINED: Final = _CALLS | {"arguments", "argument"}
_CREATIONS: Final = frozenset({"object_creation_expression"})
_CONSTANTS: Final = frozenset({"const_element"})


def _finish(file: PhpFile) -> None:
    if file.held.isdisjoint(known.PATTERNS):
        return
    sites: dict[tuple[int, str], DataSite] = {}
    filters = b"getfilter" in file.lower
    for count, (start, end, group) in enumerate(known.candidates(file.lower, file.held)):
        name = file.content[start:end].decode("ascii", "replace")
        if name.lower() in ("disable", "suspend", "setparameter") and not filters:
            continue
        place = at(file, start, end)
        if place is None or count >= _MAX_CANDIDATES or len(sites) >= MAX_SITES:
            line = file.content.count(b"\n", 0, start) + 1  # told as such: nothing may be hidden by a flood
            sites[-1, "flood"] = DataSite(line, "flood", excerpt=file.excerpt(line))
            break
        site = _site(place, name, group)
        if site is not None:
            sites.setdefault((start, site.kind), site)
    if sites:
        file.fields["access"] = tuple(sites.values())


def _site(place: Place, name: str, group: str) -> DataSite | None:
    node, outer = place.node, place.outward()
    match group:
        case "kit" if node.type != "comment" and "string" not in node.type:
            return _made(place, "kit", name.rpartition("\\")[2])
        case "created" if place.nearest(_CREATIONS) is not None:
            kind = known.CREATED.get(name.rpartition("\\")[2].lower())
            return None if kind is None else _made(place, kind, name)
        case "function" if outer is not None and outer.node.type == "function_call_expression":
            if name.lower() in known.CONNECTS:
                return _made(outer, "connect", name)
            return _sent(outer, name, (value(argument).text for argument in arguments(outer.node)))
        case "method" if outer is not None and outer.node.type in _CALLS:
            return _called(outer, name) if outer.node.child_by_field_name("name") == node else None
        case _:
            return None


def _called(place: Place, name: str) -> DataSite | None:  # noqa: PLR0911  one line a family of methods
    lower = name.lower()
    given = arguments(place.node)
    if lower in known.FILTERS:
        return _filter(place, lower, given)
    if lower in known.HANDLES:
        return _made(place, "handle", name)
    if lower == "create":
        owner = _receiver(place).rpartition("\\")[2].lower()
        return _made(place, "manager", "EntityManager::create") if owner == "entitymanager" else None
    if lower == "real_connect":
        return _made(place, "connect", name)
    if not given:
        return None
    if lower in known.CREATES:
        return _created_table(place, lower, given)
    if lower in known.NATIVE:
        return _sent(place, name, [_text(place, given[0])])
    if lower in known.NATIVE_IF_SQL:
        sent = _text(place, given[0])
        readable = known.LOOKS_SQL.match(sent) or known.DATABASE.search(_receiver(place))
        return _sent(place, name, [sent]) if readable else None
    if lower == "createquery":
        sent = " ".join(_text(place, given[0]).split())
        return _made(place, "dql", name, sent) if known.BULK_DQL.match(sent) else None
    return _built(place, lower, given)


def _created_table(place: Place, lower: str, given: list[Node]) -> DataSite | None:
    """A table that a migration of Doctrine's makes, by name or by SQL."""
    first = value(given[0])
    if lower == "addsql":
        found = known.CREATED_TABLE.match(_text(place, given[0]))
        name = "" if found is None else found[1].replace("`", "")
    else:
        name = "" if first.dynamic or not known.SCHEMA.search(_receiver(place)) else first.text
    return _made(place, "create", lower, tables=(name,)) if _IDENTIFIER.match(name) else None


def _filter(place: Place, lower: str, given: list[Node]) -> DataSite | None:
    first = "" if not given else place.source(given[0].start_byte, min(given[0].end_byte, given[0].start_byte + 200))
    if lower == "addfilter":
        return _made(place, "filter-added", "addFilter", first)
    if "getfilter" not in (_receiver(place) + _assigned(place)).lower():
        return None
    return _made(place, "filter-parameter" if lower == "setparameter" else "filter-off", lower, first)


def _receiver(place: Place) -> str:
    """The end of what the method is called on; a chain's beginning may be megabytes away."""
    owner = place.node.child_by_field_name("object") or place.node.child_by_field_name("scope")
    return "" if owner is None else place.source(max(owner.start_byte, owner.end_byte - 400), owner.end_byte)


def _assigned(place: Place) -> str:
    """What the function assigns to the variable that the call is made on."""
    owner = place.node.child_by_field_name("object")
    if owner is None or owner.type != "variable_name":
        return ""
    name = re.escape(text(owner)[:80])
    return " ".join(re.findall(name + r"\s*=([^;]{1,300});", place.around())[:5])


def _built(  # noqa: PLR0911  one line a way to name a table
    place: Place, lower: str, given: list[Node]
) -> DataSite | None:
    """A table named to a query builder of the database layer, or a bulk change through the entity manager's."""
    position = 1 if lower in known.JOINS else 0
    if lower in known.JOINS and (len(given) <= 2 or _of_entities(place, given[2])):  # noqa: PLR2004
        return None  # the database layer's has an alias, a table, an alias, a condition
    first = given[position]
    raw = place.source(first.start_byte, min(first.end_byte, first.start_byte + 300))
    if lower in ("update", "delete") and raw.endswith("::class"):
        return _made(place, "bulk", lower, tables=(place.file.names.resolve(raw.removesuffix("::class")),))
    named = value(first)
    if named.dynamic or not named.text:
        return None
    if lower in ("update", "delete") and re.fullmatch(r"\\?\w+(?:\\{1,2}\w+)+", named.text):
        return _made(place, "bulk", lower, tables=(named.text.replace("\\\\", "\\").lstrip("\\"),))
    if not _IDENTIFIER.match(named.text):
        return None
    if not known.BUILDER.search(_receiver(place) + _assigned(place)):
        return None
    return _made(place, "table", lower, _chain(place), tables=(named.text,))


def _of_entities(place: Place, third: Node) -> bool:
    """``innerJoin('s.courriers', 'c', 'WITH', …)``: a join of the entity manager, which names no table."""
    return place.source(third.start_byte, third.end_byte)[:80].strip("'\"").upper().endswith(("WITH", "::ON"))


def _chain(place: Place) -> str:
    """String literals of the whole chain of calls, and of the other chains on the variable that keeps the builder."""
    outer, inner, above = place.node, place.node, list(place.above)
    while above and above[-1].type in _CHAINED:
        outer = above.pop()
    for _ in range(_MAX_CHAIN):
        below = inner.child_by_field_name("object")
        if below is None or below.type not in _CALLS:
            break
        inner = below
    source = place.source(outer.start_byte, min(outer.end_byte, outer.start_byte + NEAR_BYTES))
    keeper = inner.child_by_field_name("object")
    if above and above[-1].type == "assignment_expression":
        keeper = above[-1].child_by_field_name("left")
    if keeper is not None and keeper.type == "variable_name" and text(keeper) != "$this":
        others = re.findall(re.escape(text(keeper)[:80]) + r"\s*->[^;]{1,2000};", place.around())
        source = " ".join([source, *others[:20]])
    return " ".join(f"«{a or b}»" for a, b in _LITERAL.findall(source))[:_MAX_TEXT]


def _sent(place: Place, name: str, sent: Iterable[str]) -> DataSite:
    sql = next((s for s in sent if known.LOOKS_SQL.match(s)), "")
    return _made(place, "sql" if sql else "opaque", name, " ".join(sql.split()))


def _text(place: Place, argument: Node) -> str:
    """The literal text of an argument, the class's own constants included."""
    inner = argument.named_children[-1] if argument.named_children else argument
    if inner.type != "class_constant_access_expression" or not text(inner).startswith(("self::", "static::")):
        return value(argument).text
    name = re.escape(text(inner).partition("::")[2].encode())
    declared = re.search(rb"\bconst\b[^=;]{0,80}\b" + name + rb"\s*=\s*", place.file.content)
    there = None if declared is None else at(place.file, declared.end(), declared.end() + 1)
    element = None if there is None else there.nearest(_CONSTANTS)
    return "" if element is None else value(element.named_children[-1]).text


def _made(place: Place, kind: str, method: str = "", sent: str = "", *, tables: tuple[str, ...] = ()) -> DataSite:
    named = place.node.child_by_field_name("name") or place.node
    line = named.start_point.row + 1  # the method's own: a chain over several lines has as many places
    return DataSite(
        line=line,
        kind=kind,
        method=method[:80],
        text=sent[:_MAX_TEXT],
        reads=reads(sent) if kind == "sql" else (),
        tables=tables,
        symbol=place.symbol(),
        reason=place.said(_REASON, line),
        excerpt=place.file.excerpt(line),
    )


def arguments(node: Node) -> list[Node]:
    """The arguments of a call."""
    listed = node.child_by_field_name("arguments")
    return [] if listed is None else [a for a in listed.named_children if a.type == "argument"]


EXTRACTOR: Final = Extractor(asks=known.PATTERNS, finish=_finish)
