"""Draws the time of a check against the size of the tree; needs matplotlib (``pip install -e '.[bench]'``)."""

from __future__ import annotations

import importlib
from pathlib import Path

from bench.figures import Table


def draw(table: Table, file: Path) -> None:
    """Write the graph of the table (files, lines, cold seconds, seconds after one change, MiB) as a PNG.

    Raises:
        RuntimeError: matplotlib is not installed.
    """
    try:
        importlib.import_module("matplotlib").use("Agg")
        pyplot = importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise RuntimeError("the graph needs matplotlib: pip install -e '.[bench]'") from error
    files, _lines, cold, warm, memory = zip(*table.rows, strict=True)
    figure, (times, held) = pyplot.subplots(1, 2, figsize=(10, 4))
    times.plot(files, cold, marker="o", label="all files read (cold)")
    times.plot(files, warm, marker="s", label="one file changed (warm)")
    times.set(xlabel="PHP files of the tree", ylabel="seconds", title="amcloud check", ylim=(0, None))
    times.legend()
    held.plot(files, memory, marker="o", color="tab:green")
    held.axhline(150, linestyle="--", color="tab:red", label="150 MiB")
    held.set(
        xlabel="PHP files of the tree", ylabel="MiB (PSS, all processes)", title="peak memory, cold", ylim=(0, None)
    )
    held.legend()
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
