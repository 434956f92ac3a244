"""SYM-003: agents sign in through the Starter Kit, everywhere: nothing opens an address or adds another way in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, entries, ignored, outcome, unknown
from psram.facts import Entry, Facts, FileFact
from psram.index import marks
from psram.model import Context, Finding, Outcome

_FIREWALL = re.compile(r"^security\.firewalls\.([\w-]+)\.(.+)$")
_ACCESS = re.compile(r"^security\.access_control\[(\d+)\]\.(path|roles?|allow_if)(\[\d+\])?$")
_ROUTE_DEFAULT = re.compile(r"(^|\.)_amcloud_public$")
_FALSE = re.compile(r"(0|false|no|off|~|null|)$", re.IGNORECASE)
_LOADED = re.compile(r"config/(services|routes|routing)[^/]*\.xml$|config/(packages|routes|routing|services)/")
_RESOURCE = re.compile(r"^(?!services\.)(?:.*\.)?(?:resource|imports\[\d+\])$")
_STAGE = re.compile(r"^when@(dev|test)\.")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a public route, a firewall that is off or signs in by other means, a kit service replaced."""
    listed = [(f, e) for f, e in entries(facts, "", ".yaml", ".yml") if _counts(f, e, params)]
    found = [*_routes(facts, listed, params), *_security(listed, params), *_services(listed, params)]
    if found:
        return outcome(found)
    hidden = [f for f in facts.files if _hides(f, facts, params)]
    if hidden:
        said = "la configuration de la sécurité et des services en YAML, que la plateforme sait lire"
        return unknown(said, [Finding("configuration dans un format qui n'est pas analysé", f.path) for f in hidden])
    return outcome([])


def _hides(file: FileFact, facts: Facts, params: Params) -> bool:
    """Whether it can hold configuration that is not read: an XML file that nothing loads or names holds none."""
    if not (file.path.startswith("config/") and file.path.endswith(tuple(params["unread"]))):
        return False
    if not file.path.endswith(".xml") or _LOADED.match(file.path):
        return True
    imported = (entry.value for _f, entry in entries(facts, "", ".yaml", ".yml") if _RESOURCE.search(entry.path))
    named = (mark.name for _f, mark in marks(facts, "xml-name"))
    return any(_can_be(value, file.path) for value in (*imported, *named))


def _can_be(value: str, path: str) -> bool:
    """Whether a path written somewhere can be that file, by name, by pattern or as one of its folders."""
    last = value.rstrip("/").rpartition("/")[2]
    if any(sign in last for sign in "*{?%[") or last in ("", ".", "..", ".xml"):
        return True
    return f"/{path}/".find(f"/{last}/") >= 0


def _counts(file: FileFact, entry: Entry, params: Params) -> bool:
    """Whatever the folder: the configuration can import any file."""
    return not _other_stage(file, entry) and not ignored(file.path, params)


def _other_stage(file: FileFact, entry: Entry) -> bool:
    return (
        _STAGE.match(entry.path) is not None or re.match(r"config/(packages|routes)/(dev|test)/", file.path) is not None
    )


def _routes(facts: Facts, listed: list[tuple[FileFact, Entry]], params: Params) -> Iterator[Finding]:
    said = "une adresse est ouverte sans connexion (_amcloud_public)"
    for file, mark in marks(facts, "public-route", "security-config", "kit-alias", "kit-security"):
        if ignored(file.path, params):
            continue
        if mark.kind == "public-route":
            yield at(file, mark, said)
        if mark.kind == "security-config":
            yield at(file, mark, "la sécurité est configurée en PHP : elle ne peut pas être vérifiée")
        if mark.kind == "kit-alias":
            yield at(file, mark, f"class_alias peut remplacer une classe du Starter Kit ({mark.name})")
        if mark.kind == "kit-security":
            yield at(file, mark, f"{mark.name} du Starter Kit est manipulé par l'application")
    for file, entry in listed:
        if _ROUTE_DEFAULT.search(entry.path) and not _FALSE.match(entry.value):
            yield Finding(said, file.path, entry.line)


