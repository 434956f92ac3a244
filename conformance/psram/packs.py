"""Loads norm packs: rules as data, checked as a whole, named by the digest of their content.

A pack is a folder: ``pack.yaml``, ``rules/<ID>.yaml``, and ``digest`` once it is sealed (a sealed pack never changes;
``python -m psram.packs seal NAME`` writes the digest of a draft).
"""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from psram.errors import PackError, UsageError
from psram.rules import DecidedBy, Pack, Rule, Track

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_BYTES: Final = 1024 * 1024
DEFAULT: Final = "psram-2026.1"


def folder() -> Path:
    """Where the packs lie: inside the wheel, else in the checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_packs"
    return installed if installed.is_dir() else here.parent / "packs"


def available() -> tuple[str, ...]:
    """Names of the packs that come with the engine, oldest first."""
    return tuple(sorted(p.parent.name for p in folder().glob("*/pack.yaml")))


def load(name_or_path: str = DEFAULT) -> Pack:
    """The pack of that name, or in that folder.

    Raises:
        UsageError: no such pack.
        PackError: unreadable, incoherent, or other than what its digest sealed.
    """
    path = Path(name_or_path) if "/" in name_or_path else folder() / name_or_path
    if not (path / "pack.yaml").is_file():
        raise UsageError(f"le pack « {name_or_path} » n'existe pas ; packs connus : {', '.join(available())}")
    return _load(path.resolve())


@cache
def _load(path: Path) -> Pack:
    head = _yaml(path / "pack.yaml")
    rules = [_yaml(file) for file in sorted((path / "rules").glob("*.yaml"))]
    digest = _digest({"pack": head, "rules": rules})
    sealed = path / "digest"
    if sealed.is_file() and sealed.read_text("ascii").strip() != digest:
        raise PackError(f"le pack {path.name} ne correspond plus à son empreinte : il a été modifié après publication")
    try:
        pack = msgspec.convert({**head, "rules": rules, "digest": digest, "sealed": sealed.is_file()}, Pack)
    except msgspec.ValidationError as error:
        raise PackError(f"le pack {path.name} est mal formé : {error}") from error
    _check(pack)
    return pack


def _yaml(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise PackError(f"{file.name} dépasse 1 Mio")
        content = yaml.load(file.read_text("utf-8"), Loader=_LOADER)  # noqa: S506  the safe loader, in C
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PackError(f"{file.name} ne peut pas être lu : {error}") from error
    if not isinstance(content, dict):
        raise PackError(f"{file.name} n'est pas un objet")
    return content


def _digest(content: object) -> str:
    """``sha256:…`` of the content in canonical JSON: neither layout nor comments of the YAML count."""
    canonical = msgspec.json.encode(content, order="deterministic")
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def _check(pack: Pack) -> None:
    """Refuse a pack that could not be judged with.

    Raises:
        PackError: a duplicate, an unknown or circular requirement, a track without severity, a rule without examples.
    """
    ids = [rule.id for rule in pack.rules]
    if len(set(ids)) != len(ids):
        raise PackError(f"le pack {pack.name} contient deux fois la même règle")
    for rule in pack.rules:
        _check_rule(rule, frozenset(ids))
    ordered(pack)


def _check_rule(rule: Rule, ids: frozenset[str]) -> None:
    unknown = [required for required in rule.requires if required not in ids]
    if unknown:
        raise PackError(f"la règle {rule.id} dépend de {', '.join(unknown)}, que ce pack ne contient pas")
    for track in (Track.LABELLISATION, Track.HOMOLOGATION):
        if track not in rule.severity:
            raise PackError(f"la règle {rule.id} ne dit pas sa gravité pour la filière {track}")
    if rule.decided_by is DecidedBy.ENGINE and not (rule.examples.good and rule.examples.bad):
        raise PackError(f"la règle {rule.id} n'a pas d'exemple bon et mauvais")


def ordered(pack: Pack) -> tuple[Rule, ...]:
    """The rules, each after those it requires, otherwise by id.

    Raises:
        PackError: the requirements form a circle.
    """
    waiting = {rule.id: rule for rule in sorted(pack.rules, key=lambda r: r.id)}
    done: list[Rule] = []
    while waiting:
        ready = [rule for rule in waiting.values() if not any(required in waiting for required in rule.requires)]
        if not ready:
            raise PackError(f"les règles {', '.join(waiting)} dépendent les unes des autres en cercle")
        done += ready
        for rule in ready:
            del waiting[rule.id]
    return tuple(done)


def seal(name: str) -> str:
    """Write the digest of a draft pack beside it and answer it."""
    path = folder() / name
    (path / "digest").unlink(missing_ok=True)
    _load.cache_clear()
    digest = load(name).digest
    (path / "digest").write_text(digest + "\n", "ascii")
    return digest


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "seal":  # noqa: PLR2004  program, command, name
        sys.exit("usage : python -m psram.packs seal NOM")
    sys.stdout.write(seal(sys.argv[2]) + "\n")
