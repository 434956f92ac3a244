"""The shell blocks of the documentation: who runs each, and what the page says that it prints."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
RUN_BY_TESTS = (
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("bac-a-sable", "guide-developpeur", "guide-exploitant")),
    *(ROOT / "docs" / f"{name}.md" for name in ("guide-auditeur", "limites")),
)
"""Pages whose blocks tests/e2e/test_docs.py runs, in its order."""

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (?P<who>à vous|yours|par la CI|by CI)(?: : |: )?(?P<why>[^>]*) -->\n *\Z")
_CHANGING = re.compile(r"\b[0-9a-f]{7,64}\b|\b\d+(?:\.\d+)*[a-z]*\d*[a-z]*\b")


class Run(StrEnum):
    """Who runs a block."""

    HERE = "tests/e2e/test_docs.py"
    READER = "the reader, on what only he has"
    CI = "CI itself, and the tests of the demonstration"


@dataclass(frozen=True)
class Block:
    """A shell block of a page, and the output that the page shows after it."""

    page: Path
    line: int
    text: str
    run: Run
    output: str = ""


def blocks(page: Path) -> Iterator[Block]:
    """The shell blocks of a page in their order."""
    content = page.read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(content))
    for number, fence in enumerate(fences):
        if fence[1] != "sh":
            continue
        mark = _MARK.search(content[: fence.start()])
        run = Run.HERE if mark is None else Run.CI if "CI" in mark["who"] else Run.READER
        following = fences[number + 1] if number + 1 < len(fences) else None
        output = following[2] if following and following[1] == "text" else ""
        yield Block(page, content[: fence.start()].count("\n") + 1, textwrap.dedent(fence[2]), run, output)


def differences(shown: str, printed: str) -> list[str]:
    """Lines that the page shows and that were not printed. ``…`` stands for anything, digests and numbers for any."""
    printed_lines = [_normal(line) for line in printed.splitlines()]
    wanted = [line for line in shown.splitlines() if line.strip(" …")]
    return [line for line in wanted if not any(_pattern(line).search(given) for given in printed_lines)]


def _normal(line: str) -> str:
    return " ".join(_CHANGING.sub("#", line).split())


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(_normal(part)) for part in line.split("…")))
