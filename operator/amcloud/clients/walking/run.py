"""One walk, from end to end, where this runs: what the walker of a Job does."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

import psycopg

from amcloud.clients.walking import issuer, routes
from amcloud.clients.walking.base import Base
from amcloud.clients.walking.routes import UnreadableError
from amcloud.clients.walking.site import Site
from amcloud.clients.walking.walker import Walker
from amcloud.stages.seen.isolation import LABELS
from amcloud.stages.seen.walk import Walk

START_S: Final = 60.0
CONNECT_S: Final = 10


def walked(*, url: str, domain: str, client_id: str, port: int, routes_file: Path, database_url: str) -> Walk:
    """What was seen, or why nothing was; never raises because of the application."""
    try:
        listed = routes.parse(routes_file.read_text(encoding="utf-8", errors="replace")[: routes.MOST_BYTES + 1])
        with (
            issuer.serving(client_id, port=port) as provider,
            psycopg.connect(database_url, autocommit=True, connect_timeout=CONNECT_S) as connection,
        ):
            site = Site(url, domain, provider, LABELS)
            if not site.wait(START_S):
                return Walk(problem=f"l'application ne répond pas sur /sante après {START_S:.0f} s")
            base = Base(connection, nonce=secrets.token_hex(3))
            seen = Walker(site, base).walk(listed)
            base.clear()
            return seen
    except UnreadableError as error:
        return Walk(problem=str(error))
    except OSError:
        return Walk(problem="la liste des routes est illisible")
    except psycopg.Error as error:
        return Walk(problem=f"la base de la sonde ne répond pas comme attendu ({type(error).__name__})")
