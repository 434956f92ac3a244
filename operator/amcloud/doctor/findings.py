"""What an examination finds: a closed set of states, one sentence, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How grave a finding is; « could not find out » is an answer of its own."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


_GRAVITY: Final = (State.OK, State.WARNING, State.UNKNOWN, State.ERROR)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``said`` and ``remedy`` are French sentences; whatever is not OK has a remedy."""

    check: str
    """Stable name of the check, for programs: ``crd-localapps``."""
    state: State
    said: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.state is not State.OK and not self.remedy:
            raise ValueError(f"{self.check}: a finding that is not OK says what to do")


def ok(check: str, said: str) -> Finding:
    """All is well."""
    return Finding(check, State.OK, said)


def warning(check: str, said: str, remedy: str) -> Finding:
    """It works, and somebody should look."""
    return Finding(check, State.WARNING, said, remedy)


def error(check: str, said: str, remedy: str) -> Finding:
    """It does not work until somebody acts."""
    return Finding(check, State.ERROR, said, remedy)


def unknown(check: str, said: str, remedy: str) -> Finding:
    """Nobody can tell from here."""
    return Finding(check, State.UNKNOWN, said, remedy)


def gravest(found: Iterable[Finding]) -> State:
    """The gravest state among these; OK when there is none."""
    return max((one.state for one in found), key=_GRAVITY.index, default=State.OK)
