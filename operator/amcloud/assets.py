"""Files that ship with the product: templates, CRDs, deployment, pipelines. Found in the wheel or in a checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from amcloud.errors import BrokenInstallationError

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def folder(name: str) -> Path:
    """Folder ``templates``, ``crds``, ``deploy`` or ``pipelines``: the wheel's copy, else the checkout's.

    Raises:
        BrokenInstallationError: neither is there.
    """
    for candidate in (_PACKAGE / "_assets" / name, _CHECKOUT / name):
        if candidate.is_dir():
            return candidate
    raise BrokenInstallationError(f"le dossier « {name} » du produit est introuvable : installation incomplète")


def hosting_templates() -> Mapping[str, str]:
    """Text of every file of ``templates/hosting``, by file name.

    Raises:
        BrokenInstallationError: there is none.
    """
    return _templates("hosting")


def check_templates() -> Mapping[str, str]:
    """Text of every file of ``templates/checks``, by file name.

    Raises:
        BrokenInstallationError: there is none.
    """
    return _templates("checks")


def walk_templates() -> Mapping[str, str]:
    """Text of every file of ``templates/walks``, by file name.

    Raises:
        BrokenInstallationError: there is none.
    """
    return _templates("walks")


def _templates(kind: str) -> Mapping[str, str]:
    found = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted((folder("templates") / kind).glob("*"))
        if path.name.endswith((".yaml.j2", ".yaml"))
    }
    if not found:
        raise BrokenInstallationError(f"aucun gabarit dans templates/{kind} : installation incomplète")
    return found
