"""Identifiers of what reports contain: derived from content (uuid5), so that the same inputs give the same bytes.

Random identifiers would make two writings of one report differ, and an auditor could no longer compare them.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

from psram.model import Report
from psram.reports import canonical

NAMESPACE: Final = uuid.UUID("8a4b1a52-3a0f-5d1b-9b5e-6d1f2b7c9e01")
"""This engine's own; never changed, or every identifier would."""


def derived(*parts: str) -> str:
    """The uuid of these parts, in this order: the same everywhere and always."""
    return str(uuid.uuid5(NAMESPACE, "\0".join(parts)))


def of_report(report: Report, kind: str = "report") -> str:
    """The uuid of this very report, from the digest of its canonical JSON."""
    return derived(kind, hashlib.sha256(canonical.render(report)).hexdigest())
