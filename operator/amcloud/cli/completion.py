"""Values that the shell completes: rules, packs and formats, each with what it is."""

from __future__ import annotations

from collections.abc import Iterator


def rules(incomplete: str) -> Iterator[tuple[str, str]]:
    """Rule ids of the current norms."""
    from psram import packs

    yield from _starting(incomplete.upper(), ((rule.id, rule.title) for rule in packs.load().rules))


def pack_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Packs that come with the engine."""
    from psram import packs

    yield from _starting(incomplete, ((name, packs.load(name).title) for name in packs.available()))


def formats(incomplete: str) -> Iterator[tuple[str, str]]:
    """Forms of a report."""
    from psram.reports import FORMATS

    yield from _starting(incomplete, ((each.name, each.title) for each in FORMATS.values()))


def app_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Applications of the fleet, where a cluster can be reached; nothing otherwise."""
    from amcloud.clients import desk
    from amcloud.clients.local_apps import LocalApps
    from amcloud.errors import AmcloudError

    try:
        listed = LocalApps(desk.api()).all()
    except AmcloudError:
        return
    known = ((str(one["metadata"]["name"]), str((one.get("spec") or {}).get("title", ""))) for one in listed)
    yield from _starting(incomplete, known)


def _starting(incomplete: str, values: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((value, said) for value, said in values if value.startswith(incomplete))
