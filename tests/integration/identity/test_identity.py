"""Signing in at the test identity provider, over HTTP; an application's side is played by a small server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from amcloud_sandbox.identity import USERS, SignInError, agent_of, id_token, sign_in
from amcloud_sandbox.parts.identity import Identity
from amcloud_sandbox.testing.services import ENDS_WITH_US, free_port, temporary_layout


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    part = Identity(host="127.0.0.1", port=free_port(), launcher=ENDS_WITH_US)
    with temporary_layout() as layout:
        try:
            part.up(layout, print)
            yield part.issuer
        finally:
            part.down(layout)


def keys(issuer: str) -> KeySet:
    discovery = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    assert discovery["jwks_uri"].startswith(issuer)
    return KeySet.import_key_set(requests.get(discovery["jwks_uri"], timeout=10).json())


def test_a_token_names_its_issuer_the_application_and_the_agent_s_fund(issuer: str) -> None:
    token = id_token(agent_of("671").subject, client_id="suivi-courriers", issuer=issuer)
    claims = jwt.decode(token, keys(issuer), algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["organisation"]) == (issuer, ["suivi-courriers"], "671")
    assert (claims["sub"], claims["name"]) == ("agent-671@exemple.invalid", "Agent 671 (exemple)")
    assert 0 < claims["exp"] - claims["iat"] <= 3600


def test_a_token_whose_fund_was_changed_has_no_valid_signature(issuer: str) -> None:
    header, body, signature = id_token(agent_of("671").subject, client_id="a", issuer=issuer).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "organisation": "681"}).encode()).decode().rstrip("=")
    with pytest.raises(BadSignatureError):
        jwt.decode(f"{header}.{forged}.{signature}", keys(issuer), algorithms=["RS256"])


def test_an_agent_of_no_fund_has_no_such_claim(issuer: str) -> None:
    token = id_token(USERS[-1].subject, client_id="a", issuer=issuer)
    assert "organisation" not in jwt.decode(token, keys(issuer), algorithms=["RS256"]).claims


def test_the_keys_that_are_shown_are_public_ones(issuer: str) -> None:
    assert not {"d", "p", "q"} & {name for key in keys(issuer).as_dict()["keys"] for name in key}


def test_the_issuer_stays_the_same_whatever_name_the_provider_is_asked_by(issuer: str) -> None:
    url = f"{issuer}/.well-known/openid-configuration"
    assert requests.get(url, headers={"Host": "autre.invalid"}, timeout=10).json()["issuer"] == issuer


@pytest.fixture
def application(issuer: str) -> Iterator[str]:
    """Address of an application: / sends to the provider, /retour takes the code and greets; /public asks nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here = f"http://{self.headers['Host']}/retour"
            asked = urlsplit(self.path)
            if asked.path == "/public":
                return self.answer(200, "public")
            if asked.path == "/retour":
                form = {
                    "grant_type": "authorization_code",
                    "code": parse_qs(asked.query)["code"][0],
                    "redirect_uri": here,
                }
                token = requests.post(f"{issuer}/oauth2/token", data=form, auth=("app", "secret"), timeout=10).json()
                claims = jwt.decode(token["id_token"], keys(issuer), algorithms=["RS256"]).claims
                return self.answer(200, f"bonjour {claims['organisation']}")
            query = {"response_type": "code", "client_id": "app", "redirect_uri": here, "scope": "openid profile email"}
            return self.answer(302, "", {"Location": f"{issuer}/oauth2/authorize?{urlencode(query)}"})

        def answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
            del format, arguments

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_an_agent_signs_in_like_with_a_browser(application: str, issuer: str) -> None:
    answer = sign_in(requests.Session(), f"{application}/", agent_of("681").subject, issuer=issuer)
    assert answer.text == "bonjour 681"


def test_a_page_that_asks_for_no_sign_in_is_said_to_ask_for_none(application: str, issuer: str) -> None:
    with pytest.raises(SignInError, match="pas de renvoi"):
        sign_in(requests.Session(), f"{application}/public", agent_of("681").subject, issuer=issuer)
