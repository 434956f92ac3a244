"""Puts a configuration in force: written beside, checked by nginx itself, then moved into place and reloaded."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox.edge import nginx
from amcloud_sandbox.edge.routes import Refused, Route

CHECK_TIMEOUT_S = 15
PAGE = """\
<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
PAGES = {
    "404.html": PAGE.format(
        title="Adresse inconnue",
        text="Aucune application n'est servie à cette adresse. Vérifiez le nom de l'hôte et le chemin.",
    ),
    "503.html": PAGE.format(
        title="Application momentanément indisponible",
        text="L'application existe mais aucune instance ne répond. Réessayez dans quelques instants.",
    ),
}


@dataclass(frozen=True, slots=True)
class Server:
    """The nginx whose files are in ``folder``, listening on ``listen`` (addresses with port)."""

    folder: Path
    listen: tuple[str, ...]

    @property
    def file(self) -> Path:
        """The configuration in force."""
        return self.folder / "nginx.conf"

    @property
    def followed(self) -> Path:
        """Exists once the cluster's routes have been in force since the controller's start."""
        return self.folder / "followed"

    def prepare(self) -> None:
        """Folders, error pages and, at first, a configuration without any route exist."""
        for name in ("tmp", "pages"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        for name, text in PAGES.items():
            (self.folder / "pages" / name).write_text(text, encoding="utf-8")
        if not self.file.exists():
            self.file.write_text(self._text(()), encoding="utf-8")

    def arguments(self, file: Path) -> tuple[str, ...]:
        """nginx's command line for a configuration file."""
        return ("nginx", "-e", "stderr", "-c", str(file))

    def put_in_force(self, routes: Sequence[Route]) -> tuple[Refused, ...]:
        """nginx follows ``routes`` (nothing happens when it already does); what it refuses is left out and returned."""
        refused: tuple[Refused, ...] = ()
        text = self._text(routes)
        if self.file.exists() and self.file.read_text(encoding="utf-8") == text:
            return ()
        if not self._accepts(routes):
            routes, refused = acceptable(routes, self._accepts)
            text = self._text(routes)
        candidate = self.file.with_suffix(".new")
        candidate.write_text(text, encoding="utf-8")
        candidate.replace(self.file)
        self._reload()
        return refused

    def _text(self, routes: Sequence[Route]) -> str:
        return nginx.configuration(routes, listen=self.listen, folder=self.folder)

    def _accepts(self, routes: Sequence[Route]) -> bool:
        candidate = self.folder / "nginx.check.conf"
        candidate.write_text(self._text(routes), encoding="utf-8")
        argv = (*self.arguments(candidate), "-t", "-q")
        return subprocess.run(argv, timeout=CHECK_TIMEOUT_S, check=False).returncode == 0

    def _reload(self) -> None:
        try:
            pid = int((self.folder / "nginx.pid").read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return  # not started yet: it will read the file then
        if str(self.file).encode() in command:
            os.kill(pid, signal.SIGHUP)


def acceptable(
    routes: Sequence[Route], accepts: Callable[[Sequence[Route]], bool]
) -> tuple[tuple[Route, ...], tuple[Refused, ...]]:
    """The routes without those of any Ingress that ``accepts`` refuses beside the ones kept so far."""
    kept: tuple[Route, ...] = ()
    refused = []
    for origin in sorted({route.origin for route in routes}):
        wider = tuple(sorted((*kept, *(route for route in routes if route.origin == origin))))
        if accepts(wider):
            kept = wider
        else:
            refused.append(Refused(origin, "refusé par nginx"))
    return kept, tuple(refused)
