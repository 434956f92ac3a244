"""``amcloud check`` against ``php -l`` and ``phpcs`` on the same files, in the same run; and what a change costs.

The corpus comes from Debian's packages (:mod:`bench.corpus`). Every process starts anew, the files are in the page
cache; "cold" has an empty cache of facts, "warm" one that knows the commit before.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import corpus, figures, processes
from bench.corpus import Corpus, spread
from bench.figures import Cell, Table, ratio, say

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sandbox" / "apps" / "suivi-courriers"
AMCLOUD = Path(sys.executable).with_name("amcloud")
PROCESSES = 2
TIMEOUT_S = 600.0
ANSWERED = (0, 1)  # conforming or not; anything else says that the engine could not tell
XARGS_REFUSED = 123  # PHP refuses one of the files
PHPCS_DONE = (0, 1, 2)  # without or with style errors
COLUMNS = ("measured", "PHP files", "seconds", "files/s", "CPU s", "peak PSS MiB", "files/s ÷ peer", "CPU peer ÷ own")
SIZES = (100, 300, 1000, 2000, 5000, 10000)
CHANGES = (1, 10, 100)


@dataclass(frozen=True)
class Command:
    """What is measured: a program on ``files`` PHP files, with the exit statuses that mean that it did its work."""

    name: str
    argv: tuple[str, ...]
    files: int
    ok: tuple[int, ...]
    given: str = ""
    """Its standard input."""
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    report: Path | None = None
    """What it writes when it did its work."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of the whole process, start included, and of processor by it and its children."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The medians of a command's runs."""

    name: str
    files: int
    seconds: float
    cpu_s: float
    peak_mib: float | None = None

    @classmethod
    def of(cls, command: Command, runs: Sequence[Run], peak_mib: float | None = None) -> Measured:
        """From the runs."""
        seconds, cpu_s = (
            statistics.median(values) for values in zip(*((r.seconds, r.cpu_s) for r in runs), strict=True)
        )
        return cls(command.name, command.files, seconds, cpu_s, peak_mib)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = figures.parser("check", "Measures `amcloud check` against `php -l` and phpcs on the same files.")
    made.add_argument("--repeat", type=figures.positive, default=3, help="rounds; the median counts (3)")
    made.add_argument("--files", type=figures.positive, default=2000, help="PHP files of the main corpus (2000)")
    made.add_argument("--graph", type=Path, help="write the graph of time against tree size to this PNG (matplotlib)")
    return made


def checking(name: str, made: Corpus, cache: Path) -> Command:
    """``amcloud check`` with the cache of facts in ``cache``; its report lies beside the corpus."""
    argv = (str(AMCLOUD), "check", str(made.folder), "--format", "json", "--output", str(_report(made)))
    env = {"XDG_CACHE_HOME": str(cache)}
    return Command(f"amcloud check, {name}", argv, len(made.files), ANSWERED, env=env, report=_report(made))


def peers(made: Corpus) -> list[Command]:
    """phpcs and ``php -l`` (a process a file), where they are installed: each with :data:`PROCESSES` at a time."""
    listed, count = "\n".join(map(str, made.files)), len(made.files)
    found = []
    if shutil.which("phpcs"):
        names = made.folder.with_suffix(".files")
        names.write_text(listed, encoding="utf-8")
        style = ("phpcs", "--standard=PSR12", f"--parallel={PROCESSES}", "-q", "--report=summary")
        found.append(Command("phpcs PSR12 --parallel=2", (*style, f"--file-list={names}"), count, PHPCS_DONE))
    if shutil.which("php"):
        for name, options in (("php -l", ()), ("php -n -l (no php.ini)", ("-n",))):
            lint = ("xargs", "-d", "\n", "-P", str(PROCESSES), "-n", "1", "php", *options, "-l")
            found.append(Command(f"{name}, {PROCESSES} at a time", lint, count, (0, XARGS_REFUSED), listed))
    return found


def run(command: Command) -> Run:
    """One run, whose answer is a new one.

    Raises:
        RuntimeError: it ended with a status that does not mean that it did its work.
    """
    if command.report is not None:
        command.report.unlink(missing_ok=True)
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command.argv,
        input=command.given,
        text=True,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, **command.env},
    )
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in command.ok or not (command.report is None or command.report.exists()):
        raise RuntimeError(f"{command.name} ended with {done.returncode}: {done.stderr[-500:]}")
    return Run(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def peak_mib(command: Command) -> float:
    """Memory of one more run and its children, so that looking at it slows none of those that are timed."""
    process = subprocess.Popen(
        command.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **command.env}
    )
    with processes.watched(process.pid) as peak:
        process.wait(TIMEOUT_S)
    return peak.mib


def judged(made: Corpus) -> None:
    """Returns if the last report on the corpus speaks of all its files, and of their syntax.

    Raises:
        RuntimeError: it does not: the figures would not compare.
    """
    said = json.loads(_report(made).read_bytes())
    if not said["php_version"]:
        raise RuntimeError("amcloud check found no PHP of the hosted version: its figures would not compare")
    if said["files"] < len(made.files):
        raise RuntimeError(f"amcloud check saw {said['files']} files where there are {len(made.files)}")


def _report(made: Corpus) -> Path:
    return made.folder.with_suffix(".json")


