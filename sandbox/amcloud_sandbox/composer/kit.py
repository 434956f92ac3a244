"""The Starter Kit's published versions, read from ``sandbox/starter-kit``.

The sources there are the newest version. ``versions.json`` lists every version with the files that it did not have
yet (``without``) and the folder of those that were different (``overlay``).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from amcloud_sandbox.composer.derive import Package

HOME = Path(__file__).resolve().parents[2] / "starter-kit"
_PUBLISHED = ("src", "config", "templates", "composer.json", "CHANGELOG.md", "README.md")


def versions() -> tuple[str, ...]:
    """Published versions, oldest first."""
    return tuple(_table())


def packages() -> tuple[Package, ...]:
    """All published versions as Composer packages, oldest first."""
    return tuple(_package(version) for version in versions())


def _table() -> dict[str, dict[str, object]]:
    table: dict[str, dict[str, object]] = json.loads((HOME / "versions.json").read_text(encoding="utf-8"))
    return table


@cache
def _package(version: str) -> Package:
    entry = _table()[version]
    left_out = entry.get("without", [])
    assert isinstance(left_out, list)
    files = {path: data for path, data in _read(HOME).items() if not any(path.startswith(gone) for gone in left_out)}
    overlay = entry.get("overlay")
    if overlay:
        files.update(_read(HOME / str(overlay)))
    manifest = {**json.loads(files.pop("composer.json")), "version": version}
    return Package(str(manifest["name"]), version, manifest, files)


def _read(root: Path) -> dict[str, bytes]:
    found = {}
    for top in _PUBLISHED:
        path = root / top
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                found[file.relative_to(root).as_posix()] = file.read_bytes()
    return found
