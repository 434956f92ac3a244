"""How GitLab's API is asked: one bounded, paced session, and its errors turned into ours. Every client of it uses this.

No retry here: a pass that waits comes again. What is asked is in :mod:`amcloud.clients.forge` and its neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import gitlab
import requests
from gitlab.v4.objects import Project
from requests.auth import AuthBase

from amcloud.clients.budget import Budget, ForgePausedError
from amcloud.errors import BrokenInstallationError, ForgeUnavailableError, RepositoryRefusedError
from amcloud.masking import one_line

TIMEOUT_S: Final = 20.0
ANSWER_MAX_BYTES: Final = 16 * 1024 * 1024
IDENTIFIER_S: Final = 600.0
OPERATORS: Final = "de l'opérateur (AMCLOUD_FORGE_TOKEN)"
"""Whose token it is, in messages."""
ONCE: Final[dict[str, Any]] = {"obey_rate_limit": False, "retry_transient_errors": False, "max_retries": 0}
"""For every call of python-gitlab: ask once."""
_NOT_THERE: Final = (requests.codes.forbidden, requests.codes.not_found, requests.codes.method_not_allowed)
_UNREADABLE: Final = (gitlab.GitlabParsingError, KeyError, TypeError, ValueError, AttributeError)


class _Token(AuthBase):
    """The token of each request, changed while the operator runs."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["PRIVATE-TOKEN"] = self.text
        return request


