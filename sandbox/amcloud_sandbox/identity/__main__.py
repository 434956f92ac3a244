"""``python -m amcloud_sandbox.identity``: serves oidc-provider-mock with the sample agents, until it is ended."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from typing import Any

import uvicorn
from oidc_provider_mock import User, app  # type: ignore[import-untyped]  # carries no py.typed

from amcloud_sandbox.identity.users import USERS

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def known_as(host: str, inner: Wsgi) -> Wsgi:
    """``inner``, told that every request was for ``host``.

    The library takes the issuer from the request's Host header: a token asked for by another name would have another
    issuer than the one that the applications trust.
    """

    def outer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return inner({**environ, "HTTP_HOST": host}, start_response)

    return outer


def main() -> None:
    """Runs for ever."""
    parser = argparse.ArgumentParser(prog="amcloud_sandbox.identity", description="Fournisseur d'identité d'essai")
    parser.add_argument("--host", required=True, help="adresse d'écoute, qui est aussi dans l'émetteur des jetons")
    parser.add_argument("--port", required=True, type=int, help="port d'écoute")
    options = parser.parse_args()
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain HTTP, on an address that never leaves the machine
    provider = app(user_claims=[User(sub=agent.subject, claims=agent.claims) for agent in USERS])
    provider.debug = False
    uvicorn.run(
        known_as(f"{options.host}:{options.port}", provider.wsgi_app),
        interface="wsgi",
        host=options.host,
        port=options.port,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
