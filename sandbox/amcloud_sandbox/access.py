"""How people and programs reach the sandbox: shell variables, and one kubeconfig a role."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from amcloud_sandbox import binaries
from amcloud_sandbox.control_plane import ControlPlane
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import (
    COMPOSER_URL,
    DOMAIN,
    EDGE_URL,
    FORGE_URL,
    IDENTITY_URL,
    REGISTRY_NAME,
    REGISTRY_URL,
    Layout,
)


class Role(StrEnum):
    """Who plays: the persons that AM Cloud knows."""

    DEVELOPER = "developpeur"
    OPERATOR = "exploitant"
    AUDITOR = "auditeur"
    DC2R = "dc2r"


# Groups as the cluster's RBAC knows them.
GROUPS: Mapping[Role, str] = {
    Role.DEVELOPER: "amcloud:developpeurs",
    Role.OPERATOR: "amcloud:exploitants",
    Role.AUDITOR: "amcloud:auditeurs",
    Role.DC2R: "amcloud:dc2r",
}


SAMPLE_ORGANISATION = "671"
"""The organisation of the sample developer."""


def role_kubeconfig(role: Role, *, layout: Layout, organisation: str = SAMPLE_ORGANISATION) -> Path:
    """Kubeconfig of ``role``, made by the cluster's authority at the first call; a developer has an organisation.

    Raises:
        SandboxError: the control plane was never started.
    """
    plane = _plane(layout)
    name, groups = f"{role}-exemple", [GROUPS[role]]
    # the part of the name that tells one certificate from another: an older one lacks the organisation's group
    suffix = f"{role}-{organisation}" if role is Role.DEVELOPER else str(role)
    if role is Role.DEVELOPER:
        name, groups = f"{role}-{organisation}-exemple", [*groups, f"{GROUPS[role]}:{organisation}"]
    leaf = plane.authority.leaf(f"role-{suffix}", user=name, groups=groups)
    path = layout.credentials / f"kubeconfig-{suffix}"
    return plane.authority.kubeconfig(path, server=plane.server, leaf=leaf, user=name)


def _plane(layout: Layout) -> ControlPlane:
    programs = binaries.find(binaries.CLUSTER_PROGRAMS, layout=layout)
    if programs is None or not layout.kubeconfig.exists():
        raise SandboxError("le bac à sable n'est pas démarré", "lancez d'abord : amcloud sandbox up")
    return ControlPlane(layout, programs)


def variables(
    role: Role | None, *, layout: Layout, path: str, organisation: str = SAMPLE_ORGANISATION
) -> dict[str, str]:
    """Shell variables that reach the sandbox as ``role`` (administrator when None); ``path`` is the present PATH.

    Raises:
        SandboxError: the control plane was never started.
    """
    plane = _plane(layout)
    kubeconfig = role_kubeconfig(role, layout=layout, organisation=organisation) if role else layout.kubeconfig
    found = {
        "KUBECONFIG": str(kubeconfig),
        "PATH": first_on_path(str(plane.programs.folder), path),
        "AMCLOUD_DOMAIN": DOMAIN,
        "AMCLOUD_EDGE_URL": EDGE_URL,
        "AMCLOUD_FORGE_URL": FORGE_URL,
        "AMCLOUD_REGISTRY": REGISTRY_NAME,
        "AMCLOUD_REGISTRY_URL": REGISTRY_URL,
        "AMCLOUD_COMPOSER_URL": COMPOSER_URL,
        "AMCLOUD_IDENTITY_URL": IDENTITY_URL,
        "AMCLOUD_PACKAGE_SOURCES": COMPOSER_URL,
    }
    token = layout.credentials / f"forge-{role or 'root'}-token"
    if token.exists():
        found["AMCLOUD_FORGE_TOKEN"] = token.read_text(encoding="utf-8").strip()
    return found


def first_on_path(folder: str, path: str) -> str:
    """``path`` with ``folder`` first, and only there."""
    return os.pathsep.join([folder, *(one for one in path.split(os.pathsep) if one and one != folder)])


def shell_lines(found: Mapping[str, str]) -> str:
    """Lines for ``eval`` in a POSIX shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in found.items())
