"""An OpenID Connect provider for the length of a walk: it knows the two synthetic agents, and nobody else.

It answers on the loopback of the walk's own pod. No application that serves people trusts it, and its key is gone when
the walk ends: nothing in the real provider has to be declared, and no token of a synthetic agent opens anything real.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_ID: Final = "sonde"
TOKEN_S: Final = 900
BODY_MOST_BYTES: Final = 64 * 1024
POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs tokens for ``client_id``; ``url`` is the issuer that they name."""

    url: str
    client_id: str
    key: rsa.RSAPrivateKey
    waiting: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Who signs in by each code that was given: organisation and nonce."""

    def allowed(self, asked: str, organisation: str) -> str:
        """Where the browser is sent back to once the agent of ``organisation`` has signed in.

        Raises:
            ValueError: ``asked`` is no request for authorisation at this provider.
        """
        parts = urlsplit(asked)
        query = dict(parse_qsl(parts.query))
        if not asked.startswith(f"{self.url}/authorize?") or query.get("client_id") != self.client_id:
            raise ValueError("not a request for authorisation")
        code = secrets.token_urlsafe(16)
        self.waiting[code] = organisation, query.get("nonce", "")
        return f"{query.get('redirect_uri', '')}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def exchanged(self, code: str) -> dict[str, Any]:
        """What a code is worth, once; empty for any other text."""
        organisation, nonce = self.waiting.pop(code, ("", ""))
        if not organisation:
            return {}
        token = self.token(organisation, nonce)
        return {"access_token": "sonde", "token_type": "Bearer", "expires_in": TOKEN_S, "id_token": token}

    def token(self, organisation: str, nonce: str = "") -> str:
        """A token of the synthetic agent of that organisation."""
        now = int(time.time())
        subject = f"sonde-{organisation}@exemple.invalid"
        claims = {
            "iss": self.url,
            "aud": self.client_id,
            "sub": subject,
            "iat": now,
            "exp": now + TOKEN_S,
            "organisation": organisation,
            "name": f"Agent de la sonde {organisation}",
            "email": subject,
            "preferred_username": subject,
            **({"nonce": nonce} if nonce else {}),
        }
        signed = f"{_encoded({'alg': 'RS256', 'typ': 'JWT', 'kid': KEY_ID})}.{_encoded(claims)}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"

    def answers(self) -> dict[str, dict[str, Any]]:
        """What it publishes, by path."""
        public = self.key.public_key().public_numbers()
        jwk = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": KEY_ID,
            "n": _number(public.n),
            "e": _number(public.e),
        }
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/jwks": {"keys": [jwk]},
        }


@contextmanager
def serving(client_id: str, *, port: int) -> Iterator[Issuer]:
    """The provider answers on the loopback, at ``port`` (0: a free one)."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    issuer = Issuer(
        f"http://127.0.0.1:{server.server_port}",
        client_id,
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )
    server.RequestHandlerClass = partial(_Handler, issuer)  # called like the class
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers what the provider publishes, and gives tokens for codes; everything else is 404."""

    timeout = 5

    def __init__(self, issuer: Issuer, *given: Any) -> None:
        self._issuer = issuer
        super().__init__(*given)

    def do_GET(self) -> None:
        self._answer(self._issuer.answers().get(self.path, {}))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(int(length)) if length.isdigit() and int(length) < BODY_MOST_BYTES else b""
        given = dict(parse_qsl(body.decode("utf-8", "replace")))
        self._answer(self._issuer.exchanged(given.get("code", "")) if self.path == "/token" else {})

    def _answer(self, found: dict[str, Any]) -> None:
        body = json.dumps(found).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the journal is the walk's."""


def _encoded(part: dict[str, Any]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
