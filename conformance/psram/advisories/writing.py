"""Writes a database as one JSON file: read back in a few milliseconds, whatever form it came from."""

from __future__ import annotations

import msgspec

from psram.advisories.database import Database


def dump(database: Database) -> bytes:
    """The database in the JSON form, the same bytes for the same content.

    Raises:
        BadEntryError: an entry of the tree is damaged.
    """
    advisories = {
        name: [
            {
                "packageName": name,
                "advisoryId": a.id,
                "cve": a.id if a.id.startswith("CVE-") else None,
                "title": a.title,
                "affectedVersions": "|".join(a.affected),
                "link": a.link,
                "reportedAt": None if a.reported_on is None else a.reported_on.isoformat(),
                "severity": a.severity or None,
            }
            for a in sorted(entries())
        ]
        for name, entries in sorted(database.packages.items())
    }
    content = {"dated": database.dated, "advisories": advisories, "corrections": database.corrections}
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
