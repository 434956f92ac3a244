"""Composer's version constraints, without Composer: enough to answer whether one version is allowed."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MAX_CHARS: Final = 300
_VERSION: Final = re.compile(
    r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?"
    r"(?:[-.]?(stable|dev|alpha|a|beta|b|rc|patch|pl|p)[.-]?(\d{0,6}))?(?:\+[\w.-]{1,40})?",
    re.IGNORECASE,
)
_RANKS: Final = {
    "dev": -4,
    "alpha": -3,
    "a": -3,
    "beta": -2,
    "b": -2,
    "rc": -1,
    "stable": 0,
    "patch": 1,
    "pl": 1,
    "p": 1,
}
_HYPHEN: Final = re.compile(r"(?<!\S)([^\s,]{1,60})\s+-\s+([^\s,]{1,60})")
_STABILITY: Final = re.compile(r"@(?:dev|alpha|beta|rc|stable)\b", re.IGNORECASE)
_OPERATORS: Final = re.compile(r"(>=|<=|<>|!=|==|=|>|<|\^|~)\s*")


class Version(NamedTuple):
    """Four numbers, then stability (dev < alpha < beta < RC < stable < patch) and its number."""

    numbers: tuple[int, int, int, int]
    rank: int = 0
    step: int = 0


class _Parsed(NamedTuple):
    version: Version
    given: int

    @property
    def opened(self) -> Version:
        """The bound as Composer reads it where no stability is written: development versions are on its side."""
        return self.version if self.version.rank else self.version._replace(rank=_RANKS["dev"])


def allows(constraint: str, version: str) -> bool | None:
    """Whether the constraint allows the version; ``None`` when either cannot be understood."""
    asked = _parse(version)
    if asked is None or len(constraint) > _MAX_CHARS:
        return None
    answers = [_all_of(part.strip(), asked.version) for part in re.split(r"\|\|?", constraint)]
    if any(answers):
        return True
    return None if None in answers else False


def _parse(text: str) -> _Parsed | None:
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        return None
    given = [int(n) for n in found.groups()[:4] if n is not None]
    first, second, third, fourth = [*given, 0, 0, 0][:4]
    rank = _RANKS[(found[5] or "stable").lower()]
    return _Parsed(Version((first, second, third, fourth), rank, int(found[6] or 0)), len(given))


def _all_of(text: str, version: Version) -> bool | None:
    ranges = _HYPHEN.findall(text)
    plain = _STABILITY.sub("", _HYPHEN.sub(" ", text))
    parts = [part for part in re.split(r"[\s,]+", _OPERATORS.sub(r"\1", plain)) if part]
    if not parts and not ranges:
        return None
    answers = [_between(low, high, version) for low, high in ranges]
    answers += [_one(part, version) for part in parts]
    if False in answers:
        return False
    return None if None in answers else True


def _between(low: str, high: str, version: Version) -> bool | None:
    start, end = _parse(low), _parse(high)
    if start is None or end is None:
        return None
    upper_ok = version < _bumped(end, end.given - 1) if end.given < 3 else version <= end.version  # noqa: PLR2004
    return version >= start.opened and upper_ok


def _one(part: str, version: Version) -> bool | None:
    if part in ("*", "x", "X"):
        return True
    if wild := re.fullmatch(r"(?:==?|v)?((?:\d+\.)+)[*xX](?:\.[*xX])*", part):
        base = _parse(wild[1].rstrip("."))
        return None if base is None else base.opened <= version < _bumped(base, base.given - 1)
    operator = _OPERATORS.match(part)
    parsed = _parse(part[operator.end() :] if operator else part)
    if parsed is None:
        return None
    return _compared(operator[1] if operator else "=", parsed, version)


def _compared(operator: str, parsed: _Parsed, version: Version) -> bool:  # noqa: PLR0911  one line an operator
    bound = parsed.version
    match operator:
        case "^":
            significant = next((i for i, n in enumerate(bound.numbers[: parsed.given]) if n), parsed.given - 1)
            return parsed.opened <= version < _bumped(parsed, significant)
        case "~":
            return parsed.opened <= version < _bumped(parsed, max(parsed.given - 2, 0))
        case ">=":
            return version >= parsed.opened
        case ">":
            return version > bound
        case "<=":
            return version <= bound
        case "<":
            return version < parsed.opened
        case "!=" | "<>":
            return version != bound
        case _:
            return version == bound


def _bumped(parsed: _Parsed, index: int) -> Version:
    """The first version beyond the one where the number at ``index`` is fixed (its development versions included)."""
    numbers = [*parsed.version.numbers[: index + 1], 0, 0, 0][:4]
    numbers[index] += 1
    first, second, third, fourth = numbers
    return Version((first, second, third, fourth), _RANKS["dev"])
