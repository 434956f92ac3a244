"""The JSON form: what Packagist's API answers, with an optional date and corrections of a distribution."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Any, Final

import msgspec

from psram.advisories.database import Correction, Database, Entries
from psram.malformed import fault
from psram.proofs import Advisory

MAX_TEXT: Final = 300
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    """One advisory as Packagist gives it; fields that are of no use here are left aside."""

    affected_versions: str
    advisory_id: str = ""
    package_name: str = ""
    title: str | None = None
    cve: str | None = None
    link: str | None = None
    reported_at: str | None = None
    severity: str | None = None
    remote_id: str | None = None


_Records = list[_Record] | dict[str, _Record]


class _File(msgspec.Struct, frozen=True):
    advisories: dict[str, _Records] | list[Any]  # PHP writes an empty map as a list
    dated: date | None = None
    corrections: tuple[Correction, ...] = ()


def load(content: bytes, source: str) -> Database:
    """The database of a JSON file."""
    try:
        file = msgspec.json.decode(content, type=_File)
    except msgspec.ValidationError as error:
        return _unusable(source, f"elle n'a pas la forme attendue ({fault(error).said()})")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _unusable(source, f"ses {len(content)} octets ne sont pas du JSON complet (fichier coupé ou corrompu)")
    listed = {} if isinstance(file.advisories, list) else file.advisories
    packages = {name.lower(): _advisories(name.lower(), records) for name, records in listed.items()}
    known = [advisory for found in packages.values() for advisory in found]
    dated = file.dated or max((a.reported_on for a in known if a.reported_on is not None), default=None)
    if not known:
        return _unusable(source, "elle est vide")
    if any(not a.affected for a in known):
        return _unusable(source, "un de ses avis ne touche aucune version")
    if dated is None:
        return _unusable(source, "elle ne porte aucune date")
    return Database(
        source=source,
        digest="sha256:" + hashlib.sha256(content).hexdigest(),
        dated=dated,
        size=len(known),
        packages={name: _ready(found) for name, found in packages.items()},
        corrections=file.corrections,
    )


def _ready(found: tuple[Advisory, ...]) -> Entries:
    return lambda: found


def _advisories(package: str, records: _Records) -> tuple[Advisory, ...]:
    listed = list(records.values()) if isinstance(records, dict) else records
    return tuple(
        Advisory(
            package=package,
            id=(r.cve or r.remote_id or r.advisory_id or "sans identifiant")[:MAX_TEXT],
            title=(r.title or "")[:MAX_TEXT],
            affected=tuple(part.strip() for part in r.affected_versions.split("|") if part.strip()),
            link=(r.link or "")[:MAX_TEXT],
            reported_on=day(r.reported_at),
            severity=(r.severity or "")[:MAX_TEXT],
        )
        for r in listed
    )


def day(text: object) -> date | None:
    """The day that a text or a date starts with; ``None`` when it starts with none."""
    found = _DAY.match(str(text)) if text is not None else None
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def _unusable(source: str, why: str) -> Database:
    return Database(source=source, problem=f"la base d'avis de sécurité est inutilisable : {why}")
