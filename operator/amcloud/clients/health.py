"""Asks instances how they are, over HTTP (:class:`amcloud.ports.Health`). What answers is an application: hostile."""

from __future__ import annotations

from typing import Final

import requests

from amcloud.stages.health import PATH, Answer

CONNECT_S: Final = 2.0
ANSWER_S: Final = 5.0


class HttpHealth:
    """One short request a host; no redirect is followed and no more than the status line and headers are read."""

    def ask(self, address: str, hosts: tuple[str, ...]) -> tuple[Answer, ...]:
        """What ``address`` answers under each host name; never raises. Silence is not waited for twice."""
        found: list[Answer] = []
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between the operator and the cluster's own network
            for host in hosts:
                silent = next((one for one in found if one.status is None), None)
                found.append(Answer(host, None, silent.why) if silent else _answer(session, address, host))
        return tuple(found)


def _answer(session: requests.Session, address: str, host: str) -> Answer:
    if not address:
        return Answer(host, None, "l'instance n'a pas encore d'adresse")
    try:
        with session.get(
            f"http://{address}{PATH}",
            headers={"Host": host, "Accept": "application/json"},
            timeout=(CONNECT_S, ANSWER_S),
            allow_redirects=False,
            stream=True,
        ) as found:
            return Answer(host, found.status_code)
    except requests.Timeout:
        return Answer(host, None, f"pas de réponse de {address} à temps")
    except (requests.RequestException, OSError, ValueError) as error:
        return Answer(host, None, f"{address} injoignable ({type(error).__name__})")
