"""One look at each service that an installation needs: does it answer, to whom, until when? For ``amcloud doctor``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import psycopg
import requests
import urllib3

from amcloud.clients.database import CONNECT_S, translated
from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.masking import one_line

TIMEOUT_S: Final = (5.0, 10.0)
ANSWER_MAX_BYTES: Final = 1024 * 1024
_ROLE: Final = (
    "SELECT rolname, rolcreatedb, rolcreaterole, rolsuper, current_setting('server_version_num')::int / 10000, "
    "(SELECT count(*) FROM pg_stat_activity), current_setting('max_connections')::int "
    "FROM pg_roles WHERE rolname = current_user"
)


@dataclass(frozen=True, slots=True)
class ForgeAccount:
    """Who the operator's token is, and until when."""

    account: str
    version: str
    expires: date | None


@dataclass(frozen=True, slots=True)
class PostgresRole:
    """What the operator's role may do, and how full the server is."""

    role: str
    creates_databases: bool
    creates_roles: bool
    superuser: bool
    major: int
    connections: int
    connections_max: int


def forge(url: str, token: str) -> ForgeAccount:
    """The account of ``token``.

    Raises:
        UnavailableError: the forge does not answer.
        BrokenInstallationError: it does not know the token.
    """
    headers = {"PRIVATE-TOKEN": token}
    user = _asked(f"{url}/api/v4/user", "forge", headers)
    if user is None:
        raise BrokenInstallationError(f"forge : {url} n'a pas l'API de GitLab (v4)")
    version = _asked(f"{url}/api/v4/version", "forge", headers) or {}
    own = _asked(f"{url}/api/v4/personal_access_tokens/self", "forge", headers) or {}
    return ForgeAccount(one_line(str(user.get("username"))), one_line(str(version.get("version", ""))), _day(own))


def registry(url: str) -> None:
    """The registry speaks the OCI distribution API.

    Raises:
        UnavailableError: it does not answer, or something else does.
    """
    if _asked(f"{url}/v2/", "registre") is None:
        raise BrokenInstallationError(f"registre : {url} n'a pas l'API des registres d'images (/v2/)")


def oidc_issuer(issuer: str) -> str:
    """The issuer that the provider's own configuration names.

    Raises:
        UnavailableError: it does not answer.
        BrokenInstallationError: it publishes no configuration there.
    """
    found = _asked(f"{issuer.rstrip('/')}/.well-known/openid-configuration", "fournisseur d'identité")
    if found is None or not isinstance(found.get("issuer"), str):
        raise BrokenInstallationError(f"fournisseur d'identité : {issuer} ne publie pas sa configuration OIDC")
    return one_line(found["issuer"])


def postgres(url: str) -> PostgresRole:
    """The operator's role on the shared server.

    Raises:
        UnavailableError: the server does not answer.
        BrokenInstallationError: it refuses the role.
    """
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_S, options="-c statement_timeout=10000") as connection:
            row = connection.execute(_ROLE).fetchone()
    except psycopg.Error as error:
        raise translated(error, "PostgreSQL") from error
    assert row is not None  # a session has a role
    return PostgresRole(*row)


def _asked(url: str, who: str, headers: dict[str, str] | None = None) -> dict[str, Any] | None:
    """The JSON object at ``url``, ``None`` for 404."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.get(url, headers=headers, timeout=TIMEOUT_S, stream=True, allow_redirects=False) as answer:
                content, status = answer.raw.read(ANSWER_MAX_BYTES, decode_content=True), answer.status_code
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise UnavailableError(f"{who} : {url} ne répond pas ({type(error).__name__})") from error
    codes = requests.codes
    if status == codes.not_found:
        return None
    if status in (codes.unauthorized, codes.forbidden):
        raise BrokenInstallationError(f"{who} : {url} refuse l'accès de l'opérateur (HTTP {status})")
    found = _object(content) if status == codes.ok else None
    if found is None:
        raise UnavailableError(f"{who} : {url} répond autre chose qu'attendu (HTTP {status})")
    return found


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _day(own: dict[str, Any]) -> date | None:
    try:
        return date.fromisoformat(str(own.get("expires_at")))
    except ValueError:
        return None
