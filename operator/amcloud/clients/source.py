"""Git over HTTP, in bounded children that believe nothing they read (:class:`amcloud.ports.Source`).

No credential is in an address, an argument or a log: it is a header that git reads from its environment. Nothing of a
repository runs: no hook, no submodule, no LFS, no work tree; protocols are closed but the forge's own.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from amcloud.clients.budget import FETCH_REQUESTS, REFS_REQUESTS, Budget
from amcloud.errors import AmcloudError, BrokenInstallationError, ForgeUnavailableError, RepositoryRefusedError
from amcloud.masking import one_line

REFS_S: Final = 20.0
FETCH_S: Final = 120.0
FILE_MAX_BYTES: Final = 128 * 1024 * 1024
"""Largest file that git may write: a commit whose pack is bigger is refused."""
REFS_MAX_BYTES: Final = 4 * 1024 * 1024
PROJECT_MAX_BYTES: Final = 512 * 1024 * 1024
"""A project's mirror that grows beyond is made anew."""
MIRRORS_MAX: Final = 200
LAST: Final = "refs/amcloud/last"
ALONE: Final = "amcloud-alone"
"""File of a mirror whose project has more history than the limit on files: it comes in parts. It holds their length."""
DEEPEN_COMMITS: Final = 512
DEEPEN_S: Final = 60.0
"""Seconds that one call may spend on bringing parts of a history; the next call goes on."""

_PROJECT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){1,20}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REFUSED: Final = re.compile(
    r"could not read Username|Authentication failed|not found|could not be found|Access denied"
    r"|returned error: 40[134]|does not appear to be a git repository",
    re.IGNORECASE,
)
_SETTINGS: Final = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "protocol.allow": "never",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",  # one pack, so that the limit on files bounds the whole commit
    "fetch.writeCommitGraph": "false",
    "filter.lfs.smudge": "",
    "filter.lfs.required": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "20",
    "http.followRedirects": "initial",  # a renamed project; curl drops the credential for another host
    "pack.threads": "1",
}


