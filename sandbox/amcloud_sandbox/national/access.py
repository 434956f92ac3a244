"""Who may call the service: one file an application, with a digest of its credential, which itself is kept nowhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from amcloud_sandbox.errors import SandboxError

_APP = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z]([-a-z0-9]{0,38}[a-z0-9])?")


class State(StrEnum):
    """What the service thinks of a credential."""

    LET_IN = "let in"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Caller:
    """An application by ``namespace/name``, and whether it is let in; ``app`` is empty for an unknown one."""

    app: str
    state: State


@dataclass(frozen=True, slots=True)
class Register:
    """The service's own list of callers, in a folder that it alone reads."""

    folder: Path

    def issue(self, app: str) -> str:
        """A new credential for ``app`` (``namespace/name``); the one before opens nothing any more.

        Raises:
            SandboxError: ``app`` is not written so.
        """
        token = secrets.token_urlsafe(32)
        self._write(app, _digest(token), withdrawn=False)
        return token

    def withdraw(self, app: str) -> None:
        """``app`` is known and refused from now on.

        Raises:
            SandboxError: it never had a credential.
        """
        found = next((one for one in self._entries() if one["app"] == app), None)
        if found is None:
            raise SandboxError(f"retrait de l'autorisation de {app}", "le service ne connaît pas cette application")
        self._write(app, str(found["digest"]), withdrawn=True)

    def caller(self, token: str) -> Caller:
        """Whose credential that is."""
        digest = _digest(token)
        for entry in self._entries():
            if hmac.compare_digest(str(entry["digest"]), digest):
                return Caller(str(entry["app"]), State.WITHDRAWN if entry["withdrawn"] else State.LET_IN)
        return Caller("", State.UNKNOWN)

    def _entries(self) -> Iterator[dict[str, object]]:
        for path in sorted(self.folder.glob("*.json")):
            yield dict(json.loads(path.read_text(encoding="utf-8")))

    def _write(self, app: str, digest: str, *, withdrawn: bool) -> None:
        if not _APP.fullmatch(app):
            raise SandboxError(f"autorisation de « {app[:60]} »", "une application s'écrit espace-de-noms/nom")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{app.replace('/', '.')}.json"
        fresh = path.with_suffix(".new")
        content = json.dumps({"app": app, "digest": digest, "withdrawn": withdrawn})
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        fresh.rename(path)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
