"""Signing in to an image registry: an account, or the token that its challenge sends us to fetch (OCI, GitLab)."""

from __future__ import annotations

import re
import threading
import time
from typing import Any, Final

import requests
from requests.auth import AuthBase, HTTPBasicAuth

TIMEOUT_S: Final = (5.0, 20.0)
TOKEN_S: Final = 60.0
"""Seconds for which a token is used when its issuer does not say; the specification's own default."""
MARGIN_S: Final = 10.0
TOKENS_MOST: Final = 2000
_PAIR: Final = re.compile(r'(\w+)="([^"]*)"')


class RegistryAccount(AuthBase):
    """Authentication for :mod:`requests`: nothing is sent before the registry asks, and then what it asks for."""

    def __init__(self, user: str, password: str) -> None:
        self._account = (user, password)
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request, answered again with credentials when it is refused for want of them."""
        request.register_hook("response", self._answered)  # type: ignore[no-untyped-call]  # requests has no types here
        return request

    def _answered(self, answer: requests.Response, **options: Any) -> requests.Response:
        scheme, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        request = answer.request.copy()
        if (
            answer.status_code != requests.codes.unauthorized
            or "Authorization" in request.headers
            or not self._account[0]
        ):
            return answer
        if scheme.lower() == "basic":
            HTTPBasicAuth(*self._account)(request)
        elif scheme.lower() == "bearer" and (token := self._token(dict(_PAIR.findall(rest)), answer, options)):
            request.headers["Authorization"] = f"Bearer {token}"
        else:
            return answer
        answer.content  # noqa: B018  read to its end: the connection serves the second request
        answer.close()
        request.hooks = {"response": []}
        again: requests.Response = answer.connection.send(request, **options)
        again.history.append(answer)
        return again

    def _token(self, challenge: dict[str, str], answer: requests.Response, options: dict[str, Any]) -> str:
        """A token for what the challenge names; empty when none is given."""
        realm, scope = challenge.get("realm", ""), challenge.get("scope", "")
        # the account is not sent in clear to an address that an encrypted registry names
        if not realm.startswith("https://") and (answer.url.startswith("https://") or not realm.startswith("http://")):
            return ""
        with self._lock:
            known = self._tokens.get(f"{realm} {scope}")
        if known is not None and known[1] > time.monotonic():
            return known[0]
        wanted = {"service": challenge.get("service", ""), "scope": scope}
        found = requests.get(
            realm, params=wanted, auth=self._account, timeout=TIMEOUT_S, verify=options.get("verify", True)
        )
        try:
            given = found.json() if found.ok else {}
            token, lasts_s = (
                str(given.get("token") or given.get("access_token") or ""),
                float(given.get("expires_in") or 0),
            )
        except (ValueError, TypeError, AttributeError):
            return ""
        with self._lock:
            if len(self._tokens) >= TOKENS_MOST:
                self._tokens.clear()
            self._tokens[f"{realm} {scope}"] = (token, time.monotonic() + max(lasts_s - MARGIN_S, 0))
        return token
