"""``python -m amcloud_sandbox.edge``: follows the cluster and keeps nginx's configuration true, until it is ended."""

from __future__ import annotations

import argparse
import logging
import threading
import time
from pathlib import Path

from amcloud_sandbox.edge.routes import Refused, table
from amcloud_sandbox.edge.server import Server
from amcloud_sandbox.edge.watching import mirrors

# Changes come in bursts (a rollout writes Endpoints several times); a burst is waited out, but never for long.
QUIET_S = 0.05
AT_MOST_S = 0.3
BETWEEN_RELOADS_S = 0.2

logger = logging.getLogger("amcloud_sandbox.edge")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="amcloud_sandbox.edge", description="Entrée HTTP du bac à sable")
    parser.add_argument("--kubeconfig", required=True, help="accès au cluster (lecture)")
    parser.add_argument("--folder", required=True, type=Path, help="dossier des fichiers de nginx")
    parser.add_argument("--listen", required=True, action="append", help="adresse:port (répétable)")
    return parser.parse_args()


def main() -> None:
    """Runs for ever."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options = arguments()
    server = Server(folder=options.folder, listen=tuple(options.listen))
    server.prepare()
    changed = threading.Event()
    ingresses, services, endpoints = kinds = mirrors(options.kubeconfig, changed.set)
    for kind in kinds:
        kind.start()
    for kind in kinds:
        kind.synced.wait()  # half a picture would take hosts away
    said: frozenset[Refused] = frozenset()
    while True:
        changed.wait()
        _settle(changed)
        wanted = table(ingresses.objects().values(), services.objects(), endpoints.objects())
        refused = frozenset((*wanted.refused, *server.put_in_force(wanted.routes)))
        for one in sorted(refused - said, key=str):
            logger.warning("Ingress %s : %s", one.origin, one.problem)
        said = refused
        time.sleep(BETWEEN_RELOADS_S)  # also gives nginx the time to follow
        server.followed.touch()


def _settle(changed: threading.Event) -> None:
    until = time.monotonic() + AT_MOST_S
    while time.monotonic() < until:
        changed.clear()
        if not changed.wait(QUIET_S):
            return
    changed.clear()


if __name__ == "__main__":
    main()
