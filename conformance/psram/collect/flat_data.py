"""Facts of dotenv files, Dockerfiles and Twig templates: entries and marks with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.facts import DataFacts, Entry, Mark

_ASSIGNMENT: Final = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$")
_DIRECTIVE: Final = re.compile(r"#\s*(escape|syntax)\s*=\s*(\S+)", re.IGNORECASE)
_HEREDOC: Final = re.compile(r"""<<-?["']?(\w+)["']?""")
_MAX_LINES: Final = 20_000
_MAX_VALUE: Final = 1000
_MAX_INSTRUCTION: Final = 20_000
_RAW: Final = re.compile(r"\|\s*raw\b")
_STRING: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\#]|\\.|#(?!\{))*\"""")
_FIXED: Final = re.compile(  # a text (§), translated with nothing but texts; what is escaped or HTML already
    r"(?:§(?:\s*\|\s*trans\b(?:\s*\([§\s,:{}\d]*\))?)*|\|\s*(?:e|escape)"
    r"|\b(?:include|block|parent|path|url|render|form(?:_\w+)?)\s*\([^()|]*\))\s*\|\s*raw\b"
)
_APPLIED: Final = re.compile(r"\{%[-~]?\s*(?:apply|filter)\s+(?:[\w|\s]*\|\s*)?raw\b")
_FROM_STRING: Final = re.compile(r"\btemplate_from_string\s*\(\s*(?!['\"])")
_CALLS: Final = re.compile(r"""\|\s*(map|filter|reduce|sort|find)\s*\(\s*(?:\w+\s*[:=]\s*)?['"]""")
_DUMP: Final = re.compile(r"(?:\{\{[-~]?|[(,~?:\s])\s*dump\s*\(")
_DUMP_TAG: Final = re.compile(r"\{%[-~]?\s*dump\b")
_AUTOESCAPE_OFF: Final = re.compile(r"\{%[-~]?\s*autoescape[\s(]+(?:(?:false|none|null|0)\b|''|\"\")", re.IGNORECASE)
_SHOWN: Final = re.compile(r"[^\n]")
_TWIG_CODE: Final = re.compile(
    r"""organi[sz][^\n'"]{0,60}['"](\d{3})['"]|['"](\d{3})['"][^\n'"]{0,60}organi[sz]""", re.I
)
_LABEL: Final = re.compile(r"(?i)\b(?:cpam|cgss|carsat|cramif|ugecam|drsm|cti|csn)-[a-z][a-z0-9-]{2,60}")


def dotenv(content: bytes) -> DataFacts:
    """Assignments of a ``.env`` file, quotes taken off."""
    entries = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines()[:_MAX_LINES], 1):
        found = _ASSIGNMENT.match(line[: 2 * _MAX_VALUE])
        if found is None:
            continue
        value = found[2].strip()
        value = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value.split(" #")[0]
        entries.append(Entry(found[1], value.strip()[:_MAX_VALUE], number))
    return DataFacts(tuple(entries))


def dockerfile(content: bytes) -> DataFacts:
    """Instructions of a Dockerfile: path = the instruction in capitals, continuation lines joined.

    Here-documents belong to their instruction, their lines after its own. A directive that changes how the file
    is read (``# escape=``) is an entry ``#ESCAPE``; what lies beyond the bound is an entry ``#TOO_LONG``.
    """
    entries: list[Entry] = []
    pending: list[str] = []
    waiting: list[str] = []
    start = 0
    lines = content.decode("utf-8", "replace").splitlines()
    for number, raw in enumerate(lines[:_MAX_LINES], 1):
        line = raw.strip()
        if waiting:
            if line == waiting[0]:
                waiting.pop(0)
            elif entries:
                entries[-1] = _longer(entries[-1], line)
            continue
        if not line or line.startswith("#"):
            directive = _DIRECTIVE.match(line)
            if directive is not None and not entries and not pending:
                entries.append(Entry(f"#{directive[1].upper()}", directive[2], number))
            continue
        start = start if pending else number
        pending.append(line.removesuffix("\\").strip())
        if line.endswith("\\"):
            continue
        instruction, _, rest = " ".join(pending).partition(" ")
        entries.append(Entry(instruction.upper(), rest.strip()[:_MAX_INSTRUCTION], start))
        waiting = _HEREDOC.findall(rest)[:20] if instruction.upper() in ("RUN", "COPY", "ADD") else []
        pending = []
    full = any(len(entry.value) >= _MAX_INSTRUCTION for entry in entries)
    if len(lines) > _MAX_LINES or waiting or pending or full:
        entries.append(Entry("#TOO_LONG", "", len(lines)))
    return DataFacts(tuple(entries))


def _longer(entry: Entry, line: str) -> Entry:
    """The instruction with one more line of its here-document."""
    return Entry(entry.path, f"{entry.value}\n{line}"[:_MAX_INSTRUCTION], entry.line)


def _printed(source: str) -> Iterator[tuple[int, str]]:
    """Start and content of each ``{{ … }}``: searched once from left to right, whatever is left open."""
    start = source.find("{{")
    while start >= 0:
        end = source.find("}}", start)
        if end < 0:
            return
        yield start, source[start + 2 : end]
        start = source.find("{{", end)


def _uncommented(source: str) -> str:
    """The template with its comments blanked, lines kept: searched once from left to right."""
    parts: list[str] = []
    kept = 0
    start = source.find("{#")
    while start >= 0 and (end := source.find("#}", start + 2)) >= 0:
        parts += [source[kept:start], _SHOWN.sub(" ", source[start : end + 2])]
        kept = end + 2
        start = source.find("{#", kept)
    return "".join([*parts, source[kept:]])


def twig(content: bytes) -> tuple[Mark, ...]:
    """Unescaped output and literals that look like organisations, comments left out."""
    source = content.decode("utf-8", "replace")
    lines = source.split("\n")
    source = _uncommented(source)
    marks: list[Mark] = []

    def add(kind: str, position: int, name: str, detail: str = "") -> None:
        line = source.count("\n", 0, position) + 1
        marks.append(Mark(line, kind, name[:80], detail, "".join(lines[line - 1].split())[:400]))

    for start, printed in _printed(source):
        if _RAW.search(printed) and _RAW.search(_FIXED.sub("", _STRING.sub("§", printed.replace("§", "s")))):
            add("twig-raw", start, printed.strip())
        if "dump" in printed and _DUMP.search(_STRING.sub("''", "{{" + printed)):
            add("twig-dump", start, "dump")
    for found in _DUMP_TAG.finditer(source):
        add("twig-dump", found.start(), "dump")
    for found in _CALLS.finditer(source):
        add("twig-call", found.start(), found[1])
    for found in _APPLIED.finditer(source):
        add("twig-raw", found.start(), "raw")
    for found in _FROM_STRING.finditer(source):
        add("twig-raw", found.start(), "template_from_string")
    for found in _AUTOESCAPE_OFF.finditer(source):
        add("twig-raw", found.start(), "autoescape false")
    for found in _TWIG_CODE.finditer(source):
        add("code", found.start(), found[1] or found[2], "organisation")
    for found in _LABEL.finditer(source):
        add("label", found.start(), found[0].lower(), "organisation")
    return tuple(sorted(marks)[:500])
