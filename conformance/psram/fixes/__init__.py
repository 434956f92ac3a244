"""Mechanical corrections: pure functions from a file's content to its corrected content. Who writes files is elsewhere.

A rule whose data says ``remediation.patch: strict-types`` is corrected by the module ``psram/fixes/strict_types.py``:

``def fix(content: bytes, findings: tuple[Finding, ...]) -> bytes | None``

It answers the corrected content of the file that all these findings are about, or ``None`` when it had better be done
by hand. It must change nothing but what the findings name, and keep line ends.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Iterator
from typing import Final, cast

import msgspec

from psram.model import Finding, Report, RuleResult, Verdict

__all__ = ["Correction", "corrections", "find", "patch", "settled"]

Fix = Callable[[bytes, tuple[Finding, ...]], bytes | None]
Reader = Callable[[str], bytes | None]
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Correction(msgspec.Struct, frozen=True):
    """What one file becomes, for these rules."""

    path: str
    before: bytes
    after: bytes
    rules: tuple[str, ...]


def find(name: str) -> Fix | None:
    """The correction of that name, or ``None`` when this engine has none."""
    if not _NAME.fullmatch(name):
        return None
    try:
        module = importlib.import_module(f"psram.fixes.{name.replace('-', '_')}")
    except ModuleNotFoundError:
        return None
    return cast(Fix, module.fix)


def corrections(report: Report, read: Reader) -> tuple[Correction, ...]:
    """What can be corrected of this report, a file at a time, in the order of paths; rules after rules in each file.

    ``read`` gives a file's content as it was judged, ``None`` when it may not be touched. A correction that fails is
    left out: the finding stays, for a person.
    """
    made: dict[str, Correction] = {}
    for result in report.results:
        fix = find(result.patch) if result.verdict is Verdict.VIOLATED and result.patch else None
        for path, findings in _by_file(result) if fix is not None else ():
            known = made.get(path)
            content = known.after if known is not None else read(path)
            if fix is None or content is None:
                continue
            before = known.before if known is not None else content
            after = _corrected(fix, content, _moved(findings, before, content))
            if after is None or after == content:
                continue
            rules = (*known.rules, result.rule_id) if known is not None else (result.rule_id,)
            made[path] = Correction(path, before, after, rules)
    return tuple(made[path] for path in sorted(made))


def settled(report: Report, read: Reader) -> frozenset[str]:
    """The violated rules of which each finding can be corrected, none left to a person."""
    return frozenset(
        result.rule_id
        for result in report.results
        if result.verdict is Verdict.VIOLATED and result.patch and _every_one_corrected(result, read)
    )


def _every_one_corrected(result: RuleResult, read: Reader) -> bool:
    fix = find(result.patch)
    if fix is None or result.findings_total > len(result.findings):
        return False
    held = {finding.path: read(finding.path) for finding in result.findings if finding.path}
    return all(
        (content := held.get(finding.path)) is not None and _corrected(fix, content, (finding,)) not in (None, content)
        for finding in result.findings
    )


def _by_file(result: RuleResult) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    by_path: dict[str, list[Finding]] = {}
    for finding in result.findings:
        by_path.setdefault(finding.path, []).append(finding)
    yield from ((path, tuple(by_path[path])) for path in sorted(by_path) if path)


def _moved(findings: tuple[Finding, ...], before: bytes, content: bytes) -> tuple[Finding, ...]:
    """The findings where their lines are after earlier corrections; those whose line was changed are left out."""
    if before == content:
        return findings
    old, new = _lines(before), _lines(content)
    head = _alike(old, new)  # a correction changes few lines: difflib, which is slow, sees no others
    tail = _alike(old[head:][::-1], new[head:][::-1])
    lines = {n: n for n in range(head + 1)}  # 0: a whole file
    lines |= {len(old) - n: len(new) - n for n in range(tail)}
    between = old[head : len(old) - tail], new[head : len(new) - tail]
    for a, b, size in difflib.SequenceMatcher(None, *between, autojunk=False).get_matching_blocks():
        lines |= {head + a + n + 1: head + b + n + 1 for n in range(size)}
    return tuple(msgspec.structs.replace(f, line=lines[f.line]) for f in findings if f.line in lines)


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines are the same from the beginning on."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _corrected(fix: Fix, content: bytes, findings: tuple[Finding, ...]) -> bytes | None:
    try:
        return fix(content, findings) if findings else None
    except Exception:  # noqa: BLE001  a correction that fails corrects nothing
        return None


def patch(made: tuple[Correction, ...]) -> str:
    """The corrections as one unified patch, that ``git apply`` and ``patch -p1`` read."""
    return "".join(_diff(correction) for correction in made)


def _diff(correction: Correction) -> str:
    before, after = (_lines(content) for content in (correction.before, correction.after))
    lines = difflib.unified_diff(before, after, f"a/{correction.path}", f"b/{correction.path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(content: bytes) -> list[str]:
    """Lines with their ends; bytes that are not UTF-8 stay what they are."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", content.decode("utf-8", "surrogateescape"))
