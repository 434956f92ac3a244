"""Signing in to a registry that challenges: a small server plays GitLab's registry and its token issuer."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from amcloud.clients.registry import OciRegistry
from amcloud.clients.registry_access import RegistryAccount
from amcloud.errors import BrokenInstallationError

ACCOUNT = "Basic " + base64.b64encode(b"amcloud:secret").decode()


class Server(ThreadingHTTPServer):
    """A registry; ``scheme`` is how it wants to be signed in to, ``seen`` what came with each request."""

    scheme = "bearer"
    realm = ""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.realm = f"{self.url}/jwt/auth"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization", "")
        self.server.seen.append((self.path.partition("?")[0], sent.partition(" ")[0]))
        if self.path.startswith("/jwt/auth"):
            told = {"token": "jeton", "expires_in": 300} if sent == ACCOUNT else {}
            return self.say(200 if told else 401, told)
        if sent in {"Bearer jeton", ACCOUNT}:
            return self.say(404, {"errors": []})
        scope = 'scope="repository:cpam/essai:pull"'
        asked = f'Bearer realm="{self.server.realm}",service="registre",{scope}'
        return self.say(401, {}, challenge=asked if self.server.scheme == "bearer" else 'Basic realm="registre"')

    def say(self, code: int, body: object, *, challenge: str = "") -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def ask(server: Server, user: str = "amcloud", password: str = "secret", *, times: int = 1) -> None:
    client = OciRegistry(server.url, "registre", RegistryAccount(user, password))
    for _ in range(times):
        assert client.image("cpam/essai", "1" * 40) is None  # signed in: the answer is that there is none


def test_a_token_is_fetched_once_and_used_for_what_it_was_asked(server: Server) -> None:
    ask(server, times=2)
    assert [path for path, _ in server.seen].count("/jwt/auth") == 1
    assert server.seen[2][1] == "Bearer"


def test_an_account_is_sent_to_a_registry_that_asks_for_one(server: Server) -> None:
    server.scheme = "basic"
    ask(server)
    assert [how for _, how in server.seen] == ["", "Basic"]


@pytest.mark.parametrize(("user", "password"), [("amcloud", "faux"), ("", "")])
def test_a_wrong_or_missing_account_is_the_platform_s_to_mend(server: Server, user: str, password: str) -> None:
    with pytest.raises(BrokenInstallationError, match="refuse l'accès"):
        ask(server, user, password)


@pytest.mark.parametrize("realm", ["ftp://ailleurs.example", "", "file:///etc/passwd"])
def test_the_account_goes_nowhere_that_is_no_web_address(server: Server, realm: str) -> None:
    server.realm = realm
    with pytest.raises(BrokenInstallationError):
        ask(server)
    assert all(how == "" for _, how in server.seen)


def test_an_encrypted_registry_does_not_have_the_account_sent_in_clear() -> None:
    answer = requests.Response()
    answer.url = "https://registre.example/v2/"
    account = RegistryAccount("amcloud", "secret")
    assert account._token({"realm": "http://ailleurs.example/jeton"}, answer, {}) == ""
