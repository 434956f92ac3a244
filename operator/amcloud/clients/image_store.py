"""What lies in the registry, and its removal (OCI distribution API): for retention, apart from a pass."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase

from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.stages.steering.retention import Stored

TIMEOUT_S: Final = (5.0, 30.0)
DOCUMENT_MAX_BYTES: Final = 4 * 1024 * 1024
PAGES_MAX: Final = 500
_KINDS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="?next"?')


class ImageStore:
    """One registry, for reading all of a repository and removing from it."""

    def __init__(self, url: str, account: AuthBase | None = None) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = account

    def stored(self, repository: str) -> Iterator[Stored]:
        """Every tag of the repository; none when it does not exist.

        Raises:
            UnavailableError: something of it could not be read: nobody may conclude from what is missing.
        """
        for tag in self._tags(repository):
            doing = f"lecture de l'image {repository}:{tag[:20]} dans le registre"
            content = self._read(f"/v2/{repository}/manifests/{tag}", doing, accept=", ".join(_KINDS))
            if content is not None:
                digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
                yield Stored(repository, tag, digest, self._created(repository, content, doing))

    def remove(self, repository: str, digest: str) -> None:
        """No tag of the repository names the digest any more; the registry's own garbage collection frees the disk.

        Raises:
            BrokenInstallationError: the registry allows no removal.
        """
        doing = f"retrait de l'image {repository}@{digest[:19]} du registre"
        answer = self._asked("DELETE", f"/v2/{repository}/manifests/{digest}", doing)
        if answer.status_code == requests.codes.method_not_allowed:
            raise BrokenInstallationError(f"{doing} : le registre n'autorise aucun retrait (storage.delete.enabled)")
        if answer.status_code not in (requests.codes.accepted, requests.codes.ok, requests.codes.not_found):
            raise UnavailableError(f"{doing} : réponse inattendue du registre (HTTP {answer.status_code})")

    def _tags(self, repository: str) -> Iterator[str]:
        doing = f"lecture des étiquettes de {repository} dans le registre"
        path: str | None = f"/v2/{repository}/tags/list?n=500"
        for _ in range(PAGES_MAX):
            if path is None:
                return
            answer = self._asked("GET", path, doing)
            if answer.status_code == requests.codes.not_found:
                return
            found = _parsed(self._content(answer, doing), doing)
            yield from (str(tag) for tag in found.get("tags") or ())
            following = _NEXT.search(answer.headers.get("Link", ""))
            path = following[1] if following else None
        raise UnavailableError(f"{doing} : le registre n'en finit pas")

    def _created(self, repository: str, manifest: bytes, doing: str) -> datetime | None:
        """When the image says that it was made; ``None`` for an index, an attestation or a text that is no time."""
        config = _parsed(manifest, doing).get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        if not isinstance(digest, str) or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            return None
        content = self._read(f"/v2/{repository}/blobs/{digest}", doing, accept="*/*")
        created = _parsed(content, doing).get("created") if content is not None else None
        try:
            found = datetime.fromisoformat(str(created))
        except ValueError:
            return None
        return found if found.tzinfo is not None else None

    def _read(self, path: str, doing: str, *, accept: str) -> bytes | None:
        answer = self._asked("GET", path, doing, accept=accept)
        return None if answer.status_code == requests.codes.not_found else self._content(answer, doing)

    def _content(self, answer: requests.Response, doing: str) -> bytes:
        if answer.status_code != requests.codes.ok or len(answer.content) > DOCUMENT_MAX_BYTES:
            raise UnavailableError(f"{doing} : réponse inattendue du registre (HTTP {answer.status_code})")
        return answer.content

    def _asked(self, method: str, path: str, doing: str, *, accept: str = "application/json") -> requests.Response:
        url = urljoin(f"{self._url}/", path)
        if not url.startswith(f"{self._url}/"):
            raise UnavailableError(f"{doing} : le registre renvoie vers une autre adresse")
        try:
            answer = self._session.request(
                method, url, headers={"Accept": accept}, timeout=TIMEOUT_S, allow_redirects=method == "GET"
            )
        except requests.RequestException as error:
            raise UnavailableError(f"{doing} : le registre ne répond pas ({type(error).__name__})") from error
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise BrokenInstallationError(f"{doing} : le registre refuse l'accès (HTTP {answer.status_code})")
        return answer


def _parsed(content: bytes, doing: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnavailableError(f"{doing} : le registre a répondu autre chose que du JSON") from error
    return found if isinstance(found, dict) else {}
