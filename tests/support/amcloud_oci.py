"""A registry over HTTP that holds one image a commit, and fails in each way that a registry does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Registry(ThreadingHTTPServer):
    """``fails``: ``""`` when all is well, else a status, ``html`` or ``truncated``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fails = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        content = _manifest(name) if "/manifests/" in self.path else _configuration_of(name)
        match self.server.fails:
            case "":
                self._answer(200, content)
            case "html":
                self._answer(200, b"<html><body>Proxy</body></html>", kind="text/html")
            case "truncated":
                self._answer(200, content[: len(content) // 2], length=len(content))
            case status:
                self._answer(int(status), b"{}")

    def _answer(self, status: int, content: bytes, *, kind: str = MANIFEST, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


_COMMITS: dict[str, str] = {}


def _configuration(commit: str) -> bytes:
    return json.dumps({"config": {"Labels": {"org.opencontainers.image.revision": commit}}}).encode()


def _configuration_of(digest: str) -> bytes:
    return _configuration(_COMMITS.get(digest, ""))


def _manifest(commit: str) -> bytes:
    digest = f"sha256:{hashlib.sha256(_configuration(commit)).hexdigest()}"
    _COMMITS[digest] = commit
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": digest}, "layers": []}).encode()


@contextmanager
def running_registry() -> Iterator[Registry]:
    """The registry, until the block ends."""
    server = Registry()
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
