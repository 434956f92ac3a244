"""Procès-verbaux de recette as the DC2R records them (``AcceptanceReport``), in the order that the gate reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from amcloud.stages.gate import Acceptance
from amcloud.stages.objects.operations import Object

POSITIVE: Final = "Positive"
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def of(app: str, found: Iterable[Object]) -> tuple[Acceptance, ...]:
    """What was signed of ``app``, oldest first; of two signed at the same moment, the negative one is the later.

    Doubt is no permission: one whose outcome or date cannot be read is negative, and the last.
    """
    signed = [_read(spec) for one in found if isinstance(spec := one.get("spec"), Mapping) and spec.get("app") == app]
    return tuple(acceptance for _, _, acceptance in sorted(signed, key=lambda one: one[:2]))


def _read(spec: Mapping[str, Any]) -> tuple[datetime, bool, Acceptance]:
    try:
        at = datetime.fromisoformat(str(spec.get("signedTime")))
        positive = spec.get("outcome") == POSITIVE and at.tzinfo is not None
    except ValueError:
        at, positive = _LAST, False
    moment = at if at.tzinfo else _LAST
    return moment, not positive, Acceptance(str(spec.get("commit", "")), positive)
