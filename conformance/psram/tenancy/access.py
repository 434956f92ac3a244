"""What each place that reaches the database beside Doctrine's entities can show of another organisation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from psram.facts import DataSite, Facts, FileFact
from psram.index import data_code
from psram.tenancy.entities import folded
from psram.tenancy.vocabulary import Vocabulary

UNREADABLE: Final = "?"
_OVERRIDE: Final = re.compile(
    r"set\s+(?:session\s+|local\s+)?(?:role|session\s+authorization|row_security)\b", re.IGNORECASE
)
_SETS: Final = re.compile(
    r"\bset_config\s*\(\s*(?!'(?!amcloud)[a-z_]+(?:\.[a-z_]+)?'\s*,)"
    r"|(?:^|;)\s*(?:/\*.*?\*/\s*)*set\b\s*+(?!(?:local\s+|session\s+)?(?:statement_timeout|lock_timeout|work_mem"
    r"|idle_in_transaction_session_timeout|time\s*zone|timezone|datestyle|intervalstyle|client_\w+|application_name"
    r"|search_path|transaction|characteristics|constraints|names|default_transaction_\w+"
    r"|sql_\w+|time_zone|lc_\w+|character\s+set|charset|foreign_key_checks|autocommit|profiling|dateformat)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""SQL that sets something else than a harmless setting, of PostgreSQL or of another database (the last line): a quoted
name, a parameter can be that of the organisation."""
_READS: Final = re.compile(r"current_setting\(\s*'[a-z_.]+'")
_BULK: Final = re.compile(r"(?:update|delete)\s+(?:from\s+)?\\?([\w\\]+)", re.IGNORECASE)


class Danger(Enum):
    """What a site can do."""

    HARMLESS = auto()  # touches no organisation's rows
    BOUND = auto()  # asks for one organisation; which one is to be proven
    UNSURE = auto()  # cannot be read, or goes around the kit's write guard
    LEAK = auto()  # can read or write the rows of all organisations
    SWITCH = auto()  # changes the current organisation, or takes the filter off


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the code, what it can do, on which tables, and why in French."""

    file: FileFact
    site: DataSite
    danger: Danger
    said: str
    tables: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """What it sends, shown in a few words."""
        return self.site.text[:160] or f"{self.site.method}({', '.join(self.site.tables)})"

    @property
    def to_prove(self) -> bool:
        """Whether an isolation test must cover it, or a comment justify it."""
        return self.danger in (Danger.BOUND, Danger.UNSURE)


def sites(
    facts: Facts, words: Vocabulary, tables: frozenset[str], classes: Mapping[str, tuple[str, ...]]
) -> Iterator[Site]:
    """All places of the application's code.

    ``tables`` hold rows of organisations; ``classes`` maps scoped entities (lower case) to their tables.
    """
    reader = _Reader(words, tables, classes)
    for file, php in data_code(facts):
        if not words.ignored(file.path):
            for site in php.access:
                danger, said, touched = reader.read(site)
                if danger is not Danger.HARMLESS:
                    yield Site(file, site, danger, said, touched)


_Reading = tuple[Danger, str, tuple[str, ...]]
_HARMLESS: Final[_Reading] = (Danger.HARMLESS, "", ())


@dataclass(frozen=True, slots=True)
class _Reader:
    words: Vocabulary
    tables: frozenset[str]
    classes: Mapping[str, tuple[str, ...]]

    def read(self, site: DataSite) -> _Reading:  # noqa: PLR0911  one line a kind of site
        match site.kind:
            case "sql":
                return self._sql(site)
            case "table":
                return self._builder(site)
            case "dql" | "bulk":
                return self._bulk(site)
            case "filter-off":
                return _switch(f"le filtre Doctrine {site.text} est désactivé : les organismes ne sont plus isolés")
            case "filter-parameter":
                return _switch("le code change lui-même l'organisme du filtre Doctrine")
            case "filter-added" if "amcloud_organisation" in site.text or "TenantFilter" in site.text:
                return _switch("le code remplace le filtre Doctrine du Starter Kit")
            case "manager":
                return _switch("un EntityManager ouvert hors du Starter Kit n'a pas son filtre")
            case "kit" if site.method in self.words.reserved:
                return _switch(f"le code change lui-même l'organisme courant ({site.method})")
            case "opaque":
                return Danger.UNSURE, "SQL natif qui ne se lit pas dans le code", ()
            case "handle":
                return Danger.UNSURE, "connexion PDO prise directement", ()
            case "flood":
                return Danger.UNSURE, "trop de requêtes dans ce fichier pour être toutes lues", ()
            case _:
                return _HARMLESS

    def _sql(self, site: DataSite) -> _Reading:
        written = _READS.sub("", site.text.lower())
        if self.words.setting in written or _OVERRIDE.search(site.text) or _SETS.search(site.text):
            return _switch("le code change lui-même l'organisme ou le rôle courant de la base")
        touched: dict[str, None] = {}
        leaking, unread = "", False
        for read in site.reads:
            known = [t for t in read.tables if t in self.tables]
            unread = unread or UNREADABLE in read.tables
            touched |= dict.fromkeys(known)
            if known and self.words.column not in read.bound:
                leaking = leaking or known[0]
        if leaking:
            return Danger.LEAK, self._leak("SQL natif", leaking), tuple(touched)
        if unread:
            return Danger.UNSURE, "SQL natif sur une table dont le nom est calculé", tuple(touched)
        if touched:
            return Danger.BOUND, f"SQL natif sur {_listed(touched)}, limité à un organisme", tuple(touched)
        return _HARMLESS

    def _leak(self, what: str, table: str) -> str:
        return f"{what} sur « {table} » sans condition sur {self.words.column} : il peut lire tous les organismes"

    def _builder(self, site: DataSite) -> _Reading:
        touched = tuple(t for t in (folded(name) for name in site.tables) if t in self.tables)
        if not touched:
            return _HARMLESS
        column = re.escape(self.words.column)
        compared = rf"\b{column}\s*=\s*(?:[:?$]|current_setting)"
        named = rf"«(?:\w+\.)?{column}»"
        if re.search(f"{compared}|{named}", site.text):
            return Danger.BOUND, f"requête DBAL sur {_listed(touched)}, limitée à un organisme", touched
        return Danger.LEAK, self._leak("requête DBAL", touched[0]), touched

    def _bulk(self, site: DataSite) -> _Reading:
        named = _BULK.match(site.text)
        names = [named[1]] if named is not None else list(site.tables)
        touched = tuple(t for name in names for t in self.classes.get(name.replace("\\\\", "\\").lower(), ()))
        if not touched:
            return _HARMLESS
        moved = re.search(rf"\bset\b.{{0,300}}\b{re.escape(self.words.column)}\s*=", site.text, re.IGNORECASE)
        if moved and named is not None:
            return Danger.LEAK, f"DQL qui change l'organisme de lignes de « {touched[0]} »", touched
        return Danger.UNSURE, f"modification en masse de « {touched[0]} », hors du garde d'écriture du kit", touched


def _switch(said: str) -> _Reading:
    return Danger.SWITCH, said, ()


def _listed(tables: Mapping[str, None] | tuple[str, ...]) -> str:
    return ", ".join(f"« {name} »" for name in list(tables)[:3])