def _security(listed: list[tuple[FileFact, Entry]], params: Params) -> Iterator[Finding]:
    guarded: list[tuple[FileFact, Entry]] = []
    for file, written in listed:
        entry = Entry(written.path.removeprefix("when@prod."), written.value, written.line)
        firewall = _FIREWALL.match(entry.path)
        if firewall is None:
            continue
        name, key = firewall[1], firewall[2]
        if name in params["open_firewalls"]:
            yield from _open(file, name, key, entry, params)
            continue
        guarded.append((file, entry))
        if key == "security" and _FALSE.match(entry.value):
            yield Finding(f"le pare-feu « {name} » est désactivé (security: false)", file.path, entry.line)
        means = re.split(r"[.\[]", key)[0]
        if means in params["foreign_authenticators"] and entry.value.lower() != "false":
            yield Finding(f"le pare-feu « {name} » connecte par {means}, et non par le kit", file.path, entry.line)
        if means in ("custom_authenticator", "custom_authenticators") and not entry.value.startswith(params["kit"]):
            yield Finding(f"authentificateur étranger au kit : {entry.value}", file.path, entry.line)
    rules = _access(listed)
    yield from _open_paths(rules, params)
    if guarded and not any(_denies_all(rule) for rule in rules.values()):
        file, entry = guarded[0]
        said = "access_control ne refuse pas par défaut : terminez par {path: ^/, roles: IS_AUTHENTICATED_FULLY}"
        yield Finding(said, file.path, entry.line)


def _open(file: FileFact, name: str, key: str, entry: Entry, params: Params) -> Iterator[Finding]:
    """The firewall of Symfony's tools may be off, for their addresses only."""
    if key == "pattern" and entry.value not in params["open_patterns"]:
        yield Finding(f"le pare-feu « {name} » laisse passer « {entry.value} »", file.path, entry.line)


_Rule = dict[str, tuple[FileFact, Entry]]


def _access(listed: list[tuple[FileFact, Entry]]) -> dict[tuple[str, str], _Rule]:
    rules: dict[tuple[str, str], _Rule] = {}
    for file, entry in listed:
        found = _ACCESS.match(entry.path.removeprefix("when@prod."))
        if found is not None:
            rules.setdefault((file.path, found[1]), {})[found[2].removesuffix("s")] = (file, entry)
    return rules


def _open_paths(rules: dict[tuple[str, str], _Rule], params: Params) -> Iterator[Finding]:
    for rule in rules.values():
        role, path = rule.get("role"), rule.get("path")
        if role is None or role[1].value not in params["public_roles"]:
            continue
        where = "" if path is None else path[1].value
        if where not in params["public_paths"]:
            yield Finding(f"access_control ouvre « {where or 'toute adresse'} » à tous", role[0].path, role[1].line)


def _denies_all(rule: _Rule) -> bool:
    path, role = rule.get("path"), rule.get("role")
    catches_all = path is None or path[1].value in ("^/", "^/.*", "/", "^")
    return catches_all and role is not None and role[1].value.startswith(("ROLE_", "IS_AUTHENTICATED_FULLY"))


def _services(listed: list[tuple[FileFact, Entry]], params: Params) -> Iterator[Finding]:
    """Services of the kit's security that the application defines again, decorates or removes."""
    kit = str(params["kit"])
    seen: set[tuple[str, int]] = set()
    for file, entry in listed:
        key = entry.path.removeprefix("when@prod.")
        again = key.startswith(f"services.{kit}") or (key.endswith(".decorates") and entry.value.startswith(kit))
        if again and (file.path, entry.line) not in seen:
            seen.add((file.path, entry.line))
            yield Finding("un service de sécurité du Starter Kit est remplacé", file.path, entry.line)
