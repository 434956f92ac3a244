"""Debian packages: which are missing, installing them without starting services, fetching one without installing it.

The mirror is whatever the machine already uses; no host name is written here.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.programs import run

POLICY = Path("/usr/sbin/policy-rc.d")
SOURCES = Path("/etc/apt/sources.list.d")
SOURCES_LIST = Path("/etc/apt/sources.list")
INSTALL_TIMEOUT_S = 1200
FETCH_TIMEOUT_S = 300


def missing(packages: Sequence[str]) -> tuple[str, ...]:
    """Those of ``packages`` that are not installed, in the given order."""
    if not packages:
        return ()
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")}
    return tuple(dict.fromkeys(package for package in packages if package not in installed))


def install(packages: Sequence[str], say: Callable[[str], None]) -> None:
    """All ``packages`` are installed, by one call of apt-get, without starting their services.

    Raises:
        SandboxError: apt-get failed; the hint holds its last lines.
    """
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    with _services_stay_stopped():
        run(
            ["apt-get", *options, "update"],
            doing="mise à jour de la liste des paquets Debian",
            timeout_s=FETCH_TIMEOUT_S,
            say=say,
            env=environment,
        )
        run(
            ["apt-get", *options, "install", "--no-install-recommends", *packages],
            doing=f"installation de {len(packages)} paquets Debian",
            timeout_s=INSTALL_TIMEOUT_S,
            say=say,
            env=environment,
        )


@contextlib.contextmanager
def _services_stay_stopped() -> Iterator[None]:
    # invoke-rc.d asks this file before starting a service; one that is there already is the administrator's.
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def with_sources(text: str) -> str:
    """A deb822 ``.sources`` file in which every ``Types: deb`` also offers source packages."""
    return re.sub(r"(?m)^Types:.*$", "Types: deb deb-src", text)


def with_source_lines(text: str) -> str:
    """A one-line-style sources.list with a ``deb-src`` line after each ``deb`` line."""
    return re.sub(r"(?m)^deb(\s.*)$", r"deb\1\ndeb-src\1", text)


@dataclass(frozen=True, slots=True)
class PrivateApt:
    """The machine's own mirrors with source packages added, through lists kept in ``folder``; nothing is installed."""

    folder: Path

    def prepare(self, say: Callable[[str], None]) -> PrivateApt:
        """This apt, its package lists fetched."""
        parts = self.folder / "sources"
        parts.mkdir(parents=True, exist_ok=True)
        (self.folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        for source in sorted(SOURCES.glob("*.sources")):
            (parts / source.name).write_text(with_sources(source.read_text(encoding="utf-8")), encoding="utf-8")
        for source in [SOURCES_LIST, *sorted(SOURCES.glob("*.list"))]:
            if source.exists():
                text = with_source_lines(source.read_text(encoding="utf-8"))
                (parts / source.name).with_suffix(".list").write_text(text, encoding="utf-8")
        run(
            ["apt-get", *self._options(), "update"],
            doing="liste des paquets sources de Debian",
            timeout_s=FETCH_TIMEOUT_S,
            say=say,
        )
        return self

    def source(self, package: str, say: Callable[[str], None]) -> Path:
        """The downloaded ``.dsc`` file of the source package, its archives beside it."""
        self._get(["source", "--download-only", package], f"sources du paquet {package}", say)
        found = sorted(self.folder.glob(f"{package}_*.dsc"))
        if not found:
            raise SandboxError(f"sources du paquet {package}", "absentes des miroirs de cette machine")
        return found[-1]

    def unpack(self, package: str, say: Callable[[str], None]) -> Path:
        """Folder with the files of the binary package, unpacked and not installed."""
        self._get(["download", package], f"paquet {package}", say)
        found = sorted(self.folder.glob(f"{package}_*.deb"))
        target = self.folder / f"{package}.d"
        run(["dpkg-deb", "-x", str(found[-1]), str(target)], doing=f"dépaquetage de {package}", say=say)
        return target

    def _get(self, arguments: Sequence[str], doing: str, say: Callable[[str], None]) -> None:
        run(
            ["apt-get", *self._options(), *arguments],
            doing=doing,
            timeout_s=FETCH_TIMEOUT_S,
            say=say,
            cwd=self.folder,
        )

    def _options(self) -> tuple[str, ...]:
        settings = {
            "Dir::Etc::SourceList": os.devnull,
            "Dir::Etc::SourceParts": str(self.folder / "sources"),
            "Dir::State::Lists": str(self.folder / "lists"),
            "APT::Sandbox::User": "root",  # the folder is the caller's; the _apt user may not read it
        }
        return ("-q", *(f"-o{name}={value}" for name, value in settings.items()))
