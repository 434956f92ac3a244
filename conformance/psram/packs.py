"""Loads norm packs: rules as data, checked as a whole, named by the digest of their content.

A pack is a folder: ``pack.yaml``, ``rules/<ID>.yaml``, and ``digest`` once it is sealed (a sealed pack never changes;
``python -m psram.packs seal NAME`` writes the digest of a draft). Sealing also writes down what the YAML said
(:mod:`psram.pack_sealed`): reading that takes a tenth of the time, and the digest is verified all the same.
"""

from __future__ import annotations

import re
import sys
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from psram import pack_coherence, pack_sealed, timeline
from psram.errors import PackError, UsageError
from psram.malformed import Fault, fault
from psram.rules import Pack, Rule

DEFAULT: Final = "psram-2026.1"
MAX_RULES: Final = 500
_RULE: Final = re.compile(r"rules\[(\d+)\]")


def folder() -> Path:
    """Where the packs lie: inside the wheel, else in the checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_packs"
    return installed if installed.is_dir() else here.parent / "packs"


def available() -> tuple[str, ...]:
    """Names of the packs that come with the engine, oldest first."""
    return tuple(sorted(p.parent.name for p in folder().glob("*/pack.yaml")))


def current(day: date) -> str:
    """The name of the pack that judges on ``day``: the newest in force of those that come with the engine.

    :data:`DEFAULT` while none is in force, as when the only one is a draft.
    """
    names = available()
    if len(names) == 1:
        return names[0]
    found = timeline.required((load(name) for name in names), day)
    return DEFAULT if found is None else found.name


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
    files = sorted((path / "rules").glob("*.yaml"))
    if len(files) > MAX_RULES:
        raise PackError(f"le pack {path.name} a plus de {MAX_RULES} règles")
    head, *rules = pack_sealed.documents(path, files) or _parsed(path / "pack.yaml", *files)
    _check_names(path.name, {file.stem: str(rule.get("id")) for file, rule in zip(files, rules, strict=True)})
    digest = pack_sealed.digest({"pack": head, "rules": rules})
    sealed = path / "digest"
    if sealed.is_file() and (sealed.stat().st_size > len(digest) + 2 or sealed.read_bytes().strip() != digest.encode()):
        raise PackError(f"le pack {path.name} ne correspond plus à son empreinte : il a été modifié après publication")
    try:
        pack = msgspec.convert({**head, "rules": rules, "digest": digest, "sealed": sealed.is_file()}, Pack)
    except msgspec.ValidationError as error:
        raise PackError(f"le pack {path.name} est mal formé : {_placed(fault(error), files)}") from error
    pack_coherence.verify(pack)
    return pack


def _parsed(*files: Path) -> list[dict[str, Any]]:
    from psram.pack_reading import document  # what reads YAML takes longer to load than a sealed pack

    return [document(file) for file in files]


def _check_names(pack: str, ids: dict[str, str]) -> None:
    """Refuse two rules of one id, then a rule in a file of another name."""
    doubled = sorted({rule_id for rule_id in ids.values() if list(ids.values()).count(rule_id) > 1})
    if doubled:
        raise PackError(f"le pack {pack} contient deux fois la même règle : {', '.join(doubled)}")
    for stem, rule_id in ids.items():
        if stem != rule_id:
            raise PackError(f"{stem}.yaml contient la règle {rule_id} : le fichier porte l'identifiant de sa règle")


def _placed(found: Fault, files: list[Path]) -> str:
    """Where the fault is, the position of a rule replaced by its file's name."""
    place = _RULE.match(found.field)
    if place is None:
        return found.said("pack.yaml")
    return found._replace(field=found.field[place.end() :].lstrip(".")).said(files[int(place[1])].name)


def ordered(pack: Pack) -> tuple[Rule, ...]:
    """The rules, each after those it requires, otherwise by id."""
    waiting = {rule.id: rule for rule in sorted(pack.rules, key=lambda r: r.id)}
    done: list[Rule] = []
    while waiting:
        ready = [rule for rule in waiting.values() if not any(required in waiting for required in rule.requires)]
        if not ready:  # a pack that was loaded has no circle
            raise PackError(f"les règles {', '.join(waiting)} dépendent les unes des autres en cercle")
        done += ready
        for rule in ready:
            del waiting[rule.id]
    return tuple(done)


def seal(name_or_path: str) -> str:
    """Write the digest of a draft pack beside it and answer it.

    Raises:
        PackError: this engine could not judge with it.
    """
    path = Path(name_or_path) if "/" in name_or_path else folder() / name_or_path
    (path / "digest").unlink(missing_ok=True)
    (path / pack_sealed.NAME).unlink(missing_ok=True)
    _load.cache_clear()
    pack = load(name_or_path)
    problem = next(pack_coherence.unjudgeable(pack), "")
    if problem:
        raise PackError(problem)
    (path / "digest").write_text(pack.digest + "\n", "ascii")
    pack_sealed.write(path, sorted((path / "rules").glob("*.yaml")))
    _load.cache_clear()
    return pack.digest


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "seal":  # noqa: PLR2004  program, command, name
        sys.exit("usage : python -m psram.packs seal NOM")
    sys.stdout.write(seal(sys.argv[2]) + "\n")
