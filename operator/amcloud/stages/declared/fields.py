"""Reading an untrusted tree of values: each reader gives a checked value or refuses, naming the field.

Used by :mod:`amcloud.stages.manifest` and its parts alone; knows nothing of applications.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from amcloud.errors import InvalidManifestError

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

SHOWN_CHARS = 60
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
SECRET = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
VERSION = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
NAME_LIKE = "un nom en minuscules, chiffres et tirets, commençant par une lettre,"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_KINDS = {str: "un texte", bool: "un booléen", int: "un nombre entier", list: "une liste", dict: "un objet"}


def shown(value: object) -> str:
    """A foreign value as a message may quote it: short, on one line, without control characters."""
    if value is None:
        return "rien"
    text = value if isinstance(value, str) else repr(value)[: SHOWN_CHARS * 2]
    text = "".join(c if c.isprintable() else "·" for c in text[: SHOWN_CHARS * 2])
    return f"« {text[: SHOWN_CHARS - 1]}… »" if len(text) > SHOWN_CHARS else f"« {text} »"


def kind(value: object) -> str:
    """What a value is, in French."""
    if isinstance(value, bool):
        return _KINDS[bool]
    return next((words for kind_, words in _KINDS.items() if isinstance(value, kind_)), "autre chose")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of the manifest at ``path``; absent objects read as empty ones."""

    path: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, path: str, value: object) -> Fields:
        """The object at ``path``; ``None`` reads as an empty one."""
        if value is None:
            return cls(path, {})
        if not isinstance(value, Mapping):
            raise InvalidManifestError(path, f"un objet est attendu, trouvé {kind(value)} {shown(value)}")
        return cls(path, value)

    def at(self, name: str) -> str:
        """Path of a field."""
        return f"{self.path}.{name}"

    def refuse(self, name: str, problem: str) -> InvalidManifestError:
        """The error about a field."""
        return InvalidManifestError(self.at(name), problem)

    def only(self, *names: str) -> None:
        """Refuse every field but these, with the nearest known name."""
        for found in self.values:
            if found not in names:
                near = difflib.get_close_matches(str(found)[:SHOWN_CHARS], names, n=1)
                hint = f" ; vouliez-vous dire « {near[0]} » ?" if near else f" ; connus : {', '.join(names)}"
                raise InvalidManifestError(self.path, f"champ inconnu {shown(found)}{hint}")

    def child(self, name: str) -> Fields:
        """The object in a field."""
        return Fields.of(self.at(name), self.values.get(name))

    def has(self, name: str) -> bool:
        """Whether the field is given (``null`` is not)."""
        return self.values.get(name) is not None

    def text(self, name: str, *, longest: int, pattern: re.Pattern[str] | None = None, like: str = "") -> str:
        """A required text without control characters; ``like`` describes ``pattern`` to people."""
        value = self.values.get(name)
        if value is None:
            raise self.refuse(name, "ce champ est obligatoire")
        if not isinstance(value, str):
            raise self.refuse(name, f"un texte est attendu, trouvé {kind(value)} {shown(value)}")
        if not value.strip():
            raise self.refuse(name, "ce champ ne peut pas être vide")
        if len(value) > longest:
            raise self.refuse(name, f"{longest} caractères au plus, trouvé {len(value)}")
        if _CONTROL.search(value):
            raise self.refuse(name, f"caractère interdit dans {shown(value)}")
        if pattern is not None and not pattern.fullmatch(value):
            raise self.refuse(name, f"{like} est attendu, trouvé {shown(value)}")
        return value

    def optional_text(
        self, name: str, *, longest: int, pattern: re.Pattern[str] | None = None, like: str = ""
    ) -> str | None:
        """The same, or ``None`` when it is absent."""
        return self.text(name, longest=longest, pattern=pattern, like=like) if self.has(name) else None

    def choice(self, name: str, words: type[E], default: E | None = None) -> E:
        """One word of a closed list."""
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        for word in words:
            if isinstance(value, str) and value == word.value:
                return word
        known = ", ".join(word.value for word in words)
        raise self.refuse(
            name,
            f"un de ces mots est attendu : {known} ; trouvé {shown(value)}"
            if value is not None
            else f"ce champ est obligatoire : {known}",
        )

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refuse(name, f"un nombre entier est attendu, trouvé {kind(value)} {shown(value)}")
        if not least <= value <= most:
            raise self.refuse(name, f"un nombre de {least} à {most} est attendu, trouvé {shown(value)}")
        return value

    def items(self, name: str, read: Callable[[str, object], T], *, most: int) -> tuple[T, ...]:
        """A list of at most ``most`` values, each read with its own path."""
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.refuse(name, f"une liste est attendue, trouvé {kind(value)} {shown(value)}")
        if len(value) > most:
            raise self.refuse(name, f"{most} éléments au plus, trouvé {len(value)}")
        return tuple(read(f"{self.at(name)}[{index}]", item) for index, item in enumerate(value))

    def texts(
        self, name: str, *, most: int, longest: int, pattern: re.Pattern[str] | None = None, like: str = ""
    ) -> tuple[str, ...]:
        """A list of distinct texts."""

        def read(path: str, value: object) -> str:
            parent, _, last = path.rpartition(".")
            return Fields(parent, {last: value}).text(last, longest=longest, pattern=pattern, like=like)

        return self.distinct(name, self.items(name, read, most=most))

    def distinct(
        self, name: str, values: tuple[T, ...], key: Callable[[T], object] = lambda value: value
    ) -> tuple[T, ...]:
        """``values``, refused when two have the same key."""
        seen: set[object] = set()
        for value in values:
            if key(value) in seen:
                raise self.refuse(name, f"{shown(key(value))} est donné deux fois")
            seen.add(key(value))
        return values

    def moment(self, name: str) -> datetime | None:
        """An RFC 3339 time with its zone, in UTC, or ``None`` when it is absent."""
        if not self.has(name):
            return None
        text = self.text(name, longest=40)
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            raise self.refuse(name, f"une date comme 2026-12-31T00:00:00Z est attendue, trouvé {shown(text)}")
        try:
            return time.astimezone(UTC)
        except OverflowError:
            raise self.refuse(name, f"cette date est hors limites : {shown(text)}") from None
