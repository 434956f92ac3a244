"""Mutations as data: what their files hold, and reading them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from psram import packs
from psram.errors import PackError
from psram.malformed import fault
from psram.yaml_loader import LOADER


class Replace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``find`` must be in the file, exactly; every occurrence becomes ``by``."""

    find: str
    by: str


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of one path; exactly one of the fields besides ``path`` is given (``replace`` may be a list)."""

    path: str
    create: str | None = None
    append: str | None = None
    prepend: str | None = None
    replace: Replace | tuple[Replace, ...] | None = None
    delete: bool = False
    rename: str = ""
    link: str | None = None
    submodule: bool = False
    oversize: bool = False
    binary: str | None = None  # hexadecimal

    @property
    def gestures(self) -> int:
        """How many changes it says: one, when it is right."""
        texts = (self.create, self.append, self.prepend, self.replace, self.link, self.binary)
        return sum(t is not None for t in texts) + self.delete + bool(self.rename) + self.submodule + self.oversize


class Mutation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant of the conforming application.

    ``context`` and ``evidence`` are laid over the conforming ones (``null`` takes something away); ``facts`` replaces
    facts that no file gives. ``expect`` is the rule's verdict when it is not the usual one. ``also`` names the other
    rules that rightly change, each with its reason. ``relock`` refreshes the lock's hash after composer.json changed.
    """

    name: str
    edits: tuple[Edit, ...] = ()
    evidence: dict[str, Any] = {}
    context: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    expect: str = ""
    also: dict[str, str] = {}
    relock: bool = True


class Mutations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mutations of one rule; ``note`` says what a reader of the matrix should know."""

    violations: tuple[Mutation, ...] = ()
    lookalikes: tuple[Mutation, ...] = ()
    note: str = ""


def folder() -> Path:
    """Where the mutations lie in a checkout; they do not come with the wheel."""
    return packs.folder().parent / "mutations"


def load(rule_id: str) -> Mutations:
    """The mutations of a rule; none when it has no file.

    Raises:
        PackError: unreadable, or not of that form.
    """
    file = folder() / f"{rule_id}.yaml"
    if not file.is_file():
        return Mutations()
    try:
        return msgspec.convert(read(file), Mutations)
    except msgspec.ValidationError as error:
        raise PackError(f"les mutations {file.name} sont mal formées : {fault(error).said()}") from error


def load_all() -> dict[str, Mutations]:
    """The mutations of every rule that has some, by rule id."""
    return {file.stem: load(file.stem) for file in sorted(folder().glob("*-[0-9][0-9][0-9].yaml"))}


def context() -> dict[str, Any]:
    """The context of a conforming application, with full evidence, as its file says it."""
    found = read(folder() / "context.yaml")
    if not isinstance(found, dict):
        raise PackError("context.yaml n'est pas un objet")
    return found


def reasons(known: dict[str, Mutations]) -> dict[tuple[str, str], dict[str, str]]:
    """Why other rules rightly change, by rule and mutation."""
    return {(rule, m.name): m.also for rule, ms in known.items() for m in (*ms.violations, *ms.lookalikes)}


def read(file: Path) -> Any:
    """The YAML document. Raises ``PackError`` when it cannot be read."""
    try:
        return yaml.load(file.read_text("utf-8"), Loader=LOADER)  # noqa: S506  the safe loader, in C
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PackError(f"{file.name} ne peut pas être lu : {fault(error).said()}") from error
