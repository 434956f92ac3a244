"""Requests to the application under walk, as an agent of one organisation at the host of one; answers are bounded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from amcloud.clients.walking.issuer import Issuer

CONNECT_S: Final = 2.0
ANSWER_S: Final = 10.0
ANSWER_MOST_BYTES: Final = 2 * 1024 * 1024
HTML, JSON = "text/html", "application/json"
HEALTH: Final = "/sante"
SIGN_IN: Final = "/connexion"
_TIMES: Final = (CONNECT_S, ANSWER_S)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: its status (0 for none at all), and headers and body as one text."""

    status: int
    text: str = ""
    is_page: bool = False
    is_file: bool = False

    @property
    def good(self) -> bool:
        """Whether the request was accepted; a redirection is, too."""
        return 200 <= self.status < 400  # noqa: PLR2004 - HTTP's own classes


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes with a request that writes."""

    values: Mapping[str, str]
    files: tuple[str, ...] = ()
    accept: str = HTML
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """The application at ``url``, whose organisations have their hosts under ``domain``.

    Pages are asked for by the session of an agent who signed in, everything else with a token.
    """

    url: str
    domain: str
    issuer: Issuer
    labels: Mapping[str, str]
    """DNS label of each organisation, by code."""
    cookies: dict[str, str] = field(default_factory=dict)
    """Session of each agent who signed in."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        host: str,
        agent: str | None,
        accept: str = HTML,
        query: Mapping[str, str] | None = None,
        sent: Sent | None = None,
    ) -> Answer:
        """The answer to an agent of ``agent`` (``None``: nobody signed in) at the host of organisation ``host``."""
        headers = {"Host": self.host(host), "Accept": accept}
        if agent is not None and accept == HTML and agent in self.cookies:
            headers["Cookie"] = self.cookies[agent]
        elif agent is not None:
            headers["Authorization"] = f"Bearer {self.issuer.token(agent)}"
        try:
            with requests.Session() as session:
                session.trust_env = False
                with session.request(
                    method,
                    self.url + path,
                    params=query,
                    headers=headers,
                    timeout=_TIMES,
                    allow_redirects=False,
                    stream=True,
                    **_body(sent),
                ) as answer:
                    return _bounded(answer)
        except (requests.RequestException, OSError, ValueError):
            return Answer(0)

    def host(self, organisation: str) -> str:
        """Host name of an organisation."""
        return f"{self.labels[organisation]}.{self.domain}"

    def sign_in(self, agent: str) -> bool:
        """Whether the agent has a session at its own host, by the way that people take: through the provider."""
        headers = {"Host": self.host(agent), "Accept": HTML}
        try:
            with requests.Session() as session:
                session.trust_env = False
                asked = session.get(self.url + SIGN_IN, headers=headers, timeout=_TIMES, allow_redirects=False)
                allowed = self.issuer.allowed(asked.headers.get("Location", ""), agent)
                back = urlsplit(allowed)
                if back.hostname != self.host(agent):
                    return False
                address = f"{self.url}{back.path}?{back.query}"
                answer = session.get(address, headers=headers, timeout=_TIMES, allow_redirects=False)
                found = {**session.cookies.get_dict(), **answer.cookies.get_dict()}
        except (requests.RequestException, OSError, ValueError):
            return False
        self.cookies[agent] = "; ".join(f"{name}={value}" for name, value in found.items() if value)
        return bool(self.cookies[agent])

    def wait(self, seconds: float) -> bool:
        """Whether it answers within that time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.ask("GET", HEALTH, host=next(iter(self.labels)), agent=None).status == requests.codes.ok:
                return True
            time.sleep(0.2)
        return False


def _body(sent: Sent | None) -> dict[str, Any]:
    if sent is None:
        return {}
    if sent.as_json:
        return {"json": dict(sent.values)}
    files = dict.fromkeys(sent.files, ("canari.txt", b"canari", "text/plain"))
    return {"data": dict(sent.values), **({"files": files} if files else {})}


def _bounded(answer: requests.Response) -> Answer:
    until, content = time.monotonic() + ANSWER_S, b""
    for part in answer.iter_content(64 * 1024):
        content += part
        if len(content) > ANSWER_MOST_BYTES or time.monotonic() > until:
            break
    kind = answer.headers.get("Content-Type", "")
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    text = content[:ANSWER_MOST_BYTES].decode("utf-8", "replace")
    attached = "attachment" in answer.headers.get("Content-Disposition", "").lower()
    is_file = attached or not kind.startswith((HTML, JSON))
    return Answer(answer.status_code, f"{headers}\n\n{text}", kind.startswith(HTML), is_file)
