"""``composer.lock`` kept in step with the packages that this sandbox serves.

Debian's security updates move point releases (``symfony`` 5.4.53 → 5.4.54), so a lock written on one machine may name
a version, or an archive, that another machine's repository does not have. :func:`is_served` says it, :func:`refresh`
locks again with the real Composer, from the repository's files: no server and no network are needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from amcloud_sandbox.composer.repository import Repository
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import COMPOSER_URL

LOCK = "composer.lock"
MANIFEST = "composer.json"
_RELEVANT = (
    "name", "version", "require", "require-dev", "conflict", "replace", "provide", "minimum-stability",
    "prefer-stable", "repositories", "extra",
)  # fmt: skip
_TIMEOUT_S = 120


def content_hash(manifest: Mapping[str, object]) -> str:
    """The ``content-hash`` that Composer writes in the lock of this ``composer.json``."""
    relevant = {key: manifest[key] for key in _RELEVANT if key in manifest}
    config = manifest.get("config")
    if isinstance(config, Mapping) and "platform" in config:
        relevant["config"] = {"platform": config["platform"]}
    text = json.dumps(_as_php({key: relevant[key] for key in sorted(relevant)}), separators=(",", ":"))
    return hashlib.md5(text.replace("/", "\\/").encode(), usedforsecurity=False).hexdigest()


def _as_php(value: object) -> object:
    """The value as PHP holds it after ``json_decode(…, true)``: an empty object has become an empty list."""
    if isinstance(value, Mapping):
        return {key: _as_php(item) for key, item in value.items()} or []
    return [_as_php(item) for item in value] if isinstance(value, list) else value


def is_served(lock: Mapping[str, object], repository: Repository) -> bool:
    """Whether the repository has each locked package in that version and with that very archive."""
    served = repository.packages()
    entries = [*_entries(lock, "packages"), *_entries(lock, "packages-dev")]
    return bool(entries) and all(
        served.get(str(entry["name"]), {}).get(str(entry["version"]), {}).get("dist") == entry.get("dist")
        for entry in entries
    )


def _entries(lock: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = lock.get(key)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def refresh(project: Path, repository: Repository) -> bool:
    """The project's lock fits what the repository serves; True when it had to be written again.

    Raises:
        SandboxError: Composer cannot satisfy ``composer.json`` with this repository.
    """
    manifest = json.loads((project / MANIFEST).read_text(encoding="utf-8"))
    path = project / LOCK
    if path.exists():
        lock = json.loads(path.read_text(encoding="utf-8"))
        if lock.get("content-hash") == content_hash(manifest) and is_served(lock, repository):
            return False
    path.write_text(_locked(manifest, repository), encoding="utf-8")
    return True


def _locked(manifest: dict[str, object], repository: Repository) -> str:
    """Text of the lock that Composer writes for ``manifest``, packages being read from the repository's files."""
    with tempfile.TemporaryDirectory(prefix="amcloud-lock-") as folder:
        work = Path(folder)
        here = [{"type": "composer", "url": f"file://{repository.root}"}, {"packagist.org": False}]
        (work / MANIFEST).write_text(json.dumps({**manifest, "repositories": here}), encoding="utf-8")
        argv = [
            "composer",
            "update",
            "--no-install",
            "--no-scripts",
            "--no-plugins",
            "--no-interaction",
            "--no-progress",
        ]
        process = subprocess.run(
            argv,
            cwd=work,
            env={**os.environ, "COMPOSER_HOME": str(work / "home"), "COMPOSER_ALLOW_SUPERUSER": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
        if process.returncode:
            raise SandboxError("verrouillage des dépendances (composer update)", process.stderr.strip()[-1500:])
        lock = json.loads((work / LOCK).read_text(encoding="utf-8"))
        shutil.rmtree(work / "home", ignore_errors=True)
    lock["content-hash"] = content_hash(manifest)
    return json.dumps(lock, indent=4, ensure_ascii=False) + "\n"


def uses_sandbox(project: Path) -> bool:
    """Whether the project's ``composer.json`` takes its packages from the sandbox's repository."""
    try:
        text = (project / MANIFEST).read_text(encoding="utf-8")
    except OSError:
        return False
    return COMPOSER_URL in text.replace("\\/", "/")
