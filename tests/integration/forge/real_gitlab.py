"""A real GitLab for the contract tests (``make test-forge URL= TOKEN=``): is it one, and is this token enough?

What is said here is read by whoever runs the command: in French, with what to do.
"""

from __future__ import annotations

from typing import Any, Final

import requests

OLDEST: Final = (17, 3)
"""The first version that tells the last deliveries of a web hook."""
TIMEOUT_S: Final = 30
USAGE: Final = "make test-forge URL=https://gitlab.exemple.fr TOKEN=glpat-… (ou TOKEN dans l'environnement)"


class NotReadyError(Exception):
    """Why the tests cannot run there, for the person who asked."""


def ready(url: str, token: str) -> str:
    """The version of the GitLab at ``url``, once the token's account may make a project there.

    Raises:
        NotReadyError: the address, the token, its scope or its account is not what it takes.
    """
    if not url or not token:
        raise NotReadyError(f"URL et TOKEN vont ensemble : {USAGE}")
    if not url.startswith(("https://", "http://")):
        raise NotReadyError(f"URL={url} n'est pas une adresse : {USAGE}")
    user = _asked(url, "/user", token)
    own = _asked(url, "/personal_access_tokens/self", token)
    if "api" not in own.get("scopes", ()):
        has = ", ".join(own.get("scopes", ())) or "aucune"
        raise NotReadyError(f"Le jeton de {user['username']} n'a pas la portée « api » (il a : {has}).")
    if not user.get("can_create_project", True) or user.get("projects_limit") == 0:
        raise NotReadyError(f"{user['username']} n'a pas le droit de créer un projet : prenez un compte qui le peut.")
    version = str(_asked(url, "/version", token).get("version", ""))
    if _numbers(version) < OLDEST:
        raise NotReadyError(
            f"GitLab {version} est trop ancien : ces essais décrivent {OLDEST[0]}.{OLDEST[1]} et après."
        )
    return version


def _asked(url: str, path: str, token: str) -> dict[str, Any]:
    try:
        answer = requests.get(
            f"{url}/api/v4{path}", headers={"PRIVATE-TOKEN": token}, timeout=TIMEOUT_S, allow_redirects=False
        )
    except requests.RequestException as error:
        raise NotReadyError(f"{url} ne répond pas ({type(error).__name__}) : vérifiez URL et le réseau.") from error
    if answer.is_redirect:
        raise NotReadyError(f"{url} renvoie vers {answer.headers.get('Location', '?')} : donnez cette adresse-là.")
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code == requests.codes.unauthorized:
        raise NotReadyError(f"{url} ne connaît pas ce jeton, ou il a expiré ou été révoqué.")
    if answer.status_code == requests.codes.forbidden:
        raise NotReadyError(f"{url} refuse {path} à ce jeton ({answer.text[:100]}) : il lui faut la portée « api ».")
    if not answer.ok or not isinstance(found, dict):
        raise NotReadyError(
            f"{url} n'a pas l'API v4 de GitLab (HTTP {answer.status_code}) : URL est l'adresse de GitLab, sans /api/v4."
        )
    return found


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def removed(url: str, token: str, project: int) -> None:
    """The project is gone, or GitLab has been asked to: where removal waits for days, it is asked at once.

    Raises:
        NotReadyError: it is still there; which one to remove by hand.
    """
    headers, place = {"PRIVATE-TOKEN": token}, f"{url}/api/v4/projects/{project}"
    asked = requests.delete(place, headers=headers, timeout=TIMEOUT_S)
    left = requests.get(place, headers=headers, timeout=TIMEOUT_S)
    if left.ok and left.json().get("marked_for_deletion_on"):
        now = {"permanently_remove": "true", "full_path": left.json()["path_with_namespace"]}
        asked = requests.delete(place, params=now, headers=headers, timeout=TIMEOUT_S)
    if not asked.ok and asked.status_code != requests.codes.not_found:
        raise NotReadyError(
            f"Le projet d'essai n° {project} n'a pas pu être supprimé ({asked.text[:100]}) : faites-le."
        )
