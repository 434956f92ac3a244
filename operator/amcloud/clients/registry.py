"""The image registry (OCI distribution API) as a pass needs it (:class:`amcloud.ports.Registry`)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin

import requests
import urllib3
from requests.auth import AuthBase

from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.stages.build import Image

TIMEOUT_S: Final = (5.0, 20.0)
DOCUMENT_MAX_BYTES: Final = 4 * 1024 * 1024
ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
REVISION: Final = "org.opencontainers.image.revision"
_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PROJECT: Final = re.compile(r"[a-z0-9]+(?:(?:[./]|_{1,2}|-{1,20})[a-z0-9]+){0,60}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")


class OciRegistry:
    """Adapter of one registry. ``url`` is its API, ``name`` what starts the references that nodes pull."""

    def __init__(self, url: str, name: str, account: AuthBase | None = None) -> None:
        self._url = url.rstrip("/")
        self._name = name
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = account

    def image(self, project: str, commit: str) -> Image | None:
        """The image that was pushed for ``commit``, by digest, or ``None``.

        What is digested is what we read: neither a header nor a tag is believed.
        """
        repository = project.lower()  # an image's name knows no capital letters
        if not _PROJECT.fullmatch(repository) or not _COMMIT.fullmatch(commit):
            return None
        doing = f"lecture de l'image {repository}:{commit[:12]} dans le registre"
        content = self._document(f"/v2/{repository}/manifests/{commit}", doing, accept=", ".join(_MANIFESTS))
        if content is None:
            return None
        manifest = _parsed(content, doing)
        if manifest.get("mediaType", _MANIFESTS[0]) not in _MANIFESTS or not isinstance(manifest.get("config"), dict):
            return None  # an index or something else: not what our pipeline pushes
        reference = f"{self._name}/{repository}@sha256:{hashlib.sha256(content).hexdigest()}"
        return Image(reference, self._revision(repository, manifest["config"], doing))

    def attached(self, project: str, tag: str) -> bytes | None:
        """The one layer of the manifest tagged so in the project's repository, or ``None``."""
        repository = project.lower()
        if not _PROJECT.fullmatch(repository):
            return None
        doing = f"lecture de l'attestation {repository}:{tag[:20]} dans le registre"
        content = self._document(f"/v2/{repository}/manifests/{tag}", doing, accept=_MANIFESTS[0])
        layers = _parsed(content, doing).get("layers") if content is not None else None
        first = layers[0] if isinstance(layers, list) and layers else None
        digest = first.get("digest") if isinstance(first, dict) else None
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            return None
        found = self._document(f"/v2/{repository}/blobs/{digest}", doing, accept="*/*")
        return found if found is not None and f"sha256:{hashlib.sha256(found).hexdigest()}" == digest else None

    def attach(self, project: str, tag: str, content: bytes) -> None:
        """``content`` lies in the project's repository as the one layer of a manifest tagged so."""
        repository = project.lower()
        doing = f"dépôt de l'attestation {repository}:{tag[:20]} dans le registre"
        empty = b"{}"
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFESTS[0],
            "config": _descriptor("application/vnd.oci.empty.v1+json", empty),
            "layers": [_descriptor(ENVELOPE, content)],
        }
        for blob in (empty, content):
            self._upload(repository, blob, doing)
        body = json.dumps(manifest, sort_keys=True).encode()
        self._write("PUT", f"/v2/{repository}/manifests/{tag}", doing, body, kind=_MANIFESTS[0])

    def _upload(self, repository: str, blob: bytes, doing: str) -> None:
        place = self._write("POST", f"/v2/{repository}/blobs/uploads/", doing).headers.get("Location", "")
        at = urljoin(f"{self._url}/", place)
        joint = "&" if "?" in at else "?"
        digest = hashlib.sha256(blob).hexdigest()
        self._write("PUT", f"{at}{joint}digest=sha256:{digest}", doing, blob, kind="application/octet-stream")

    def _write(self, method: str, path: str, doing: str, body: bytes = b"", *, kind: str = "") -> requests.Response:
        headers = {"Content-Type": kind} if kind else {}
        url = path if "://" in path else self._url + path
        if not url.startswith(f"{self._url}/"):  # a registry that sends us elsewhere would get our credentials there
            raise UnavailableError(f"{doing} : le registre renvoie vers une autre adresse")
        try:
            answer = self._session.request(
                method, url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise UnavailableError(f"{doing} : le registre ne répond pas ({type(error).__name__})") from error
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise BrokenInstallationError(f"{doing} : le registre refuse que l'opérateur y écrive")
        if not answer.ok:
            raise UnavailableError(f"{doing} : réponse inattendue du registre (HTTP {answer.status_code})")
        return answer

    def _revision(self, repository: str, config: Mapping[str, Any], doing: str) -> str:
        digest = config.get("digest")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            return ""
        content = self._document(f"/v2/{repository}/blobs/{digest}", doing, accept="*/*")
        if content is None:
            return ""
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise UnavailableError(f"{doing} : la description reçue n'a pas l'empreinte annoncée")
        inner = _parsed(content, doing).get("config")
        labels = inner.get("Labels") if isinstance(inner, dict) else None
        revision = labels.get(REVISION) if isinstance(labels, dict) else None
        return revision[:64] if isinstance(revision, str) else ""

    def _document(self, path: str, doing: str, *, accept: str) -> bytes | None:
        try:
            with self._session.get(
                self._url + path, headers={"Accept": accept}, timeout=TIMEOUT_S, stream=True
            ) as answer:
                content = answer.raw.read(DOCUMENT_MAX_BYTES + 1, decode_content=True)
                status, expected = answer.status_code, answer.headers.get("Content-Length", "")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise UnavailableError(f"{doing} : le registre ne répond pas ({type(error).__name__})") from error
        if status == requests.codes.not_found:
            return None
        if status in (requests.codes.unauthorized, requests.codes.forbidden):
            raise BrokenInstallationError(f"{doing} : le registre refuse l'accès de l'opérateur (HTTP {status})")
        if status != requests.codes.ok or (expected.isdigit() and int(expected) > len(content)):
            raise UnavailableError(f"{doing} : réponse incomplète ou inattendue du registre (HTTP {status})")
        if len(content) > DOCUMENT_MAX_BYTES:
            raise UnavailableError(f"{doing} : la réponse du registre dépasse {DOCUMENT_MAX_BYTES} octets")
        return content


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


def _parsed(content: bytes, doing: str) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnavailableError(f"{doing} : le registre a répondu autre chose que du JSON") from error
    if not isinstance(found, dict):
        raise UnavailableError(f"{doing} : le registre a répondu autre chose qu'un objet JSON")
    return found
