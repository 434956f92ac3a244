"""Debian packages as data: which ones are needed, fetched by apt into the cache, read without installing them."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from amcloud_sandbox.composer.derive import Control
from amcloud_sandbox.errors import SandboxError

# What applications may require; what these require in turn is found by closure().
ROOTS = (
    "php-doctrine-orm",
    "php-phpseclib3",
    "php-symfony-browser-kit",
    "php-symfony-framework-bundle",
    "php-symfony-http-client",
    "php-symfony-twig-bundle",
    "php-symfony-yaml",
    "phpunit",
)
# The interpreter and its extensions come with the machine (or the image), never through Composer.
_OURS = re.compile(r"^(?:php-(?!cli$|common$|json$|random-compat$)[a-z]|phpunit)")
_FETCH_BATCH = 12
_NEWS_S = 120


def closure() -> dict[str, Control]:
    """The packages of :data:`ROOTS` and all that they depend on, by name, as apt knows them now.

    Raises:
        SandboxError: apt does not know one of the roots, even after its lists were fetched again.
    """
    found = _closure()
    if not found.keys() >= set(ROOTS):  # a machine whose lists were never fetched, or were cleaned
        _run(["apt-get", "update", "-q"], doing="mise à jour de la liste des paquets Debian")
        found = _closure()
    missing = [name for name in ROOTS if name not in found]
    if missing:
        raise SandboxError(f"paquets Debian inconnus d'apt : {', '.join(missing)}", "vérifiez /etc/apt/sources.list")
    return {name: found[name] for name in sorted(found)}


def _closure() -> dict[str, Control]:
    found: dict[str, Control] = {}
    wanted = set(ROOTS)
    while wanted:
        shown = _show(sorted(wanted))
        found.update(shown)
        wanted = {name for control in shown.values() for name in _needed(control.depends)} - found.keys()
        wanted &= _real(wanted)
    return found


def _needed(depends: str) -> set[str]:
    names = {relation.split("|")[0].split("(")[0].split(":")[0].strip() for relation in depends.split(",")}
    return {name for name in names if _OURS.match(name)}


def _show(names: Iterable[str]) -> dict[str, Control]:
    text = _run(["apt-cache", "show", "--no-all-versions", *names], doing="lecture des paquets connus d'apt")
    controls = (_control(paragraph) for paragraph in text.split("\n\n") if paragraph.strip())
    return {control.name: control for control in controls}


def _real(names: set[str]) -> set[str]:
    """Those of ``names`` that are packages in PHP (architecture: all), not extensions built in C or virtual names."""
    if not names:
        return set()
    text = _run(["apt-cache", "show", "--no-all-versions", *sorted(names)], doing="lecture des paquets connus d'apt")
    paragraphs = [paragraph for paragraph in text.split("\n\n") if "\nArchitecture: all" in paragraph]
    return {_control(paragraph).name for paragraph in paragraphs if "\nSource: php-defaults" not in paragraph}


def _control(paragraph: str) -> Control:
    fields = dict(re.findall(r"^(\w[\w-]*): (.*)$", paragraph, re.MULTILINE))
    description = fields.get("Description") or fields.get("Description-en") or ""
    return Control(
        fields["Package"], fields["Version"], fields.get("Depends", ""), description, fields.get("Homepage", "")
    )


def fetch(controls: Mapping[str, Control], folder: Path, say: Callable[[str], None]) -> dict[str, Path]:
    """Files of these packages in ``folder``, downloaded by apt (which verifies them) where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [control for control in controls.values() if not _file(control, folder).exists()]
    for start in range(0, len(missing), _FETCH_BATCH):
        batch = missing[start : start + _FETCH_BATCH]
        say(f"paquets Debian : {start + len(batch)}/{len(missing)}")
        names = [f"{control.name}={control.version}" for control in batch]
        _run(
            ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *names], doing="apt-get download", cwd=folder
        )
    return {control.name: _file(control, folder) for control in controls.values()}


def _file(control: Control, folder: Path) -> Path:
    return folder / f"{control.name}_{control.version.replace(':', '%3a')}_all.deb"


def members(deb: Path) -> dict[str, bytes]:
    """Regular files of a Debian package, path without leading slash → content; symbolic links are left out."""
    process = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", str(deb)], capture_output=True, check=False, timeout=_NEWS_S
    )
    if process.returncode:
        raise SandboxError(f"lecture de {deb.name}", process.stderr.decode("utf-8", "replace").strip())
    with tarfile.open(fileobj=io.BytesIO(process.stdout)) as tar:
        return {
            entry.name.removeprefix("./"): content.read()
            for entry in tar
            if entry.isfile() and (content := tar.extractfile(entry)) is not None
        }


def _run(argv: list[str], *, doing: str, cwd: Path | None = None) -> str:
    try:
        process = subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=cwd, timeout=_NEWS_S,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(doing, str(error)) from error
    # apt-cache show ends with 100 when one name is virtual, yet shows the others.
    if process.returncode and argv[0] != "apt-cache":
        raise SandboxError(doing, process.stderr.strip()[-500:])
    return process.stdout
