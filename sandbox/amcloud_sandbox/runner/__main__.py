"""``python -m amcloud_sandbox.runner``: runs the forge's pipelines, two at once, until it is stopped."""

from __future__ import annotations

import argparse
import logging
import os
import pwd
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

import amcloud
import amcloud_sandbox
import psram
from amcloud_sandbox.runner import cells, pipeline
from amcloud_sandbox.runner.base_images import BaseImages
from amcloud_sandbox.runner.client import ForgeClient
from amcloud_sandbox.runner.isolation import Cell

AT_ONCE = 2
AWAY_S = 1.0
BASE_IMAGE_VARIABLE = "AMCLOUD_PHP_BASE_IMAGE"
log = logging.getLogger("amcloud_sandbox.runner")


@dataclass(frozen=True, slots=True)
class Options:
    """What the runner is told at start."""

    url: str
    token: str
    account: str
    state: Path
    tools: Path
    registry: str
    registry_api: str
    at_once: int


def parse(arguments: list[str] | None = None) -> Options:
    """The command line's options."""
    found = argparse.ArgumentParser(
        prog="python -m amcloud_sandbox.runner", description="Exécuteur des pipelines de la forge."
    )
    found.add_argument("--forge", required=True, metavar="URL")
    found.add_argument("--token-file", type=Path, required=True, help="jeton de l'exécuteur")
    found.add_argument("--account", required=True, help="compte sans privilège des travaux")
    found.add_argument(
        "--state", type=Path, required=True, help="dossier de travail (images, caches, travaux en cours)"
    )
    found.add_argument("--tools", type=Path, required=True, help="dossier où npm a installé gitlab-ci-local")
    found.add_argument("--registry", required=True, help="nom du registre dans les images")
    found.add_argument("--registry-api", required=True, metavar="URL")
    found.add_argument("--at-once", type=int, default=AT_ONCE)
    given = found.parse_args(arguments)
    token = given.token_file.read_text(encoding="utf-8").strip()
    return Options(
        given.forge, token, given.account, given.state, given.tools, given.registry, given.registry_api, given.at_once
    )


def product() -> tuple[Path, ...]:
    """Folders of modules with which a job's ``python3`` can run ``amcloud``; none where it is another Python."""
    machine = subprocess.run(
        ("/usr/bin/python3", "-c", "import sys; print(sys.version_info[:2])"),
        capture_output=True,
        text=True,
        check=False,
    )
    if machine.stdout.strip() != str(sys.version_info[:2]):
        log.warning("jobs have no amcloud: this Python is not /usr/bin/python3's version")
        return ()
    packages = (Path(package.__path__[0]).parent for package in (amcloud, psram, amcloud_sandbox))
    return tuple(dict.fromkeys((*packages, Path(sysconfig.get_path("platlib")))))


class Runner:
    """Threads that claim and run pipelines, each in a cell of its own."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._forge = ForgeClient(options.url, options.token, name="amcloud-runner")
        self._images = BaseImages(options.registry, options.registry_api)
        self._busy = [threading.Lock() for _ in range(options.at_once)]
        self._product = product()
        self.stopping = threading.Event()

    def serve(self) -> None:
        """Returns after :attr:`stopping` was set and every job has ended."""
        self._own(self._options.state / "images")
        cells.sweep(self._options.state / "cells")
        self._until_answered()
        for number, busy in enumerate(self._busy):
            threading.Thread(target=self._work, args=(busy,), name=f"pipeline-{number}", daemon=True).start()
        self.stopping.wait()
        for busy in self._busy:  # those that only wait for a pipeline end with us
            busy.acquire()

    def _own(self, folder: Path) -> None:
        user = pwd.getpwnam(self._options.account)
        folder.mkdir(parents=True, exist_ok=True)
        for path in (self._options.state, folder.parent):
            path.chmod(0o711)
        os.chown(folder, user.pw_uid, user.pw_gid)

    def _until_answered(self) -> None:
        while not self.stopping.is_set():
            try:
                self._forge.hello()
            except requests.RequestException:
                self.stopping.wait(AWAY_S)
            else:
                return

    def _work(self, busy: threading.Lock) -> None:
        while not self.stopping.is_set():
            try:
                work = self._forge.claim()
            except requests.RequestException:
                self.stopping.wait(AWAY_S)
                continue
            if work is not None:
                with busy:
                    self._run(work)

    def _run(self, work: dict[str, Any]) -> None:
        began = time.monotonic()
        cell = self._cell(work)
        try:
            pipeline.prepare(cell, self._options.registry)
            self._base_images(work, cell)
            outcome = pipeline.Pipeline(work, cell, self._forge, self._options.registry, self.stopping).run()
            log.info(
                "pipeline %s of %s: %s in %.1f s", work["id"], work["project_path"], outcome, time.monotonic() - began
            )
        except Exception:
            log.exception("pipeline %s of %s", work["id"], work["project_path"])
            self._give_up(work)
        finally:
            cells.remove(cell)

    def _give_up(self, work: dict[str, Any]) -> None:
        try:
            self._forge.refuse(work["id"], "The runner failed; its log says why.")
        except requests.RequestException:
            log.warning("the forge is away")

    def _cell(self, work: dict[str, Any]) -> Cell:
        state = self._options.state
        return Cell(
            account=self._options.account,
            folder=state / "cells" / f"{work['id']}-{time.time_ns()}",
            images=state / "images",
            cache=state / "caches" / str(work["project_id"]),
            tools=self._options.tools,
            product=self._product,
        )

    def _base_images(self, work: dict[str, Any], cell: Cell) -> None:
        for item in work["variables"]:
            if item["key"] == BASE_IMAGE_VARIABLE:
                problem = self._images.ensure(item["value"], cell)
                if problem:
                    log.warning("base image %s: %s", item["value"], problem)


def main(arguments: list[str] | None = None) -> None:
    """Runs until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    runner = Runner(parse(arguments))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stopping.set())
    runner.serve()


if __name__ == "__main__":
    main()
