"""``amcloud check`` on a corpus made here, against ``php -l`` and ``phpcs`` in the same run.

The corpus is a temporary git repository: the sample application, and the PHP sources that Debian installed on this
machine. Every process starts anew (cold), the files are in the page cache.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import figures, processes
from bench.figures import Table, ratio, say

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sandbox" / "apps" / "suivi-courriers"
DEBIAN = Path("/usr/share/php")
AMCLOUD = Path(sys.executable).with_name("amcloud")
PROCESSES = 2
TIMEOUT_S = 60.0
ANSWERED = (0, 1)  # conforming or not; anything else says that the engine could not tell
XARGS_REFUSED = 123  # PHP refuses one of the files
PHPCS_DONE = (0, 1, 2)  # without or with style errors
IDENTITY = ("-c", "user.name=Mesure (exemple)", "-c", "user.email=mesure@exemple.invalid")
COLUMNS = ("measured", "PHP files", "seconds", "files/s", "CPU s", "peak PSS MiB", "time / check", "CPU / check")


@dataclass(frozen=True, slots=True)
class Corpus:
    """A git repository and its PHP files, in their order."""

    folder: Path
    files: tuple[Path, ...]
    lines: int


@dataclass(frozen=True, slots=True)
class Command:
    """What is measured: a program on ``files`` PHP files, with the exit statuses that mean that it did its work."""

    name: str
    argv: tuple[str, ...]
    files: int
    ok: tuple[int, ...]
    given: str = ""
    """Its standard input."""


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
    def of(cls, command: Command, runs: Sequence[Run], peak_mib: float | None) -> Measured:
        """From the runs."""
        seconds, cpu_s = (
            statistics.median(values) for values in zip(*((r.seconds, r.cpu_s) for r in runs), strict=True)
        )
        return cls(command.name, command.files, seconds, cpu_s, peak_mib)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = figures.parser("check", "Measures `amcloud check` against `php -l` and phpcs on the same files.")
    made.add_argument("--repeat", type=figures.positive, default=3, help="rounds; the median counts (3)")
    made.add_argument("--subset", type=figures.positive, default=150, help="PHP files given to the peers (150)")
    return made


def spread(files: Sequence[Path], count: int) -> tuple[Path, ...]:
    """``count`` of the files at equal distances, the same ones at each run; all of them when there are no more."""
    if len(files) <= count:
        return tuple(files)
    return tuple(files[number * len(files) // count] for number in range(count))


def repository(folder: Path, files: Sequence[tuple[Path, Path]] = ()) -> Corpus:
    """The git repository of what lies in ``folder`` and of copies of ``files`` (source, place), committed."""
    for source, place in files:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / place)
    for arguments in (("init", "--quiet"), ("add", "--all"), (*IDENTITY, "commit", "--quiet", "-m", "Corpus")):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, timeout=TIMEOUT_S)
    php = tuple(sorted(file for file in folder.rglob("*.php") if file.is_file() and not file.is_symlink()))
    return Corpus(folder, php, sum(file.read_bytes().count(b"\n") for file in php))


def corpora(folder: Path, subset: int) -> tuple[Corpus, Corpus, Corpus]:
    """The whole corpus, its subset with the same sample around it, and the sample alone."""
    whole, part, alone = (folder / name for name in ("whole", "part", "alone"))
    for place in (whole, part, alone):
        shutil.copytree(SAMPLE, place)
    debian = [(file, Path("debian") / file.relative_to(DEBIAN)) for file in sorted(DEBIAN.rglob("*.php"))]
    debian = [(file, place) for file, place in debian if file.is_file() and not file.is_symlink()]
    made = repository(whole, debian)
    chosen = spread([place for _, place in debian], subset)
    return made, repository(part, [(whole / place, place) for place in chosen]), repository(alone)


def checking(name: str, corpus: Corpus) -> Command:
    """``amcloud check``; its report lies beside the corpus."""
    argv = (str(AMCLOUD), "check", str(corpus.folder), "--format", "json", "--output", str(_report(corpus)))
    return Command(f"amcloud check, {name}", argv, len(corpus.files), ANSWERED)


def peers(subset: Corpus) -> list[Command]:
    """``php -l``, a process a file, and phpcs, where they are installed: each with :data:`PROCESSES` at a time."""
    listed, count = "\n".join(map(str, subset.files)), len(subset.files)
    found = []
    if shutil.which("php"):
        lint = ("xargs", "-d", "\n", "-P", str(PROCESSES), "-n", "1", "php", "-n", "-l")
        found.append(Command(f"php -l, {PROCESSES} at a time", lint, count, (0, XARGS_REFUSED), listed))
    if shutil.which("phpcs"):
        names = subset.folder.with_suffix(".files")
        names.write_text(listed, encoding="utf-8")
        style = ("phpcs", "--standard=PSR12", f"--parallel={PROCESSES}", "-q", "--report=summary")
        argv = (*style, f"--file-list={names}")
        found.append(Command(f"phpcs PSR12, {PROCESSES} at a time", argv, count, PHPCS_DONE))
    return found


def run(command: Command) -> Run:
    """One run.

    Raises:
        RuntimeError: it ended with a status that does not mean that it did its work.
    """
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command.argv, input=command.given, text=True, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in command.ok:
        raise RuntimeError(f"{command.name} ended with {done.returncode}: {done.stderr[-500:]}")
    return Run(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def peak_mib(command: Command) -> float:
    """Memory of one more run and its children, so that looking at it slows none of those that are timed."""
    process = subprocess.Popen(command.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with processes.watched(process.pid) as peak:
        process.wait(TIMEOUT_S)
    return peak.mib


def judged(corpus: Corpus) -> None:
    """Returns if the last report on the corpus speaks of all its files, and of their syntax.

    Raises:
        RuntimeError: it does not: the figures would not compare.
    """
    said = json.loads(_report(corpus).read_bytes())
    if not said["php_version"]:
        raise RuntimeError("amcloud check found no PHP of the hosted version: its figures would not compare")
    if said["files"] < len(corpus.files):
        raise RuntimeError(f"amcloud check saw {said['files']} files where there are {len(corpus.files)}")


def _report(corpus: Corpus) -> Path:
    return corpus.folder.with_suffix(".json")


def table(rows: Sequence[Measured], reference: Measured, notes: Sequence[str]) -> Table:
    """The figures; the ratios compare what was given the same files as ``reference``."""
    return Table("The norm engine", COLUMNS, tuple(_cells(row, reference) for row in rows), tuple(notes))


def _cells(row: Measured, reference: Measured) -> tuple[figures.Cell, ...]:
    same = row.files == reference.files
    return (
        *(row.name, row.files, row.seconds, row.files / row.seconds, row.cpu_s, row.peak_mib),
        ratio(row.seconds, reference.seconds) if same else None,
        ratio(row.cpu_s, reference.cpu_s) if same else None,
    )


def measure(repeat: int, subset: int) -> Table:
    """The whole measurement. Rounds of one run each: a busy moment of the machine is shared by all."""
    before = figures.load()
    with tempfile.TemporaryDirectory(prefix="amcloud-bench-") as folder:
        say("making the corpus")
        whole, part, alone = corpora(Path(folder), subset)
        ours = [checking("whole corpus", whole), checking("sample application", alone), checking("subset", part)]
        commands = [*ours, *peers(part)]
        runs: dict[Command, list[Run]] = {command: [] for command in commands}
        for number in range(repeat):
            say(f"round {number + 1} of {repeat}")
            for command in commands:
                runs[command].append(run(command))
        for corpus in (whole, alone, part):
            judged(corpus)
        say("memory")
        rows = [Measured.of(each, runs[each], peak_mib(each) if each in ours else None) for each in commands]
    notes = (
        f"whole corpus: {DEBIAN} and the sample application, {len(whole.files)} PHP files, {whole.lines} lines; "
        f"subset: {len(part.files)} files, {part.lines} lines",
        f"medians of {repeat} rounds, each run in new processes, with the files in the page cache",
        f"at the start: {before}; at the end: {figures.load()}",
    )
    return table(rows, rows[2], notes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    options = parser().parse_args(arguments)
    if not AMCLOUD.exists():
        say(f"{AMCLOUD} is not there: make setup, then .venv/bin/python -m bench.check")
        return 1
    figures.show([measure(options.repeat, options.subset)], options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