class GitSource:
    """The forge's repositories; each project has a bare mirror of the commits that were asked for."""

    def __init__(
        self, forge_url: str, mirrors: Path, *, budget: Budget | None = None, own_token: Callable[[], str] = str
    ) -> None:
        self._budget = budget or Budget()
        self._own_token = own_token
        self._url = forge_url.rstrip("/")
        self._scheme = urlsplit(self._url).scheme
        self._mirrors = mirrors
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def refs(self, project: str, token: str | None) -> Mapping[str, str]:
        """Every branch and tag: ``refs/heads/main`` → commit.

        Raises:
            RepositoryRefusedError: the project does not exist for this credential, or is empty.
        """
        doing = f"lecture des branches de {project}"
        argv = ["ls-remote", "--heads", "--tags", "--", self._address(project)]
        with self._budget.asking(project, requests=REFS_REQUESTS):
            listed = self._git(argv, doing=doing, token=token, timeout_s=REFS_S)
        found = {}
        for line in listed.decode("utf-8", "surrogateescape").splitlines():
            commit, _, name = line.partition("\t")
            if _COMMIT.fullmatch(commit) and name.startswith("refs/") and name.isprintable():
                found[name] = commit
        if not found:
            raise RepositoryRefusedError(f"Le dépôt {project} est vide : poussez-y une première révision.")
        return found

    def mark(self, project: str) -> str:
        """What a project's branches and tags are, in one word; read with the operator's own credential.

        Raises:
            RepositoryRefusedError: as :meth:`refs`.
        """
        refs = self.refs(project, self._own_token() or None)
        return hashlib.sha256("\n".join(f"{name} {refs[name]}" for name in sorted(refs)).encode()).hexdigest()

    def fetch(self, project: str, commit: str, token: str | None) -> Path:
        """A bare repository that holds ``commit``, its tree and the commits before it.

        A history beyond the limit on files comes in parts, call by call: until its end the repository is shallow, and
        stays so where the whole would not fit :data:`PROJECT_MAX_BYTES`.

        Raises:
            RepositoryRefusedError: the project is closed to this credential, or the commit alone is too big.
        """
        if not _COMMIT.fullmatch(commit):
            raise RepositoryRefusedError(f"« {one_line(commit, chars=64)} » n'est pas un nom de commit.")
        address = self._address(project)
        mirror = self._mirrors / f"{hashlib.sha256(project.encode()).hexdigest()[:32]}.git"
        with self._locks[project]:
            if mirror.exists() and _size(mirror) > PROJECT_MAX_BYTES:
                shutil.rmtree(mirror, ignore_errors=True)
            self._prepare(mirror)
            if not self._has(mirror, commit):
                if (mirror / LAST).exists() and not self._has(mirror, LAST):  # what it says to have is not all there
                    shutil.rmtree(mirror, ignore_errors=True)
                    self._prepare(mirror)
                doing = f"lecture du commit {commit[:12]} de {project}"
                if not any(
                    self._brought(mirror, address, commit, *depth, doing=doing, token=token)
                    for depth in ((), ("--depth=1",))
                ):
                    raise _too_big(doing)
            if (mirror / "shallow").exists():
                with contextlib.suppress(ForgeUnavailableError):  # the commit is there: the next call goes on
                    self._deepen(mirror, address, commit, token=token)
            os.utime(mirror)
        return mirror

    def _deepen(self, mirror: Path, address: str, commit: str, *, token: str | None) -> None:
        """Bring more of the history, in parts that fit the limit on files, as long as time and room are left."""
        doing, until = f"lecture de l'historique de {commit[:12]}", time.monotonic() + DEEPEN_S
        (mirror / "shallow.lock").unlink(missing_ok=True)  # of a fetch that was killed; nobody else is here
        length = _length(mirror / ALONE)
        while (mirror / "shallow").exists() and length and time.monotonic() < until:
            if _size(mirror) > PROJECT_MAX_BYTES - FILE_MAX_BYTES:
                return
            if not self._brought(mirror, address, commit, f"--deepen={length}", doing=doing, token=token):
                length //= 8
                (mirror / ALONE).write_text(str(length), "ascii")

    def _brought(self, mirror: Path, address: str, commit: str, *options: str, doing: str, token: str | None) -> bool:
        """Whether what was asked for is there; not when it is bigger than the limit on files."""
        # the reference is what the next fetch tells the forge that it has already
        argv = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *options, "--", address, f"+{commit}:{LAST}"]
        with self._budget.asking(address.removeprefix(f"{self._url}/").removesuffix(".git"), requests=FETCH_REQUESTS):
            try:
                self._git(argv, doing=doing, token=token, timeout_s=FETCH_S, folder=mirror)
            except ForgeUnavailableError:
                if _cut_short(mirror):  # git itself only says that its child died
                    return False
                raise
            return True

    def _prepare(self, mirror: Path) -> None:
        if (mirror / "HEAD").exists():
            return
        shutil.rmtree(mirror, ignore_errors=True)
        self._mirrors.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._make_room()
        doing = "préparation du miroir d'un dépôt"
        self._git(["init", "--quiet", "--bare", "--template=", str(mirror)], doing=doing, token=None, timeout_s=REFS_S)

    def _make_room(self) -> None:
        """The mirrors that were not used for longest go."""
        found = sorted(self._mirrors.glob("*.git"), key=lambda path: path.stat().st_mtime)
        for old in found[: max(0, len(found) - MIRRORS_MAX + 1)]:
            shutil.rmtree(old, ignore_errors=True)

    def _has(self, mirror: Path, commit: str) -> bool:
        # every object of the commit, in case a fetch was killed half-way
        argv = ["rev-list", "--quiet", "--objects", "--max-count=1", commit]
        try:
            self._git(argv, doing="recherche d'un commit", token=None, timeout_s=REFS_S, folder=mirror)
        except AmcloudError:
            return False
        return True

    def _address(self, project: str) -> str:
        if not _PROJECT.fullmatch(project) or ".." in project:
            raise RepositoryRefusedError(f"« {one_line(project, chars=100)} » n'est pas un chemin de projet.")
        return f"{self._url}/{project}.git"

    def _git(
        self, arguments: list[str], *, doing: str, token: str | None, timeout_s: float, folder: Path | None = None
    ) -> bytes:
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    ["git", *(["-C", str(folder)] if folder else []), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=errors,
                    env=self._environment(token),
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                raise BrokenInstallationError(f"{doing} : git ne démarre pas ({error.strerror})") from error
            code = _waited(process, doing, timeout_s)
            errors.seek(0)
            if code != 0:
                raise _problem(doing, errors.read(65536).decode("utf-8", "replace"))
            said.seek(0)
            content = said.read(REFS_MAX_BYTES + 1)
        if len(content) > REFS_MAX_BYTES:
            raise RepositoryRefusedError(f"{doing} : le dépôt a trop de branches et d'étiquettes.")
        return content

    def _environment(self, token: str | None) -> dict[str, str]:
        settings = {**_SETTINGS, f"protocol.{self._scheme}.allow": "always"}
        if token:
            login = token if ":" in token else f"oauth2:{token}"  # a deploy token has a name of its own
            basic = base64.b64encode(login.encode()).decode()
            settings[f"http.{self._url}/.extraHeader"] = f"Authorization: Basic {basic}"
        numbered = {
            f"GIT_CONFIG_{part}_{number}": text
            for number, pair in enumerate(settings.items())
            for part, text in zip(("KEY", "VALUE"), pair, strict=True)
        }
        return {
            "PATH": os.defpath,
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_CONFIG_COUNT": str(len(settings)),
            **numbered,
        }


def _waited(process: subprocess.Popen[bytes], doing: str, timeout_s: float) -> int:
    """Exit status of ``process``, of which no child is left."""
    with contextlib.suppress(ProcessLookupError):  # it may have ended already; its children inherit the limit
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FILE_MAX_BYTES, FILE_MAX_BYTES))
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ForgeUnavailableError(f"{doing} : pas de réponse complète de la forge en {timeout_s:.0f} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _problem(doing: str, said: str) -> AmcloudError:
    if _REFUSED.search(said):
        return RepositoryRefusedError(
            f"{doing} : le dépôt n'existe pas ou le jeton de l'organisme n'y donne pas accès "
            "(spec.repository.project, spec.repository.credentialsRef)."
        )
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    return ForgeUnavailableError(f"{doing} : {one_line(last, chars=300) or 'git a échoué sans rien dire'}")


def _too_big(doing: str) -> RepositoryRefusedError:
    limit = FILE_MAX_BYTES // 1024 // 1024
    return RepositoryRefusedError(
        f"{doing} : la révision dépasse {limit} Mio compressés ; retirez les gros fichiers du dépôt."
    )


def _cut_short(mirror: Path) -> bool:
    """Whether a fetch ended at the limit on files; what it left is removed."""
    partial = list((mirror / "objects" / "pack").glob("tmp_*"))
    reached = any(path.stat().st_size >= FILE_MAX_BYTES for path in partial)
    for path in partial:
        path.unlink(missing_ok=True)
    return reached


def _length(file: Path) -> int:
    """How many commits a part of the history has; 0 when even one is too big."""
    try:
        return min(DEEPEN_COMMITS, int(file.read_text("ascii")))
    except (OSError, ValueError):
        return DEEPEN_COMMITS


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
