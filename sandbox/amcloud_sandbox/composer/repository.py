"""The static repository: ``packages.json`` and one zip a package version, in the cache, named by what went into it.

Zips are stored uncompressed, sorted, with a fixed date, so that the same input gives the same bytes (and the same
``shasum`` in a ``composer.lock``) on every machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from amcloud_sandbox.composer import advisories, debian, derive, kit
from amcloud_sandbox.composer.derive import Control, Package
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import COMPOSER_URL, Layout

FORMAT = 5  # goes into the cache key: raise it when this module or derive.py writes something else
SAY_EVERY_PACKAGES = 15
INDEX = "packages.json"
DISTS = "dist"


@dataclass(frozen=True, slots=True)
class Repository:
    """A built repository: the folder to serve."""

    root: Path

    def packages(self) -> dict[str, dict[str, dict[str, object]]]:
        """Name → version → ``composer.json`` fields with ``dist``, as Composer reads them."""
        data = json.loads((self.root / INDEX).read_text(encoding="utf-8"))
        found: dict[str, dict[str, dict[str, object]]] = data["packages"]
        return found


def folder(layout: Layout) -> Path:
    """Where the sandbox keeps its Composer repositories and the Debian packages they come from."""
    return layout.cache / "composer"


def built(layout: Layout) -> Repository | None:
    """The repository that was built last on this machine; None when there is none."""
    root = folder(layout) / "current"
    return Repository(root.resolve()) if (root / INDEX).is_file() else None


def build(layout: Layout, say: Callable[[str], None], *, base_url: str = COMPOSER_URL) -> Repository:
    """The repository made of Debian's packages of today and the Starter Kit's versions; cached by content.

    Without Debian's mirror, the packages fetched before serve again, and that is said.

    Raises:
        SandboxError: apt knows no such package, or cannot fetch it, and none was fetched before.
    """
    controls = _controls(layout, say)
    home = folder(layout)
    key = _key(controls, base_url)
    root = home / key
    if not (root / INDEX).is_file():
        debs = debian.fetch(controls, home / "debs", say)
        home.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".building-", dir=home))
        try:
            corrected: list[dict[str, object]] = []
            _write(temporary, [*_from_debian(controls, debs, say, corrected), *kit.packages()], base_url)
            (temporary / advisories.CORRECTIONS).write_text(json.dumps(corrected, indent=1), encoding="utf-8")
            temporary.chmod(0o755)
            if root.exists():
                shutil.rmtree(root)
            temporary.rename(root)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        say(f"dépôt Composer : {len(controls)} paquets Debian et le Starter Kit {', '.join(kit.versions())}")
    _point(home / "current", key)
    return Repository(root)


def _controls(layout: Layout, say: Callable[[str], None]) -> dict[str, Control]:
    """What to publish: apt's view of today, remembered for the day when it cannot be asked."""
    memory = folder(layout) / "controls.json"
    try:
        controls = debian.closure()
    except SandboxError as error:
        if not memory.exists():
            raise
        say(f"miroir Debian injoignable ({error}) : les paquets déjà téléchargés sont publiés à nouveau")
        return {name: Control(**fields) for name, fields in json.loads(memory.read_text(encoding="utf-8")).items()}
    memory.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: asdict(control) for name, control in controls.items()}, indent=1)
    temporary = memory.with_suffix(f".{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(memory)
    return controls


def _key(controls: Mapping[str, Control], base_url: str) -> str:
    digest = hashlib.sha256(f"{FORMAT}\n{base_url}\n".encode())
    for control in controls.values():
        digest.update(f"{control.name}={control.version}\n".encode())
    for package in kit.packages():
        for path, content in sorted(package.files.items()):
            digest.update(f"{package.version}/{path}\n".encode() + hashlib.sha256(content).digest())
        digest.update(json.dumps(package.manifest, sort_keys=True).encode())
    return digest.hexdigest()[:20]


def _from_debian(
    controls: Mapping[str, Control],
    debs: Mapping[str, Path],
    say: Callable[[str], None],
    corrected: list[dict[str, object]],
) -> Iterable[Package]:
    """The packages; what Debian corrects in them is added to ``corrected``."""
    contents = {}
    for count, (name, path) in enumerate(debs.items(), 1):
        contents[name] = debian.members(path)
        if count % SAY_EVERY_PACKAGES == 0:
            say(f"dépôt Composer : {count}/{len(debs)} paquets lus")
    names = {name: derive.composer_name(name, files) for name, files in contents.items()}
    for name, files in contents.items():
        found = advisories.correction(controls[name], files, names[name])
        if found is not None:
            corrected.append(found)
        try:
            yield derive.package(controls[name], files, names)
        except ValueError as error:
            raise SandboxError("paquet Debian d'une forme inattendue", str(error)) from error


def _write(root: Path, packages: Iterable[Package], base_url: str) -> None:
    (root / DISTS).mkdir()
    index: dict[str, dict[str, object]] = {}
    for package in packages:
        data = zipped(package)
        file = f"{package.name.replace('/', '-')}-{package.version}.zip"
        (root / DISTS / file).write_bytes(data)
        dist = {
            "type": "zip",
            "url": f"{base_url}/{DISTS}/{file}",
            "reference": hashlib.sha256(data).hexdigest()[:40],
            "shasum": hashlib.sha1(data, usedforsecurity=False).hexdigest(),  # Composer's format knows only SHA-1
        }
        index.setdefault(package.name, {})[package.version] = {**package.manifest, "dist": dist}
    text = json.dumps({"packages": dict(sorted(index.items()))}, indent=1, ensure_ascii=False)
    (root / INDEX).write_text(text + "\n", encoding="utf-8")


def zipped(package: Package) -> bytes:
    """The package's archive: the same bytes for the same files, whatever the machine and the day."""
    manifest = json.dumps(dict(package.manifest), indent=4, ensure_ascii=False) + "\n"
    files = {**package.files, "composer.json": manifest.encode()}
    with tempfile.SpooledTemporaryFile(max_size=32 << 20) as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(files):
                entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
                entry.create_system = 3  # Unix, so that the mode counts
                entry.external_attr = (0o755 if files[path].startswith(b"#!") else 0o644) << 16
                archive.writestr(entry, files[path])
        buffer.seek(0)
        return buffer.read()


def _point(link: Path, target: str) -> None:
    temporary = link.with_name(f".{link.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
