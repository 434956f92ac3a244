"""Forms and links of a page, as a browser would send and follow them. Hostile text: bounded, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, urlsplit

MOST: Final = 200
"""Forms, links and fields that are looked at in one page."""
_TYPED: Final = {
    "date": "2000-01-01",
    "datetime-local": "2000-01-01T00:00",
    "month": "2000-01",
    "week": "2000-W01",
    "time": "00:00",
    "number": "1",
    "range": "1",
    "email": "canari@exemple.invalid",
    "url": "https://exemple.invalid/canari",
    "tel": "0100000000",
    "color": "#000000",
}
_SAMPLES: Final = ("12", "1234", "12345", "0100000000", "1234567890123", "A", "AB", "ABC", "A1", "AB-123", "2000-01-01")
"""Texts of usual shapes, for fields that ask for one."""
_WRITTEN: Final = frozenset({"text", "search", "textarea", ""})
_LEFT_OUT: Final = frozenset({"submit", "button", "reset", "image"})


@dataclass(slots=True)
class Field:
    """A field of a form: its type, and the value that it has or that its first choice gives."""

    name: str
    type: str
    value: str = ""
    pattern: str = ""
    longest: int = 0
    """Characters that it takes; 0 for any number."""


@dataclass(slots=True)
class Form:
    """A form: where it is sent, and how."""

    method: str
    action: str
    fields: list[Field] = field(default_factory=list)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the fields that take a file."""
        return tuple(one.name for one in self.fields if one.type == "file")

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the fields that take free text."""
        return tuple(one.name for one in self.fields if one.type in _WRITTEN)

    def values(self, text: str) -> dict[str, str]:
        """What a person would send who fills it in with ``text``."""
        return {one.name: _filled(one, text) for one in self.fields if one.type != "file"}


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._select: Field | None = None
        self._option = False
        """Whether the text that follows is the value of a choice."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form" and len(self.forms) < MOST:
            self._form = Form(of.get("method", "get").upper(), _local(of.get("action", "")) or self.path)
            self.forms.append(self._form)
        elif tag == "a" and len(self.links) < MOST:
            self.links += filter(None, [_local(of.get("href", ""))])
        elif self._form and len(self._form.fields) < MOST:
            self._field(tag, of)

    def _field(self, tag: str, of: dict[str, str]) -> None:
        assert self._form is not None
        name, kind = of.get("name", ""), of.get("type", "text" if tag == "input" else tag).lower()
        if tag == "option" and self._select:
            chosen = "selected" in of or not self._select.value
            self._select.value = of.get("value", "") if chosen else self._select.value
            self._option = chosen and "value" not in of
        elif name and tag in {"input", "textarea", "select"} and kind not in _LEFT_OUT:
            longest = of.get("maxlength", "")
            found = Field(
                name, kind, of.get("value", ""), of.get("pattern", ""), int(longest) if longest.isdigit() else 0
            )
            self._form.fields.append(found)
            self._select = found if tag == "select" else None

    def handle_data(self, data: str) -> None:
        if self._option and self._select and data.strip():
            self._select.value, self._option = data.strip(), False

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag in {"select", "form"}:
            self._select, self._option = None, False


def read(path: str, text: str) -> tuple[tuple[Form, ...], tuple[str, ...]]:
    """The forms and the local links of the page at ``path``."""
    reader = _Reader(path)
    reader.feed(text)
    return tuple(reader.forms), tuple(reader.links)


def queries(forms: tuple[Form, ...], links: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Paths that take a question, and the names of the fields that hold it."""
    for form in forms:
        if form.method == "GET" and form.searched:
            yield urlsplit(form.action).path, form.searched
    for link in links:
        parts = urlsplit(link)
        names = tuple(name for name, _value in parse_qsl(parts.query, keep_blank_values=True)[:MOST])
        if names:
            yield parts.path, names


def _local(address: str) -> str:
    """The address if it stays on the site, as an absolute path; empty otherwise."""
    return address if address.startswith("/") and not address.startswith("//") else ""


def _filled(one: Field, text: str) -> str:
    if one.value or one.type in {"hidden", "select", "checkbox", "radio"}:
        return one.value or ("1" if one.type in {"checkbox", "radio"} else "")
    likely = (_TYPED.get(one.type, text), *(_SAMPLES if one.pattern else ()))
    fitting = next((sample for sample in likely if _matches(one.pattern, sample)), text)
    return fitting[: one.longest] if one.longest else fitting


def _matches(pattern: str, sample: str) -> bool:
    try:
        return not pattern or re.fullmatch(pattern[:MOST], sample) is not None
    except re.error:
        return False  # browsers' expressions are not all Python's