class PacedSession(requests.Session):
    """A session each of whose requests, redirects included, waits for its turn in the budget."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 3
        self.hooks["response"].append(_checked)
        self._budget = budget

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """The answer, its body read unless it is streamed."""
        self._budget.spend()
        answer = super().send(request, **options)
        self._budget.answered()
        return answer

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """A redirect to another host does not take the token with it."""
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]  # untyped in requests
        elsewhere = urlsplit(str(response.request.url))[:2] != urlsplit(str(prepared_request.url))[:2]
        if elsewhere:
            prepared_request.headers.pop("PRIVATE-TOKEN", None)


class ForgeCalls:
    """One GitLab with one token: what the clients of its API share. Safe to use from any thread."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        budget: Budget | None = None,
        token_file: Path | None = None,
        holder: str = OPERATORS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget = budget or Budget()
        self._holder = holder
        self._token_file = token_file
        self._token = _Token(_read(token_file) or token)
        session = PacedSession(self.budget)
        session.auth = self._token
        self.gitlab = gitlab.Gitlab(
            url, timeout=TIMEOUT_S, session=session, retry_transient_errors=False, keep_base_url=True
        )
        self._clock = clock
        self._identifiers: dict[str, tuple[int, float]] = {}

    @property
    def token(self) -> str:
        """The token, as it was last read."""
        return self._token.text

    def project(self, project: str) -> Project:
        """The project by its number: a renamed one still answers, and writing to an old path does not."""
        known = self._identifiers.get(project)
        if known is None or self._clock() - known[1] > IDENTIFIER_S:
            found = self.gitlab.projects.get(project, **ONCE)
            known = self._identifiers[project] = (int(found.attributes["id"]), self._clock())
        return self.gitlab.projects.get(known[0], lazy=True)

    @contextmanager
    def asking(self, doing: str, project: str | None) -> Iterator[None]:
        """Errors of what happens inside say what was being done, and who must act."""
        with self.budget.asking(project or ""):
            try:
                yield
            except ForgePausedError:
                raise
            except ForgeUnavailableError as error:
                raise ForgeUnavailableError(f"{doing} : {error}", retry_after_s=error.retry_after_s) from error
            except gitlab.GitlabAuthenticationError as error:
                self._new_token()
                raise BrokenInstallationError(
                    f"{doing} : la forge refuse le jeton {self._holder} : renouvelez-le"
                ) from error
            except gitlab.GitlabError as error:
                if isinstance(error, gitlab.GitlabParsingError):
                    raise ForgeUnavailableError(f"{doing} : la forge a répondu autre chose que du JSON") from error
                if project:
                    self._identifiers.pop(project, None)  # deleted, renamed or made anew: asked again next time
                self._raise_for(error, doing, project)
            except requests.RequestException as error:
                raise ForgeUnavailableError(f"{doing} : la forge ne répond pas ({type(error).__name__})") from error
            except _UNREADABLE as error:
                said = f"{doing} : réponse incomprise de la forge ({type(error).__name__})"
                raise ForgeUnavailableError(said) from error

    def _new_token(self) -> None:
        """A token that was rotated is read again where it is kept: the next question uses it."""
        self._token.text = _read(self._token_file) or self._token.text

    def _raise_for(self, error: gitlab.GitlabError, doing: str, project: str | None) -> NoReturn:
        if isinstance(error, gitlab.GitlabHttpError | gitlab.GitlabOperationError):
            code = error.response_code
            if code == requests.codes.forbidden and project and self._archived(project):
                raise RepositoryRefusedError(
                    f"{doing} : le projet {project} est archivé sur la forge ; "
                    "désarchivez-le, ou retirez l'application."
                ) from error
            if code == requests.codes.forbidden and "insufficient_scope" in said(error):
                raise BrokenInstallationError(
                    f"{doing} : le jeton {self._holder} n'a pas la portée « api » : donnez-en un qui l'a"
                ) from error
            if code == requests.codes.forbidden and project:
                raise RepositoryRefusedError(
                    f"{doing} : la forge ne le permet pas à l'opérateur dans {project}. Il lui faut le rôle Developer "
                    "et, pour une branche protégée, le droit d'y pousser ou d'y fusionner (sinon le rôle Maintainer)."
                ) from error
            if project and code in _NOT_THERE:
                raise RepositoryRefusedError(
                    f"{doing} : le projet {project} n'existe pas, a changé de chemin, ou l'opérateur n'y a pas accès "
                    "(rôle Developer au moins) sur la forge."
                ) from error
            if code in (requests.codes.bad_request, requests.codes.unprocessable, requests.codes.forbidden):
                raise BrokenInstallationError(f"{doing} : la forge refuse la demande ({said(error)})") from error
        if isinstance(error, gitlab.exceptions.RedirectError):
            raise RepositoryRefusedError(f"{doing} : le projet a changé de chemin sur la forge.") from error
        raise ForgeUnavailableError(f"{doing} : {said(error)}") from error

    def _archived(self, project: str) -> bool:
        """Whether a refusal is explained by the project being archived; not when that cannot be asked."""
        try:
            return bool(self.gitlab.projects.get(project, **ONCE).attributes.get("archived"))
        except (gitlab.GitlabError, requests.RequestException, ForgeUnavailableError):
            return False


def said(error: gitlab.GitlabError) -> str:
    """GitLab's own words, on one line."""
    return one_line(str(error.error_message or error), chars=300)


def _checked(response: requests.Response, *_: Any, **__: Any) -> requests.Response:
    """Called for each answer before python-gitlab reads it: what only time mends keeps the forge's own delay."""
    status, length = response.status_code, response.headers.get("Content-Length", "")
    if status == requests.codes.too_many_requests or status >= requests.codes.internal_server_error:
        after = response.headers.get("Retry-After", "")
        raise ForgeUnavailableError(
            f"la forge répond HTTP {status}",
            retry_after_s=float(after) if after.isdigit() and len(after) < 6 else None,  # noqa: PLR2004 - within a day
        )
    if length.isdigit() and int(length) > ANSWER_MAX_BYTES:
        raise ForgeUnavailableError(f"la réponse de la forge dépasse {ANSWER_MAX_BYTES} octets")
    page = response.headers.get("Content-Type", "").startswith("text/html")
    if page and response.ok and "/artifacts" not in response.url:
        raise ForgeUnavailableError("la forge a répondu une page au lieu de JSON (mandataire ou page de connexion)")
    return response


def _read(file: Path | None) -> str:
    """The token in a file, ``""`` when there is none."""
    try:
        return file.read_text(encoding="utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError):
        return ""
