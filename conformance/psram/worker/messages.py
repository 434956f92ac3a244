"""What the caller and its reading processes tell each other: frames of MessagePack, each with its length before it."""

from __future__ import annotations

import functools
from typing import IO, Final

import msgspec

from psram.facts import ComposerFacts, Syntax
from psram.roles import Role
from psram.vocabulary import Php

MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
_LENGTH_BYTES: Final = 4
_ROLES: Final = tuple(Role)


class Setup(msgspec.Struct, frozen=True, array_like=True):
    """First frame: where to read, with which PHP, within which bounds; ``folder``: what the process may write in."""

    repository: str
    php: Php | None
    max_blob_bytes: int
    memory_bytes: int
    cpu_s: int
    file_cpu_s: int
    timeout_s: float
    folder: str = ""


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One content to read: as what (``roles``, a bit each, none when its facts are known), as a link, by PHP.

    ``path`` is where it lies when the repository does not have it.
    """

    blob: str
    roles: int = 0
    link: bool = False
    facts: bool = True
    syntax: bool = False
    path: str = ""


class Job(msgspec.Struct, frozen=True, array_like=True):
    """Contents to read together. ``composer``: the ids of composer.json and composer.lock, read as a pair.

    A ``heavy`` one is a single content so big that its tree takes tens of MiB.
    """

    number: int
    items: tuple[Item, ...] = ()
    composer: tuple[Item | None, Item | None] | None = None
    heavy: bool = False


class Found(msgspec.Struct, frozen=True, array_like=True):
    """What one content gave: ``reading`` is an encoded :class:`psram.collect.contents.Reading`, empty when known."""

    blob: str
    reading: bytes = b""
    syntax: Syntax | None = None


class Done(msgspec.Struct, frozen=True, array_like=True):
    """Answer to a job. ``kib`` and ``cpu_s``: what the process has held at most, and computed so far."""

    number: int
    found: tuple[Found, ...] = ()
    composer: ComposerFacts | None = None
    kib: int = 0
    cpu_s: float = 0.0


@functools.cache
def bits(roles: frozenset[Role]) -> int:
    """Roles as a number, a bit each."""
    return sum(1 << _ROLES.index(role) for role in roles)


@functools.cache
def roles_of(number: int) -> frozenset[Role]:
    """The roles of that number."""
    return frozenset(role for place, role in enumerate(_ROLES) if number >> place & 1)


def frame(message: msgspec.Struct) -> bytes:
    """The message, ready to be written."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def read_frame(source: IO[bytes]) -> bytes | None:
    """The next message's bytes, ``None`` at the end."""
    head = source.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(head, "big")
    body = source.read(size)
    return body if len(body) == size else None


class Frames:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, received: bytes) -> list[bytes]:
        """The messages that are complete now.

        Raises:
            ValueError: a message is longer than any answer can be.
        """
        self._waiting += received
        found: list[bytes] = []
        while len(self._waiting) >= _LENGTH_BYTES:
            size = int.from_bytes(self._waiting[:_LENGTH_BYTES], "big")
            if size > MAX_FRAME_BYTES:
                raise ValueError(size)
            if len(self._waiting) < _LENGTH_BYTES + size:
                break
            found.append(bytes(self._waiting[_LENGTH_BYTES : _LENGTH_BYTES + size]))
            del self._waiting[: _LENGTH_BYTES + size]
        return found