def table(title: str, ours: Sequence[Measured], others: Sequence[Measured], notes: Sequence[str]) -> Table:
    """The figures; a peer's ratios say how much more the first of ours does on the same files."""
    rows = [_cells(row, None) for row in ours]
    rows += [_cells(row, ours[0] if row.files == ours[0].files else None) for row in others]
    return Table(title, COLUMNS, tuple(rows), tuple(notes))


def _cells(row: Measured, reference: Measured | None) -> tuple[Cell, ...]:
    speed = row.files / row.seconds
    return (
        *(row.name, row.files, row.seconds, speed, row.cpu_s, row.peak_mib),
        None if reference is None else ratio(reference.files / reference.seconds, speed),
        None if reference is None else ratio(row.cpu_s, reference.cpu_s),
    )


def cold(folder: Path, made: Corpus, repeat: int) -> Table:
    """A full check with an empty cache, against the peers. Rounds of one run each: a busy moment is shared by all."""
    others = peers(made)
    runs: dict[str, list[Run]] = {}
    for number in range(repeat):
        say(f"cold, round {number + 1} of {repeat}")
        ours = checking("cold", made, folder / f"cold-{number}")
        for command in (ours, *others):
            runs.setdefault(command.name, []).append(run(command))
    judged(made)
    peak = peak_mib(checking("cold", made, folder / "cold-memory"))
    notes = (
        f"{len(made.files)} PHP files at equal distances in {', '.join(corpus.TREES)}, {made.lines} lines",
        f"medians of {repeat} rounds, each run in new processes, with the files in the page cache",
    )
    return table(
        "A full check, against peers",
        [Measured.of(ours, runs[ours.name], peak)],
        [Measured.of(command, runs[command.name]) for command in others],
        notes,
    )


def warm(folder: Path, made: Corpus, repeat: int) -> Table:
    """A check after a commit that changed some files, with the cache of the check before."""
    cache = folder / "warm"
    command = checking("warm", made, cache)
    run(command)
    rows: list[tuple[Cell, ...]] = []
    for count in (0, *CHANGES):
        say(f"warm, {count} file(s) changed of {len(made.files)}")
        whole: list[float] = []
        first: list[float] = []
        staying: list[float] = []
        for number in range(repeat):
            for timed in (whole, first, staying):
                if count:
                    made.changed(count, f"{count} {number} {len(whole)} {len(first)}")
                timed.append(run(command).seconds if timed is whole else _inside(made, cache, timed is staying))
        rows.append((f"{count} changed of {len(made.files)}", *map(statistics.median, (whole, first, staying))))
    columns = ("warm check", "command s", "engine s, new process", "engine s, process that stays")
    notes = (
        f"medians of {repeat} rounds; the engine's time is from the question to the verdict, its processes included",
        "a process that stays (the operator) has loaded the engine and the norms before",
    )
    return Table("What a change costs", columns, tuple(rows), notes)


def _inside(made: Corpus, cache: Path, staying: bool) -> float:
    """Seconds inside the engine. In a process that stays, something else was asked before: the sample application."""
    script = [sys.executable, "-m", "bench.engine", str(made.folder), str(cache / "amcloud")]
    if staying:
        script.append(str(SAMPLE))
    done = subprocess.run(script, cwd=ROOT, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
    return float(json.loads(done.stdout))


def sizes(folder: Path, files: Sequence[Path], repeat: int) -> Table:
    """Time and memory against the size of the tree, cold and then with one file changed."""
    rows: list[tuple[Cell, ...]] = []
    for count in SIZES:
        if count > len(files):
            continue
        say(f"{count} files")
        made = corpus.repository(folder / f"size-{count}", spread(files, count))
        fresh = [run(checking("", made, folder / f"size-{count}-{n}")).seconds for n in range(repeat)]
        peak = peak_mib(checking("", made, folder / f"size-{count}-memory"))
        again = []
        for number in range(repeat):
            made.changed(1, f"{number}")
            again.append(run(checking("", made, folder / f"size-{count}-0")).seconds)
        rows.append((count, made.lines, statistics.median(fresh), statistics.median(again), peak))
        shutil.rmtree(made.folder)
    columns = ("PHP files", "lines", "cold s", "one changed s", "cold, peak PSS MiB")
    return Table("Against the size of the tree", columns, tuple(rows), (f"medians of {repeat}; `amcloud check`",))


def measure(repeat: int, count: int) -> list[Table]:
    """The whole measurement."""
    before = figures.load()
    files = [file for tree in corpus.sources().values() for file in tree]
    with tempfile.TemporaryDirectory(prefix="amcloud-bench-") as name:
        folder = Path(name)
        say("making the corpus")
        made = corpus.repository(folder / "main", spread(files, count))
        tables = [cold(folder, made, repeat), warm(folder, made, repeat), sizes(folder, files, repeat)]
    last = tables[-1]
    notes = (*last.notes, f"at the start: {before}; at the end: {figures.load()}")
    return [*tables[:-1], Table(last.title, last.columns, last.rows, notes)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    options = parser().parse_args(arguments)
    if not AMCLOUD.exists():
        say(f"{AMCLOUD} is not there: make setup, then .venv/bin/python -m bench.check")
        return 1
    try:
        tables = measure(options.repeat, options.files)
    except RuntimeError as error:
        say(str(error))
        return 1
    if options.graph is not None:
        from bench import graph

        graph.draw(tables[-1], options.graph)
    figures.show(tables, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
