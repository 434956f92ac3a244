"""``python -m amcloud_sandbox.forge``: serves GitLab's stand-in until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from amcloud_sandbox.forge.app import build
from amcloud_sandbox.forge.config import ACTIVITY_INTERVAL_S, Config
from amcloud_sandbox.forge.state import Forge, open_forge

BACKLOG = 512


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    found = argparse.ArgumentParser(
        prog="python -m amcloud_sandbox.forge", description="Forge du bac à sable (à la place de GitLab)."
    )
    found.add_argument("--data", type=Path, required=True, help="dossier des dépôts et de l'état")
    found.add_argument(
        "--listen", action="append", required=True, metavar="HÔTE:PORT", help="adresse d'écoute (répétable)"
    )
    found.add_argument("--url", required=True, help="adresse par laquelle les clients joignent la forge")
    found.add_argument("--root-token-file", type=Path, help="jeton de l'administrateur (ou variable FORGE_ROOT_TOKEN)")
    found.add_argument("--runner-token-file", type=Path, help="jeton des exécuteurs (ou variable FORGE_RUNNER_TOKEN)")
    found.add_argument("--activity-interval", type=float, default=ACTIVITY_INTERVAL_S, metavar="SECONDES")
    return found


def _token(path: Path | None, variable: str) -> str:
    value = path.read_text(encoding="utf-8").strip() if path else os.environ.get(variable, "")
    if not value:
        raise SystemExit(f"jeton absent : donner l'option du fichier ou la variable {variable}")
    return value


def listening(address: str) -> socket.socket:
    """A listening socket at ``host:port``."""
    host, _, port = address.rpartition(":")
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host.strip("[]"), int(port)))
    found.listen(BACKLOG)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT."""
    options = parser().parse_args(arguments)
    config = Config(
        data=options.data,
        url=options.url.rstrip("/"),
        root_token=_token(options.root_token_file, "FORGE_ROOT_TOKEN"),
        runner_token=_token(options.runner_token_file, "FORGE_RUNNER_TOKEN"),
        activity_interval_s=options.activity_interval,
    )
    sockets = [listening(address) for address in options.listen]
    forge = open_forge(config)
    server = uvicorn.Server(
        uvicorn.Config(build(forge), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
    )
    # uvicorn takes SIGTERM for itself while it serves: this one goes first, then hands over.
    server.handle_exit = _hang_up_first(forge, server.handle_exit)  # type: ignore[assignment,method-assign]
    try:
        asyncio.run(server.serve(sockets=sockets))
    finally:
        forge.close()


Handler = Callable[[int, FrameType | None], None]


def _hang_up_first(forge: Forge, then: Handler) -> Handler:
    def handler(number: int, frame: FrameType | None) -> None:
        # Not from the signal handler itself: the waiting threads may hold the condition's lock.
        threading.Thread(target=forge.hang_up).start()
        then(number, frame)

    return handler


if __name__ == "__main__":
    main()
