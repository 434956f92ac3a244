"""What only the Starter Kit and the platform may do, done by the application in PHP.

Marks: ``tenant-set`` (the current organisation is set), ``tenant-setting`` (a text that changes PostgreSQL's setting),
``security-config`` (Symfony's security configured in PHP, which nobody reads), ``kit-alias`` (a class of the kit
renamed), ``sink`` (a text becomes a command, a template or native code; ``detail`` says which).
"""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile, function_calls, method_calls, static_calls
from psram.collect.php_values import value
from psram.collect.sieve import words

_CONTEXT: Final = "AmCloud\\StarterKit\\Tenancy\\TenantContext"
_SETTING: Final = re.compile(rb"amcloud\.organisation|\bset_config\b", re.IGNORECASE)
_READ_ONLY: Final = re.compile(r"current_setting\(\s*\\?['\"]amcloud\.organisation", re.IGNORECASE)
_OTHER_SETTING: Final = re.compile(
    r"set_config\s*\(\s*\\?['\"](?!amcloud)[a-z_]+(?:\.[a-z_]+)?\\?['\"]\s*,", re.IGNORECASE
)
_SECURITY: Final = re.compile(
    rb"(?:extension|loadFromExtension|prependExtensionConfig)\s{0,20}\(\s{0,20}['\"]security['\"]"
    rb"|\\Config\\SecurityConfig\b",
    re.IGNORECASE,
)
_NOT_ESCAPED: Final = re.compile(
    rb"(autoescape|setDefaultStrategy)(?:(['\"])\s{0,20}=>\s{0,20}|\s{0,20}\(\s{0,20})(?:\\?false|null|0|''|\"\")\s{0,20}[,\])]",
    re.IGNORECASE,
)
_LOADERS: Final = frozenset({"cdef", "load", "scope"})
_METHOD_CALLS: Final = ("member_call_expression", "nullsafe_member_call_expression")
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "cmd"})
_LITERALS: Final = frozenset({"string_content", "nowdoc_string", "heredoc_body", "escape_sequence"})


def _tenant_set(file: PhpFile) -> None:
    """``set`` called on what is declared as the kit's context, or taken from the container."""
    aliases = {alias for alias, full in file.names.imports.items() if full.lower() == _CONTEXT.lower()}
    written = "|".join(re.escape(name) for name in sorted({*aliases, "tenantcontext"}))
    source = file.lower.decode("utf-8", "replace")
    held = set(re.findall(rf"(?:{written})\s+(?:&\s*)?\$(\w+)", source))
    receivers = "|".join([rf"(?:{written})::class\s*\)", *(rf"[$>]{re.escape(name)}" for name in sorted(held))])
    for found in re.finditer(rf"(?:{receivers})\s*\)?\s*\??->\s*(set)\s*\(".encode(), file.lower):
        node = file.root.descendant_for_byte_range(found.start(1), found.end(1))
        if node is not None and node.type == "name":
            file.mark(node, "tenant-set", "TenantContext::set")


def _security(file: PhpFile) -> None:
    for found in _SECURITY.finditer(file.content):
        node = file.root.descendant_for_byte_range(found.start(), found.start() + 1)
        if node is not None and node.type not in ("comment", *_LITERALS):
            file.mark(node, "security-config", "security")


def _settings(file: PhpFile) -> None:
    seen: set[int] = set()
    for found in _SETTING.finditer(file.content):
        node = file.root.descendant_for_byte_range(found.start(), found.end())
        if node is None or node.type not in _LITERALS or node.id in seen:
            continue
        seen.add(node.id)
        source = text(node.parent if node.parent is not None and node.parent.type != "program" else node)[:4000]
        left = _OTHER_SETTING.sub("", _READ_ONLY.sub("", source))
        if _SETTING.search(left.encode()):
            file.mark(node, "tenant-setting", found[0].decode("ascii", "replace").lower())


def _shell_line(file: PhpFile, node: Node) -> None:
    given = _arguments(node)
    if text(node.child_by_field_name("name")).lower() == "fromshellcommandline" and given and value(given[0]).dynamic:
        file.mark(node, "sink", "fromShellCommandline", "une valeur est collée dans une commande du système")


def _native(file: PhpFile, node: Node) -> None:
    name = text(node.child_by_field_name("name")).lower()
    if name in _LOADERS and _owner(file, node) == "ffi":
        file.mark(node, "sink", f"FFI::{name}", "du code natif est chargé")


def _owner(file: PhpFile, node: Node) -> str:
    return file.names.resolve(text(node.child_by_field_name("scope"))).lower().rpartition("\\")[2]


def _function(file: PhpFile, node: Node) -> None:
    function = node.child_by_field_name("function")
    if function is None or text(function).lower().rpartition("\\")[2] != "class_alias":
        return
    given = _arguments(node)
    named = value(given[1]).text.lower().replace("\\\\", "\\").lstrip("\\ ") if len(given) > 1 else ""
    if given and (named.startswith(("amcloud", "doctrine")) or value(given[1] if len(given) > 1 else given[0]).dynamic):
        file.mark(node, "kit-alias", named[:80])


def _method(file: PhpFile, node: Node) -> None:
    if text(node.child_by_field_name("name")).lower() == "createtemplate":
        given = _arguments(node)
        if given and value(given[0]).dynamic:
            file.mark(node, "sink", "createTemplate", "un texte reçu devient un gabarit Twig, donc du code")


def _process(file: PhpFile, node: Node) -> None:
    """``new Process(['sh', '-c', $x])``: a shell reads what is pasted."""
    named = next((text(c) for c in node.named_children if c.type in ("name", "qualified_name")), "")
    given = _arguments(node)
    if named.rpartition("\\")[2].lower() != "process" or not given:
        return
    words_given = [
        value(e) for e in given[0].named_children[-1].named_children if e.type == "array_element_initializer"
    ]
    head = [w.text.rpartition("/")[2].strip() for w in words_given[:3]]
    told = next((place for place, w in enumerate(head) if w in ("-c", "/c", "-lc", "-ec")), 0)
    if _SHELLS.intersection(head[:told]) and any(w.dynamic for w in words_given[told + 1 : told + 2]):
        file.mark(node, "sink", "Process", "une valeur est collée dans une commande que lit un interpréteur (sh -c)")


def _unescaped(file: PhpFile) -> None:
    for found in _NOT_ESCAPED.finditer(file.content):
        node = file.root.descendant_for_byte_range(found.start(1), found.start(1) + 1)
        if node is not None and (node.type == "name" or (found[2] and node.type in _LITERALS)):
            file.mark(node, "sink", found[1].decode("ascii"), "Twig n'échappe plus rien de ce qu'il affiche")


def _arguments(node: Node) -> list[Node]:
    listed = next((c for c in node.named_children if c.type == "arguments"), None)
    return [] if listed is None else [a for a in listed.named_children if a.type == "argument"]


EXTRACTOR: Final = Extractor(
    nodes_at={
        static_calls({"fromshellcommandline"}): {"scoped_call_expression": _shell_line},
        static_calls(_LOADERS): {"scoped_call_expression": _native},
        function_calls({"class_alias"}): {"function_call_expression": _function},
        method_calls({"createtemplate"}): dict.fromkeys(_METHOD_CALLS, _method),
    },
    nodes_if={rb"(?i)\bprocess\b": {"object_creation_expression": _process}},
    finish_if={
        words(b"tenantcontext"): _tenant_set,
        words(b"autoescape", b"setdefaultstrategy"): _unescaped,
        words(b"amcloud.organisation", b"set_config"): _settings,
        words(b"'security'", b'"security"', b"securityconfig"): _security,
    },
)
