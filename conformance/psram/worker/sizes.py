"""Sizes of contents: what the cache knows, a run of neighbours at a time; git is asked for the others, all at once.

Git would open each content that it has not packed to tell the size of an unchanged tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from psram.errors import CollectError
from psram.worker import git
from psram.worker.runs import cut
from psram.worker.store import FactCache

_DOING: Final = "lecture de l'arbre du commit"
_sizes: Final = msgspec.msgpack.Decoder(list[Annotated[int, msgspec.Meta(ge=0)]])


def of(repository: Path, ids: Sequence[str], *, timeout_s: float, cache: FactCache | None) -> dict[str, int]:
    """The sizes of those of these contents that the repository has, or had when they were asked for.

    Raises:
        CollectError: git does not answer.
    """
    if cache is None:
        return _asked(repository, ids, timeout_s)
    runs = {_key(run): run for run in (ids[place] for place in cut(ids))}
    kept = cache.get(list(runs))
    found: dict[str, int] = {}
    left = {key: run for key, run in runs.items() if not _noted(run, kept.get(key, b""), found)}
    asked = _asked(repository, [name for run in left.values() for name in run], timeout_s)
    whole = ((key, [asked[name] for name in run if name in asked], len(run)) for key, run in left.items())
    cache.put({key: msgspec.msgpack.encode(told) for key, told, count in whole if len(told) == count})
    return found | asked


def _key(run: Sequence[str]) -> bytes:
    return b"sizes\0" + sha256("".join(run).encode()).digest()


def _noted(run: Sequence[str], body: bytes, found: dict[str, int]) -> bool:
    """Whether the entry told the sizes of the run, which are then noted."""
    try:
        told = _sizes.decode(body)
    except msgspec.DecodeError:
        return False
    if len(told) != len(run):
        return False
    found.update(zip(run, told, strict=True))
    return True


def _asked(repository: Path, ids: Sequence[str], timeout_s: float) -> dict[str, int]:
    if not ids:
        return {}
    asked = "".join(f"{name}\n" for name in ids).encode()
    how = ("cat-file", "--batch-check=%(objectsize)", "--buffer")
    answer = git.ask(repository, *how, doing=_DOING, timeout_s=timeout_s, stdin=asked).split(b"\n")[:-1]
    if len(answer) != len(ids):
        raise CollectError(f"{_DOING} : git s'est arrêté avant la fin")
    return {name: int(said) for name, said in zip(ids, answer, strict=True) if said.isdigit()}
