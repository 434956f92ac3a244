"""What an agent of an organisation does over HTTP: signs in, lists, creates; and a load that counts failures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import requests

from amcloud_sandbox import identity

TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Agent:
    """A signed-in agent of one organisation. ``subject`` is the test identity provider's name for them."""

    subject: str
    token: str = field(repr=False)
    session: requests.Session = field(repr=False)

    def get(self, url: str) -> requests.Response:
        """An answer in JSON to this agent."""
        return self.session.get(url, headers=self._headers(), timeout=TIMEOUT_S, allow_redirects=False)

    def post(self, url: str, record: dict[str, object]) -> requests.Response:
        """The answer to the creation of a record."""
        return self.session.post(url, json=record, headers=self._headers(), timeout=TIMEOUT_S, allow_redirects=False)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}


def sign_in(organisation: str, app: str) -> Agent:
    """The sample agent of an organisation, with a token of the test identity provider for this application."""
    subject = identity.agent_of(organisation).subject
    return Agent(subject, identity.id_token(subject, client_id=app), identity.edge_session())


@dataclass(slots=True)
class Load:
    """Requests sent one after the other, and those that did not answer 200."""

    sent: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def load(url: str, *, pause_s: float = 0.02) -> Iterator[Load]:
    """Requests to ``url`` for as long as the body runs."""
    over, count = Event(), Load()

    def send() -> None:
        session = identity.edge_session()
        while not over.is_set():
            count.sent += 1
            try:
                answer = session.get(url, timeout=TIMEOUT_S)
            except requests.RequestException as error:
                count.failures.append(type(error).__name__)
            else:
                if answer.status_code != requests.codes.ok:
                    count.failures.append(str(answer.status_code))
            time.sleep(pause_s)

    thread = Thread(target=send, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join()
