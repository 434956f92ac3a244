"""What each instance of the fleet costs: its size's yearly price (``sizes.yaml``). What serves counts as it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from amcloud.errors import InvalidManifestError
from amcloud.stages.declared.app import App, Size, Stage, StageName, Track
from amcloud.stages.objects.operations import Object


@dataclass(frozen=True, slots=True)
class Instance:
    """One application at one stage, as declared and as it serves."""

    organisation: str
    """3-digit code of the owning organisation."""
    namespace: str
    """Namespace of its LocalApp."""
    app: str
    track: Track
    stage: StageName
    asked: Size
    held: Size | None
    """Size of what serves; ``None`` when nothing was ever put in service."""
    since: str
    """When its LocalApp was made (RFC 3339, so that text order is time's)."""
    asked_euros: int | None
    """Yearly price of what is asked for; ``None`` when the table has none."""
    held_euros: int
    """Yearly price of what serves; 0 when nothing does."""

    @property
    def key(self) -> tuple[str, str, StageName]:
        """Identity in the fleet."""
        return self.namespace, self.app, self.stage

    @property
    def growth(self) -> int:
        """Euros a year that what is asked for costs more than what serves; negative when it costs less."""
        return (self.asked_euros or 0) - self.held_euros


def instances(
    found: Iterable[Object], parse: Callable[[Object], App], sizes: Mapping[str, Mapping[str, Any]]
) -> tuple[Instance, ...]:
    """Every instance that these LocalApps ask for; those that cannot be read, or are being deleted, ask for none."""
    return tuple(one for manifest in found for one in _of(manifest, parse, sizes))


def _of(found: Object, parse: Callable[[Object], App], sizes: Mapping[str, Mapping[str, Any]]) -> Iterator[Instance]:
    try:
        app = parse(found)
    except InvalidManifestError:
        return
    if app.track is Track.HORS_STANDARD or app.deleting:
        return
    served = {one.get("name"): one for one in (found.get("status") or {}).get("stages") or ()}
    for stage in app.stages:
        held = held_size(app, stage, served.get(stage.name.value) or {})
        yield Instance(
            organisation=app.owner,
            namespace=app.namespace,
            app=app.name,
            track=app.track,
            stage=stage.name,
            asked=app.size(stage),
            held=held,
            since=str(found["metadata"].get("creationTimestamp") or ""),
            asked_euros=price(app.size(stage), sizes),
            held_euros=(price(held, sizes) or 0) if held else 0,
        )


def held_size(app: App, stage: Stage, entry: Mapping[str, Any]) -> Size | None:
    """Size that serves, as the stage's entry in the status says; what is asked for, where an older one did not say."""
    if not entry.get("deployedCommit"):
        return None
    known = entry.get("size")
    return Size(known) if known in set(Size) else app.size(stage)


def price(size: Size, sizes: Mapping[str, Mapping[str, Any]]) -> int | None:
    """Euros a year of one instance of that size, ``None`` when the table tells none."""
    found = sizes.get(size, {}).get("yearlyEuros")
    return found if isinstance(found, int) and found >= 0 else None
