"""The service over HTTP: every answer but ``/sante`` asks for a credential, and says in its journal who asked.

A missing or wrong credential is 401, a withdrawn one 403; neither tells whether the person asked for exists.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, assert_never

from amcloud_sandbox.composer.server import Listener
from amcloud_sandbox.national.access import Register, State
from amcloud_sandbox.national.insured import SAMPLES, Insured

VERSIONS: dict[str, Callable[[Insured], dict[str, Any]]] = {"v1": Insured.v1, "v2": Insured.v2}
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]{1,500})")
_ASKED = re.compile(r"/(?P<version>v[0-9]{1,3})/assures/(?P<number>[A-Za-z0-9-]{1,20})")

Answer = tuple[HTTPStatus, dict[str, Any]]


def answer(path: str, authorization: str, register: Register) -> tuple[Answer, str]:
    """What the service says, and which application it says it to (empty when that is not known)."""
    if path == "/sante":
        return (HTTPStatus.OK, {"statut": "ok"}), ""
    bearer = _BEARER.fullmatch(authorization)
    caller = register.caller(bearer[1]) if bearer else None
    if caller is None:
        return _refused(HTTPStatus.UNAUTHORIZED, "justificatif absent"), ""
    match caller.state:
        case State.UNKNOWN:
            return _refused(HTTPStatus.UNAUTHORIZED, "justificatif inconnu"), ""
        case State.WITHDRAWN:
            return _refused(HTTPStatus.FORBIDDEN, f"l'application {caller.app} n'est plus autorisée"), caller.app
        case State.LET_IN:
            return _found(path), caller.app
    assert_never(caller.state)


def _found(path: str) -> Answer:
    asked = _ASKED.fullmatch(path)
    if asked is None or asked["version"] not in VERSIONS:
        return _refused(HTTPStatus.NOT_FOUND, "adresse ou version inconnue")
    person = SAMPLES.get(asked["number"])
    if person is None:
        return _refused(HTTPStatus.NOT_FOUND, "assuré inconnu")
    return HTTPStatus.OK, VERSIONS[asked["version"]](person)


def _refused(status: HTTPStatus, words: str) -> Answer:
    return status, {"erreur": words}


class Handler(BaseHTTPRequestHandler):
    """GET alone."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def __init__(self, *args: Any, register: Register, **options: Any) -> None:
        self._register = register
        self._caller = ""
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """The answer as JSON."""
        path = self.path.partition("?")[0]
        (status, content), self._caller = answer(path, self.headers.get("Authorization", ""), self._register)
        body = json.dumps(content, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Who asked and what became of it; neither the credential nor the person."""
        del size
        line = {"client": self.client_address[0], "application": self._caller, "status": int(code)}
        sys.stderr.write(json.dumps(line) + "\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """One JSON line on standard error."""
        line = json.dumps({"client": self.client_address[0], "message": format % args})
        sys.stderr.write(f"{line}\n")


def listener(folder: Path, address: str, port: int) -> Listener:
    """A bound server; the caller runs ``serve_forever``."""
    return Listener((address, port), partial(Handler, register=Register(folder)))
