"""``amcloud check`` on a corpus made here, against ``php -l`` and ``phpcs`` in the same run.

The corpus is a temporary git repository: the sample application, and the PHP sources that Debian installed on this
machine. Every process starts anew (cold), the files are in the page cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import figures, memory
from bench.figures import Table, ratio, say

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sandbox" / "apps" / "suivi-courriers"
DEBIAN = Path("/usr/share/php")
AMCLOUD = Path(sys.executable).with_name("amcloud")
PROCESSES = 2
TIMEOUT_S = 60.0
ANSWERED = (0, 1)  # conforming or not; anything else says that the engine could not tell
IDENTITY = ("-c", "user.name=Mesure (exemple)", "-c", "user.email=mesure@exemple.invalid")
COLUMNS = ("measured", "PHP files", "seconds", "files/s", "peak PSS MiB", "speed / check, same files")


@dataclass(frozen=True, slots=True)
class Corpus:
    """A git repository and its PHP files, in their order."""

    folder: Path
    files: tuple[Path, ...]
    lines: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing measured; ``seconds`` of the whole process, start included."""

    name: str
    files: int
    seconds: float
    peak_mib: float | None = None

    @property
    def rate(self) -> float:
        """Files per second."""
        return self.files / self.seconds


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = figures.parser("check", "Measures `amcloud check` against `php -l` and phpcs on the same files.")
    made.add_argument("--repeat", type=figures.positive, default=3, help="runs; the median counts (3)")
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


def check_command(corpus: Corpus, report: Path) -> list[str]:
    """The command measured."""
    return [str(AMCLOUD), "check", str(corpus.folder), "--format", "json", "--output", str(report)]


def checked(name: str, corpus: Corpus, *, repeat: int) -> Measured:
    """The median of ``repeat`` cold runs; the memory is another run's, so that looking at it slows none of them.

    Raises:
        RuntimeError: a run did not judge the corpus, or PHP's syntax was not among what it judged.
    """
    say(f"amcloud check: {name}")
    report = corpus.folder.with_suffix(".json")
    command = check_command(corpus, report)
    seconds = statistics.median(timed(command, ANSWERED) for _ in range(repeat))
    said = json.loads(report.read_bytes())
    if not said.get("php_version"):
        raise RuntimeError("amcloud check found no PHP of the hosted version: its figures would not compare")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with memory.watched(process.pid) as peak:
        process.wait(TIMEOUT_S)
    return Measured(f"amcloud check, {name}", len(corpus.files), seconds, peak.mib)


def timed(command: Sequence[str], ok: Sequence[int], *, files: Sequence[Path] = ()) -> float:
    """Seconds that the whole process took; ``files`` are given on its standard input, one a line.

    Raises:
        RuntimeError: it ended with a status that is not ``ok``.
    """
    given = "\n".join(map(str, files))
    begin = time.perf_counter()
    done = subprocess.run(command, input=given, text=True, capture_output=True, timeout=TIMEOUT_S, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode not in ok:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return seconds


def peers(subset: Corpus, *, repeat: int) -> list[Measured]:
    """``php -l``, a process a file, and phpcs where it is installed: each with :data:`PROCESSES` at a time."""
    found = []
    if shutil.which("php"):
        say("php -l")
        lint = ["xargs", "-d", "\n", "-P", str(PROCESSES), "-n", "1", "php", "-n", "-l"]
        # 123: a file that this PHP refuses
        seconds = statistics.median(timed(lint, (0, 123), files=subset.files) for _ in range(repeat))
        found.append(Measured(f"php -l, {PROCESSES} at a time", len(subset.files), seconds))
    if phpcs := shutil.which("phpcs"):
        say("phpcs")
        listed = subset.folder.with_suffix(".files")
        listed.write_text("\n".join(map(str, subset.files)), encoding="utf-8")
        style = [
            phpcs,
            "--standard=PSR12",
            f"--parallel={PROCESSES}",
            "-q",
            "--report=summary",
            f"--file-list={listed}",
        ]
        # 1 and 2: style errors were found
        seconds = statistics.median(timed(style, (0, 1, 2)) for _ in range(repeat))
        found.append(Measured(f"phpcs PSR12, {PROCESSES} at a time", len(subset.files), seconds))
    return found


def table(rows: Sequence[Measured], reference: Measured, notes: Sequence[str]) -> Table:
    """The figures; the ratio compares what was given the same files as ``reference``."""
    cells = tuple(
        (
            *(row.name, row.files, row.seconds, row.rate, row.peak_mib),
            ratio(row.rate, reference.rate) if row.files == reference.files else None,
        )
        for row in rows
    )
    return Table("The norm engine", COLUMNS, cells, tuple(notes))


def measure(repeat: int, subset: int) -> Table:
    """The whole measurement."""
    before = figures.load()
    with tempfile.TemporaryDirectory(prefix="amcloud-bench-") as folder:
        say("making the corpus")
        whole, part, alone = corpora(Path(folder), subset)
        reference = checked("subset", part, repeat=repeat)
        rows = [
            checked("whole corpus", whole, repeat=repeat),
            checked("sample application", alone, repeat=repeat),
            reference,
            *peers(part, repeat=repeat),
        ]
    notes = (
        f"whole corpus: {DEBIAN} and the sample application, {len(whole.files)} PHP files, {whole.lines} lines; "
        f"subset: {len(part.files)} files, {part.lines} lines",
        f"median of {repeat} runs, each in new processes, with the files in the page cache",
        f"at the start: {before}; at the end: {figures.load()}",
    )
    return table(rows, reference, notes)


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
