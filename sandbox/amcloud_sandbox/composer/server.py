"""``python -m amcloud_sandbox.composer.server FOLDER ADDRESS:PORT…``: the repository over HTTP, read-only.

One listener an address, and nothing but the files of the folder: no listing, no link that leaves it.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from amcloud_sandbox.composer.advisories import FILE as ADVISORIES
from amcloud_sandbox.composer.repository import DISTS, INDEX

_IP_FREEBIND = 15  # linux/in.h; Python's socket module does not name it


class Handler(SimpleHTTPRequestHandler):
    """Serves the index, the advisories and ``dist/*.zip`` of the folder that ``current`` points to at that moment."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """The file, else 404."""
        if self._is_published():
            super().do_GET()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_HEAD(self) -> None:
        """The file's headers, else 404."""
        if self._is_published():
            super().do_HEAD()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _is_published(self) -> bool:
        path = self.path.partition("?")[0]
        folder, _, name = path.rpartition("/")
        return path in (f"/{INDEX}", f"/{ADVISORIES}") or (folder == f"/{DISTS}" and name.endswith(".zip"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """One JSON line on standard error."""
        line = json.dumps({"client": self.client_address[0], "message": format % args})
        sys.stderr.write(f"{line}\n")


class Listener(ThreadingHTTPServer):
    """A listener that may bind an address that the machine does not have yet (the sandbox's bridge)."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Binds without asking the resolver for the host's name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        address, port = self.socket.getsockname()[:2]
        self.server_name, self.server_port = str(address), int(port)


def listener(folder: Path, address: str, port: int) -> Listener:
    """A bound server of ``folder``; the caller runs ``serve_forever``."""
    return Listener((address, port), partial(Handler, directory=str(folder)))


def main(arguments: list[str]) -> None:
    """Serves until stopped."""
    folder = Path(arguments[0])
    servers = []
    for place in arguments[1:]:
        address, _, port = place.rpartition(":")
        servers.append(listener(folder, address, int(port)))
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
