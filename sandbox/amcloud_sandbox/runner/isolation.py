"""How a command of a pipeline is started: as the runner's account, in namespaces of its own.

The command line is ``unshare`` (processes, mounts, IPC, host name) → a few mounts made as root → ``setpriv`` to the
account. Ending ``unshare`` ends every process of the job.

Privileges are not given up for good (no_new_privs): buildah's user
namespace needs the set-uid ``newuidmap``, which needs CAP_SYS_ADMIN in its bounding set. The network is the machine's,
as a shell executor's is.
"""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TMP = Path("/tmp")
# The runner killed outright takes its jobs with it (pdeathsig, then --kill-child).
UNSHARE = (
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--pid",
    "--ipc",
    "--uts",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
DROPPED = "-net_admin,-net_raw,-sys_ptrace,-sys_module,-sys_boot,-sys_time,-mknod"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Cell:
    """One pipeline's place: ``folder`` holds its home, its /tmp and its sources.

    ``images``: store of base images, read and never written. ``cache``: the project's, kept between pipelines.
    ``tools``: where gitlab-ci-local is installed; may lie where the account cannot go, so it is bound into ``folder``.
    ``product``: folders of Python modules with which ``amcloud`` runs (step conformance.sh), bound likewise.
    """

    account: str
    folder: Path
    images: Path
    cache: Path
    tools: Path
    product: tuple[Path, ...] = ()

    @property
    def home(self) -> Path:
        """The account's home during this pipeline."""
        return self.folder / "home"

    @property
    def tmp(self) -> Path:
        """What the pipeline sees as /tmp."""
        return self.folder / "tmp"

    @property
    def tmp_inside(self) -> Path:
        """Where the pipeline finds :attr:`tmp`: at /tmp, unless the sandbox itself lies there (tests)."""
        return self.tmp if self.folder.is_relative_to(TMP) else TMP

    @property
    def sources(self) -> Path:
        """The checked-out commit."""
        return self.folder / "builds"

    @property
    def program(self) -> Path:
        """gitlab-ci-local, as seen inside."""
        return self.folder / "tools" / "node_modules" / ".bin" / "gitlab-ci-local"

    def make(self) -> None:
        """The folders exist and belong to the account (``tools`` excepted)."""
        user = pwd.getpwnam(self.account)
        for folder in (self.folder, self.home, self.home / "run", self.tmp, self.sources, self.cache):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, user.pw_uid, user.pw_gid)
            folder.chmod(0o700)
        (self.folder / "tools").mkdir(exist_ok=True)
        for inside in self._product_inside:
            inside.mkdir(parents=True, exist_ok=True)
        if self.product:
            self._write_command()

    @property
    def _product_inside(self) -> tuple[Path, ...]:
        return tuple(self.folder / "product" / str(number) for number, _ in enumerate(self.product))

    def _write_command(self) -> None:
        """The command ``amcloud``, root's: a job may run it and not change it."""
        command = self.folder / "product" / "bin" / "amcloud"
        command.parent.mkdir(exist_ok=True)
        modules = ":".join(map(str, self._product_inside))
        run = "import sys; from amcloud.cli import main; sys.argv[0] = 'amcloud'; main()"
        command.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(modules)} exec python3 -P -c "{run}" "$@"\n')
        command.chmod(0o755)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a command; nothing of the runner's own is in it."""
        return {
            "PATH": f"{self.folder / 'product' / 'bin'}:{PATH}" if self.product else PATH,
            "HOME": str(self.home),
            "USER": self.account,
            "LOGNAME": self.account,
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "TMPDIR": str(self.tmp_inside),
            "COMPOSER_HOME": str(self.cache / "composer"),
            "COMPOSER_CACHE_DIR": str(self.cache / "composer" / "cache"),
            "BUILDAH_ISOLATION": "chroot",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_COLOR": "1",
            **(extra or {}),
        }

    def argv(self, command: Sequence[str], *, cwd: Path | None = None, images_writable: bool = False) -> list[str]:
        """The command line that runs ``command`` inside the cell (in its sources unless ``cwd``)."""
        script = self._script(cwd or self.sources, images_writable=images_writable)
        return [*UNSHARE, "/bin/sh", "-c", script, "cell", *command]

    def _script(self, cwd: Path, *, images_writable: bool) -> str:
        images, tools, inside = (shlex.quote(str(path)) for path in (self.images, self.tools, self.folder / "tools"))
        user = pwd.getpwnam(self.account)
        mounts = _read_only(tools, inside)
        for source, target in zip(self.product, self._product_inside, strict=True):
            mounts += _read_only(shlex.quote(str(source)), shlex.quote(str(target)))
        if not images_writable:
            mounts += _read_only(images, images)
        if self.tmp_inside != self.tmp:
            # The last one: what the others bind may itself lie under /tmp, which this hides.
            mounts.append(f"mount --bind {shlex.quote(str(self.tmp))} {self.tmp_inside}")
        change = f"setpriv --reuid {user.pw_uid} --regid {user.pw_gid} --init-groups --bounding-set={DROPPED}"
        # The shell stays, as the namespace's first process: one that changed its account would lose its parent-death
        # signal, and the job would outlive a runner that was killed.
        return " && ".join((*mounts, f"cd {shlex.quote(str(cwd))}", f'{change} -- "$@"')) + "; exit $?"


def _read_only(source: str, target: str) -> list[str]:
    return [f"mount --bind {source} {target}", f"mount -o remount,bind,ro {target}"]
