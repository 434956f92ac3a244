"""The disposable process that reads hostile contents: jobs on standard input, what was found on standard output.

It bounds itself before it reads anything: address space once, processor time anew at each job. Before each content it
notes which one it begins with; when it dies, the caller knows which content to try alone.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from psram.errors import CollectError
from psram.facts import ComposerFacts
from psram.worker import git
from psram.worker.messages import Done, Found, Item, Job, Setup, frame, read_frame, roles_of
from psram.worker.php import Compiler

_COULD_NOT = 70


def main(progress: int) -> None:
    """Serve until the input ends; ``progress`` is the descriptor where the content at work is noted."""
    given = read_frame(sys.stdin.buffer)
    if given is None:
        return
    setup = msgspec.msgpack.decode(given, type=Setup)
    os.environ["HOME"] = os.environ["TMPDIR"] = setup.folder
    os.chdir(setup.folder)
    with git.Objects(Path(setup.repository)) as objects:
        objects.start()  # before this process's processor time is bounded: git and PHP serve all jobs
        compiler = Compiler(setup.php, setup.timeout_s) if setup.php is not None else None
        if compiler is not None:
            compiler.begin()
        _bound_memory(setup.memory_bytes)
        try:
            _serve(Reader(setup, objects, compiler, progress))
        except (MemoryError, RecursionError, CollectError):
            os._exit(_COULD_NOT)  # as good as dead: what was held is let go
        finally:
            if compiler is not None:
                compiler.close()


def _serve(reader: Reader) -> None:
    while (given := read_frame(sys.stdin.buffer)) is not None:
        done = reader.done(msgspec.msgpack.decode(given, type=Job))
        sys.stdout.buffer.write(frame(done))
        sys.stdout.buffer.flush()


class Reader:
    """Reads jobs."""

    def __init__(self, setup: Setup, objects: git.Objects, compiler: Compiler | None, progress: int) -> None:
        self._setup = setup
        self._objects = objects
        self._compiler = compiler
        self._progress = progress

    def done(self, job: Job) -> Done:
        """What the contents of a job gave, in their order."""
        from psram.collect import contents

        _bound_time(self._setup.file_cpu_s, self._setup.cpu_s)
        held = list(self._contents(job.items))
        if self._compiler is not None:  # PHP compiles while this process reads
            asked = ((item, content) for item, content in held if item.syntax)
            self._compiler.start([(i.blob, c) for i, c in asked if c is not None and not contents.is_binary(c)])
        readings: dict[str, bytes] = {}
        for place, (item, content) in enumerate(held):
            self._note(job.number, place)
            if item.facts:
                reading = contents.read(content, roles_of(item.roles), link=item.link)
                readings[item.blob] = msgspec.msgpack.encode(reading)
        self._note(job.number, len(held))
        composed = None if job.composer is None else self._composer(*job.composer)
        said = self._compiler.finish() if self._compiler is not None else {}
        found = tuple(Found(item.blob, readings.get(item.blob, b""), said.get(item.blob)) for item in job.items)
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Done(job.number, found, composed, kib=used.ru_maxrss, cpu_s=used.ru_utime + used.ru_stime)

    def _contents(self, items: tuple[Item, ...]) -> Iterator[tuple[Item, bytes | None]]:
        committed = self._objects.contents([item.blob for item in items if not item.path])
        for item in items:
            yield item, self._on_disk(item) if item.path else next(committed)

    def _on_disk(self, item: Item) -> bytes | None:
        """What lies there, if it is still the content that was listed."""
        from psram.collect.listing import blob_id, disk_content

        content = disk_content(Path(item.path), self._setup.max_blob_bytes)
        return content if content is not None and blob_id(content) == item.blob else None

    def _composer(self, manifest: Item | None, lock: Item | None) -> ComposerFacts:
        from psram.collect import composer

        asked = tuple(item for item in (manifest, lock) if item is not None)
        held = {item.blob: content for item, content in self._contents(asked)}
        return composer.facts(*(None if item is None else held[item.blob] for item in (manifest, lock)))

    def _note(self, number: int, place: int) -> None:
        os.pwrite(self._progress, number.to_bytes(4, "big") + place.to_bytes(4, "big"), 0)


def _bound_memory(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bound_time(file_cpu_s: int, cpu_s: int) -> None:
    """This process may take so many seconds of processor more, and ``cpu_s`` in all."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + file_cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft, cpu_s), cpu_s + 1))
