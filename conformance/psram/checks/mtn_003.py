"""MTN-003: isolation in depth. PostgreSQL's row level security guards every tenant table, and no code goes around it.

Doctrine's filters alone are not enough: native SQL bypasses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.checks import Params
from psram.checks.common import at, entries, outcome, unknown
from psram.facts import Facts
from psram.index import marks
from psram.model import Context, Finding, Outcome
from psram.tenancy import vocabulary
from psram.tenancy.access import Danger
from psram.tenancy.analysis import Analysis, of
from psram.tenancy.guards import problems
from psram.tenancy.schema import Said
from psram.wording import counted

_SERVICE: Final = re.compile(r"^(?:when@[\w-]+\.)?services\.((?:\w+\\)+\w+)")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an unguarded tenant table, a disabled filter, native SQL without the tenant or a changed tenant."""
    analysis = of(facts, vocabulary.of(params))
    schema = analysis.schema
    code = [*_code(analysis), *_marked(facts, analysis), *_services(facts, params)]
    found = [*map(_said, schema.escapes), *code, *_nothing(analysis), *_tables(analysis)]
    if schema.doubts and not schema.escapes and not code:
        missing = "une migration qui se lit : écrivez-la en SQL simple, hors de tout bloc DO ou fonction"
        return unknown(missing, [*map(_said, schema.doubts), *found])
    return outcome(dict.fromkeys(found))


def _said(said: Said) -> Finding:
    return Finding(said.text, said.place.path, said.place.line)


def _nothing(analysis: Analysis) -> Iterator[Finding]:
    """An application where nothing at all is isolated is told so once; the other rules name what to begin with."""
    loose = [*analysis.undeclared()]
    tables = [*analysis.unknown_tables(), *analysis.loose_tables()]
    if not analysis.tenant_tables and (loose or tables):
        what = f"{counted(len(loose), 'entité')}, {counted(len(tables), 'table')} sans entité"
        said = f"aucune table n'est cloisonnée par organisme ({what})"
        yield Finding(said)


def _tables(analysis: Analysis) -> Iterator[Finding]:
    for entity in analysis.scoped:
        if analysis.table_of(entity) is None:
            said = f"aucune migration ne crée la table « {analysis.tables_of(entity)[0]} » de l'entité {entity.short}"
            yield Finding(said, entity.file.path, entity.declaration.line)
    schema = analysis.schema
    for name in sorted(analysis.tenant_tables & schema.tables.keys()):
        table = schema.tables[name]
        lacking = list(problems(table, analysis.words, tenant=schema.tenant(name)))
        if lacking:
            yield Finding(f"table « {name} » : {' ; '.join(lacking)}", table.place.path, table.place.line)


def _code(analysis: Analysis) -> Iterator[Finding]:
    for site in analysis.sites:
        if site.danger in (Danger.LEAK, Danger.SWITCH):
            yield Finding(site.said, site.file.path, site.site.line, excerpt=site.site.excerpt)


def _marked(facts: Facts, analysis: Analysis) -> Iterator[Finding]:
    """The kit's current organisation set by the code, and texts that change it in PostgreSQL wherever they are sent."""
    told = {(s.file.path, s.site.line) for s in analysis.sites if s.danger is Danger.SWITCH}
    for file, mark in marks(facts, "tenant-set", "tenant-setting"):
        if (file.path, mark.line) not in told and not analysis.words.ignored(file.path):
            yield at(file, mark, f"le code change lui-même l'organisme courant ({mark.name})")


def _services(facts: Facts, params: Params) -> Iterator[Finding]:
    """The kit's services, or Doctrine's, that the configuration replaces: the filter and the guard go with them."""
    reserved = tuple(str(name).lower() for name in params.get("reserved_services", ()))
    for file, entry in entries(facts, "config/", ".yaml", ".yml"):
        found = _SERVICE.match(entry.path)
        if found is not None and found[1].lower().startswith(reserved):
            yield Finding(f"le service {found[1]} du Starter Kit est remplacé", file.path, entry.line)
