"""Signs in as an agent, like a browser would; and reaches the hosted applications by their names.

``*.amcloud.localhost`` is known to browsers (they take it for this machine) but not to the system's resolver: a session
of :func:`edge_session` sends such requests to the edge, with the name in the Host header and in the cookies.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import HTTPAdapter

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import DOMAIN, EDGE_URL, IDENTITY_URL

TIMEOUT_S = 30
SCOPE = "openid profile email"
# Where the provider sends the browser back to when a token is asked for directly; nobody listens there.
NOWHERE = "http://localhost/retour"


class SignInError(SandboxError):
    """The sign-in did not go as it should have; says where it stopped."""


class EdgeAdapter(HTTPAdapter):
    """Sends requests for the platform's host names to the edge, whatever the resolver knows."""

    def __init__(self, edge: str = EDGE_URL, **options: Any) -> None:
        self._edge = urlsplit(edge)
        super().__init__(**options)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """The edge's answer, which looks as if it came from the host asked for."""
        asked = urlsplit(request.url or "")
        if not is_hosted(asked.hostname):
            return super().send(request, *args, **options)
        redirected = request.copy()
        redirected.url = asked._replace(scheme=self._edge.scheme, netloc=self._edge.netloc).geturl()
        redirected.headers.setdefault("Host", asked.netloc)
        answer = super().send(redirected, *args, **options)
        answer.request, answer.url = request, request.url or ""
        return answer


def is_hosted(host: str | None) -> bool:
    """Whether the edge serves that host name."""
    return host is not None and (host == DOMAIN or host.endswith(f".{DOMAIN}"))


def edge_session(edge: str = EDGE_URL) -> requests.Session:
    """A session that reaches every host name of the platform through the edge."""
    session = requests.Session()
    session.trust_env = False  # a proxy of the surroundings knows none of these names
    session.mount("http://", EdgeAdapter(edge))
    return session


def sign_in(session: requests.Session, url: str, subject: str, *, issuer: str = IDENTITY_URL) -> requests.Response:
    """The application's answer once ``subject`` has signed in, from a page ``url`` that asks for it.

    Follows the redirections to the provider's form, fills it in, follows those back; the session holds the cookies.

    Raises:
        SignInError: ``url`` does not lead to the provider, or the provider refuses.
    """
    form = session.get(url, timeout=TIMEOUT_S)
    if not form.url.startswith(f"{issuer}/"):
        raise SignInError(
            f"connexion à {url}", f"pas de renvoi vers {issuer} (réponse {form.status_code} de {form.url})"
        )
    answer = session.post(form.url, data={"sub": subject}, timeout=TIMEOUT_S)
    if answer.url.startswith(f"{issuer}/"):
        raise SignInError(f"connexion à {url}", f"refusée par {issuer} (réponse {answer.status_code})")
    return answer


def id_token(subject: str, *, client_id: str, issuer: str = IDENTITY_URL) -> str:
    """A signed token (JWT, RS256) that says who ``subject`` is, made for the application ``client_id``; valid 1 h.

    Raises:
        SignInError: the provider refuses.
    """
    doing = f"demande d'un jeton pour {subject}"
    query = {"response_type": "code", "client_id": client_id, "redirect_uri": NOWHERE, "scope": SCOPE, "state": "x"}
    answer = requests.post(
        f"{issuer}/oauth2/authorize", params=query, data={"sub": subject}, allow_redirects=False, timeout=TIMEOUT_S
    )
    code = parse_qs(urlsplit(answer.headers.get("Location", "")).query).get("code")
    if not code:
        raise SignInError(doing, f"pas de code d'autorisation (réponse {answer.status_code})")
    token = requests.post(
        f"{issuer}/oauth2/token",
        data={"grant_type": "authorization_code", "code": code[0], "redirect_uri": NOWHERE},
        auth=(client_id, "any"),  # any secret is accepted
        timeout=TIMEOUT_S,
    )
    if not token.ok:
        raise SignInError(doing, f"réponse {token.status_code}")
    return str(token.json()["id_token"])
