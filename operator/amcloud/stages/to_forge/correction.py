"""The mechanical corrections of a report as one patch to be copied from a note. Pure; the engine makes them.

A patch that goes through a web page and a clipboard must be text that survives this: files in UTF-8 with the line ends
of Unix. Others are left to ``amcloud check --fix``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from psram import fixes
from psram.model import Report, RuleResult, Verdict

FILES_MOST: Final = 10
"""Files that are read from the forge for one note."""
FILE_MOST_BYTES: Final = 64 * 1024
LINES_MOST: Final = 2000
PATCH_MOST: Final = 20_000
PATH_MOST: Final = 300


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch that ``git apply`` takes on the report's commit. ``left``: files that it leaves to the command."""

    text: str
    rules: tuple[str, ...]
    files: int
    left: int = 0


def wanted(report: Report) -> tuple[str, ...]:
    """Paths of the files that may be corrected, those that block first; bounded."""
    ordered = sorted(_mechanical(report), key=lambda result: (not result.blocks, result.rule_id))
    paths = dict.fromkeys(f.path for result in ordered for f in result.findings if _speakable(f.path))
    return tuple(paths)[:FILES_MOST]


def patch(report: Report, contents: Mapping[str, bytes]) -> Patch | None:
    """The corrections of these files of the report's commit; ``None`` when nothing is mechanical.

    Its text is empty when none of them can be written as a patch.
    """
    mechanical = _mechanical(report)
    if not mechanical:
        return None
    made = fixes.corrections(report, lambda path: contents.get(path) if _plain(contents.get(path)) else None)
    chosen, size = [], 0
    for correction in made:
        length = len(fixes.patch((correction,))) if _plain(correction.after) else PATCH_MOST + 1
        if size + length <= PATCH_MOST:
            chosen.append(correction)
            size += length
    rules = sorted({rule for correction in chosen for rule in correction.rules})
    files = {finding.path for result in mechanical for finding in result.findings if finding.path}
    return Patch(
        fixes.patch(tuple(chosen)),
        tuple(rules or sorted({result.rule_id for result in mechanical})),
        len(chosen),
        len(files) - len(chosen),
    )


def _mechanical(report: Report) -> list[RuleResult]:
    return [result for result in report.results if result.verdict is Verdict.VIOLATED and fixes.find(result.patch)]


def _speakable(path: str) -> bool:
    """Whether a patch can name the file without quoting."""
    quoted = not path.isprintable() or any(character in path for character in '"\\')
    return 0 < len(path) <= PATH_MOST and not quoted and path == path.strip()


def _plain(content: bytes | None) -> bool:
    """Whether the content is text that a page and a clipboard leave as it is."""
    if content is None or len(content) > FILE_MOST_BYTES or content.count(b"\n") > LINES_MOST or b"\r" in content:
        return False
    try:
        decoded = content.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\n\t" for character in decoded)
