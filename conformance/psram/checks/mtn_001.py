"""MTN-001: one database serves all organisations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, entries, ignored, outcome
from psram.facts import Facts
from psram.index import data_code, marks, php_files
from psram.model import Context, Finding, Outcome

_CONNECTION = re.compile(r"^(?:when@prod\.)?doctrine\.dbal\.connections\.([^.]+)\.")
_DATABASE_ENV = re.compile(r"env\((?:[a-z_]+:)*([A-Z0-9_]*DATABASE_URL[A-Z0-9_]*)\)")
_DRIVERS = frozenset({"pdo", "mysqli", "sqlite3"})
_SEARCHED = re.compile(
    r"\b(?:set\s+(?:session\s+|local\s+)?(?:search_path|schema)\b|set_config\s*\(\s*'search_path')", re.I
)
_OWN_SCHEMA = re.compile(
    r"\s*set\s+(?:session\s+|local\s+)?search_path\s*(?:=|\bto\b)\s*(?:(?:public|default|pg_catalog|'public'|\"public\""
    r"|\"\$user\")\s*,?\s*)+;?\s*$",
    re.I,
)
_TEMPLATED = re.compile(r"^(?:when@prod\.)?doctrine\.dbal\.(?:.*\.)?(?:dbname|url)$")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a second connection, a database name made at run time, or a connection opened by hand."""
    return outcome(dict.fromkeys([*_configured(facts, params), *_dotenv(facts, params), *_opened(facts, params)]))


def _configured(facts: Facts, params: Params) -> Iterator[Finding]:
    names: set[str] = set()
    for file, entry in entries(facts, "config/", ".yaml", ".yml"):
        connection = _CONNECTION.match(entry.path)
        if connection is not None:
            names.add(connection[1])
            if len(names) > 1:
                said = f"plusieurs connexions à des bases : {', '.join(sorted(names))}"
                yield Finding(said, file.path, entry.line)
                return
        variable = _DATABASE_ENV.search(entry.value)
        if variable is not None and variable[1] not in params["variables"]:
            yield Finding(f"la base vient de {variable[1]} et non de DATABASE_URL", file.path, entry.line)
        elif _TEMPLATED.match(entry.path) and re.search(r"%(?!env\()[^%]*organi[sz]", entry.value, re.IGNORECASE):
            yield Finding("le nom de la base dépend de l'organisme", file.path, entry.line)


def _dotenv(facts: Facts, params: Params) -> Iterator[Finding]:
    for file, entry in entries(facts, ".env"):
        if "DATABASE_URL" in entry.path and entry.path not in params["variables"]:
            yield Finding(f"{entry.path} désigne une base de plus", file.path, entry.line)


def _opened(facts: Facts, params: Params) -> Iterator[Finding]:
    found = (*_called(facts, params), *_extended(facts), *_reached(facts))
    return (finding for finding in found if not ignored(finding.path, params))


def _called(facts: Facts, params: Params) -> Iterator[Finding]:
    for file, mark in marks(facts, "database-env"):
        if mark.detail or mark.name not in params["variables"]:
            named = f"d'une variable choisie à l'exécution ({mark.name}…)" if mark.detail else f"de {mark.name}"
            yield at(file, mark, f"la base vient {named} et non de DATABASE_URL")
    for file, mark in marks(facts, "static", "new", "call"):
        if mark.kind == "static" and mark.name.endswith("DriverManager::getconnection"):
            yield at(file, mark, "DriverManager::getConnection ouvre une connexion hors du Starter Kit")
        elif mark.kind == "new" and mark.name.lower() in _DRIVERS:
            yield at(file, mark, f"new {mark.name} ouvre une connexion hors du Starter Kit")
        elif mark.kind == "call" and mark.name in ("pg_connect", "pg_pconnect", "mysqli_connect"):
            yield at(file, mark, f"{mark.name} ouvre une connexion hors du Starter Kit")


def _extended(facts: Facts) -> Iterator[Finding]:
    for file, php in php_files(facts):
        for declaration in php.declarations:
            parent = next((p for p in declaration.parents if p.lower() in _DRIVERS), None)
            if parent is not None:
                said = f"{declaration.name} étend {parent} : une connexion hors du Starter Kit"
                yield Finding(said, file.path, declaration.line)


def _reached(facts: Facts) -> Iterator[Finding]:
    for file, php in data_code(facts):
        for site in php.access:
            if site.kind == "connect":
                said = f"{site.method} ouvre une connexion hors du Starter Kit"
                yield Finding(said, file.path, site.line, excerpt=site.excerpt)
            elif site.kind == "sql" and _SEARCHED.search(site.text) and not _OWN_SCHEMA.match(site.text):
                said = "search_path choisit un schéma : tous les organismes partagent les mêmes tables"
                yield Finding(said, file.path, site.line, excerpt=site.excerpt)
