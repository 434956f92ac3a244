"""What every measurement shares: tables, the machine's load, and the command line's options. Pure but for the load."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Measured figures: one row a thing measured. ``None`` is a figure that does not apply or could not be had."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"« {self.title} »: a row has not {len(self.columns)} cells")


def ratio(figure: float | None, peer: float | None) -> float | None:
    """``figure`` / ``peer``; ``None`` when one of them is missing or the peer is nothing."""
    return figure / peer if figure is not None and peer else None


def shown(cell: Cell) -> str:
    """A cell as people read it: three digits that count, ``—`` for none."""
    match cell:
        case None:
            return "—"
        case float():
            decimals = 0 if abs(cell) >= 100 else 1 if abs(cell) >= 10 else 2  # noqa: PLR2004 - the three digits
            return f"{cell:.{decimals}f}"
        case _:
            return str(cell)


def text(tables: Iterable[Table]) -> str:
    """The tables in Markdown, aligned: what the documentation quotes."""
    return "\n\n".join(map(_one, tables))


def _one(table: Table) -> str:
    cells = [table.columns, *(tuple(map(shown, row)) for row in table.rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(table.columns))]
    lines = ["| " + " | ".join(_aligned(row, widths)) + " |" for row in cells]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(
        [f"### {table.title}", "", *lines, *([""] if table.notes else []), *(f"* {n}" for n in table.notes)]
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def as_json(tables: Iterable[Table]) -> str:
    """The same figures, not rounded: a row is an object whose keys are the columns."""
    whole: list[dict[str, Any]] = [
        {
            "title": table.title,
            "rows": [dict(zip(table.columns, row, strict=True)) for row in table.rows],
            "notes": list(table.notes),
        }
        for table in tables
    ]
    return json.dumps(whole, ensure_ascii=False, indent=2)


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """A command line with the option that all measurements have."""
    made = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=description)
    made.add_argument("--output", choices=("text", "json"), default="text", help="form of the figures (text)")
    return made


def positive(value: str) -> int:
    """A whole number above zero, for argparse."""
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{value} is not above zero")
    return number


def show(tables: Sequence[Table], output: str) -> None:
    """The figures are on standard output."""
    sys.stdout.write((as_json(tables) if output == "json" else text(tables)) + "\n")


def say(message: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"… {message}\n")


def load() -> str:
    """What else the machine does: its processors and its load average of the last minute."""
    return f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}"
