"""What a machine must have before anything starts, told in one message, and the packages added to it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from amcloud_sandbox import apt, processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.parts import Part

MINIMUM_MEMORY_MB = 3_000
MINIMUM_DISK_MB = 6_000
# Processes that tell another Kubernetes in this network namespace.
FOREIGN_NODES = frozenset({"kubelet", "k3s", "k3s-server", "k3s-agent", "microk8s"})


@dataclass(frozen=True, slots=True)
class Machine:
    """What was found out about this machine."""

    system: str
    debian: str | None  # "12"; None on another distribution
    is_root: bool
    has_apt: bool
    memory_mb: int
    free_disk_mb: int
    foreign_kubernetes: tuple[str, ...] = ()
    user_namespaces: bool = True  # an ordinary user may open one: images are built without root


def look(layout: Layout) -> Machine:
    """What this machine is like now."""
    release = _os_release(Path("/etc/os-release"))
    return Machine(
        system=platform.system(),
        debian=release.get("VERSION_ID", "").strip('"') if release.get("ID") == "debian" else None,
        is_root=os.geteuid() == 0,
        has_apt=shutil.which("apt-get") is not None,
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        free_disk_mb=shutil.disk_usage(_existing(layout.cache)).free // 2**20,
        foreign_kubernetes=_foreign_kubernetes(layout),
        user_namespaces=_user_namespaces(),
    )


def problems(machine: Machine, *, missing: Sequence[str]) -> tuple[str, ...]:
    """Sentences that say what stands in the way and what to do; empty when the sandbox can start."""
    found: list[str] = []
    if machine.system != "Linux":
        found.append(f"Le bac à sable a besoin de Linux ; cette machine est sous {machine.system}.")
    if not machine.is_root:
        found.append("Il faut être root (conteneurs, réseau des pods) : relancez avec sudo.")
    if missing and not machine.has_apt:
        found.append(
            f"Il manque {', '.join(missing)}, et cette machine n'a pas apt-get : le bac à sable s'installe sur "
            "Debian 12. Avec un cluster à vous : make demo CONTEXT=<contexte kubectl>."
        )
    elif "golang-go" in missing and machine.debian != "12":
        found.append(
            "Seule Debian 12 fournit les sources complètes de Kubernetes : indiquez par KUBEBUILDER_ASSETS ou PATH un "
            "dossier qui contient kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy et "
            "kubectl, ou utilisez un cluster à vous : make demo CONTEXT=<contexte kubectl>."
        )
    if not machine.user_namespaces:
        found.append(
            "Un utilisateur ordinaire ne peut pas ouvrir d'espace de noms (unshare --user), et les images des "
            "applications sont construites sans root : autorisez-le (sysctl kernel.unprivileged_userns_clone=1 et "
            "user.max_user_namespaces=15000), ou sortez du chroot ou du conteneur qui l'interdit."
        )
    if machine.memory_mb < MINIMUM_MEMORY_MB:
        found.append(f"Il faut {MINIMUM_MEMORY_MB} Mo de mémoire ; cette machine en a {machine.memory_mb}.")
    if machine.free_disk_mb < MINIMUM_DISK_MB:
        found.append(f"Il faut {MINIMUM_DISK_MB} Mo libres sur le disque ; il en reste {machine.free_disk_mb}.")
    if machine.foreign_kubernetes:
        found.append(
            f"Un autre Kubernetes tourne sur cette machine ({', '.join(machine.foreign_kubernetes)}) : ses règles "
            "réseau seraient mêlées aux nôtres. Arrêtez-le, ou utilisez-le : make demo CONTEXT=<contexte kubectl>."
        )
    return tuple(found)


def ensure(
    parts: Iterable[Part], *, extra: Sequence[str] = (), starts: bool = True, layout: Layout, say: Callable[[str], None]
) -> None:
    """This machine has all that ``parts`` need, and ``extra`` packages; what is missing is installed, and said.

    Raises:
        SandboxError: something is missing that cannot be installed; all of it is in one message.
    """
    wanted = dict.fromkeys(package for part in parts for package in part.debian_packages) | dict.fromkeys(extra)
    missing = apt.missing(tuple(wanted)) if shutil.which("dpkg-query") else tuple(wanted)
    machine = look(layout)
    if not starts:
        machine = replace(machine, foreign_kubernetes=())  # programs on a disk disturb nobody
    found = problems(machine, missing=missing)
    if found:
        raise SandboxError("cette machine ne peut pas porter le bac à sable", "\n".join(f"  - {one}" for one in found))
    if missing:
        say(f"installation de paquets Debian (leurs services ne sont pas démarrés) : {' '.join(missing)}")
        apt.install(missing, say)


def _user_namespaces() -> bool:
    """Whether an ordinary user may open a user namespace: the kernel's settings or a chroot may forbid it."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return True  # told by another sentence, or cannot be asked: not an obstacle that is known
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "--user", "true"]
    return subprocess.run(argv, capture_output=True, check=False, cwd="/").returncode == 0


def _os_release(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _foreign_kubernetes(layout: Layout) -> tuple[str, ...]:
    """Nodes of other clusters that share our network namespace (kind's and k3d's have their own).

    A child of our kubelet bears its name too, between its fork and the program that it becomes.
    """
    ours = processes.pid_of("kubelet", layout=layout)
    network = _link(Path("/proc/self/ns/net"))
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue
        if name not in FOREIGN_NODES or _link(folder / "ns" / "net") != network:
            continue
        pid = int(folder.name)
        parent = processes.parent(pid)
        if parent is not None and (ours is None or ours not in (pid, parent)):
            found.append(f"{name}, processus {pid}")
    return tuple(found)


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None
