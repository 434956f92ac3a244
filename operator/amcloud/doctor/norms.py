"""Which norms are in force, are they those of this engine, and how old are the advisories that they ask for?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from amcloud.clients.advisories import AdvisoryMirror
from amcloud.clients.cluster import KubernetesCluster
from amcloud.doctor.findings import Finding, error, ok, unknown, warning
from amcloud.doctor.ground import Ground
from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.stages.declared.app import StageName
from amcloud.stages.declared.norms import NormPack, norm_pack
from psram import packs
from psram.advisories import Database
from psram.errors import PsramError

STALE_DAYS: Final = 7
"""As rule CMP-002 warns: nobody should hear it first from a refusal."""
REFUSED_DAYS: Final = 30
_DECLARE: Final = (
    "Déclarez un NormPack (docs/guide-exploitant.md, « Déclarer les normes ») ; amcloud norms list dit les empreintes."
)


def examine(ground: Ground) -> Iterator[Finding]:
    """The packs, then the advisories."""
    declared = KubernetesCluster(ground.api).norm_packs()
    current = norm_pack(declared, None, now=ground.now)
    if current is None:
        yield error("norm-pack", "Aucun pack de normes n'est en vigueur : rien ne peut être jugé.", _DECLARE)
    else:
        yield enforced(current)
    for pack in declared:
        yield known(pack)
    try:
        source = ground.settings().advisories
    except (BrokenInstallationError, UnavailableError):
        return  # the settings' own family says it
    if source:
        yield advisories(AdvisoryMirror(source, every_s=1).current(), ground.now.date(), inside=ground.inside)


def enforced(current: NormPack) -> Finding:
    """The pack in force refuses somewhere."""
    audited = [stage.value for stage in StageName if stage not in current.enforced]
    if StageName.PRODUCTION.value in audited:
        said = f"{current.version} est en vigueur, sans rien refuser en production (Audit)."
        return warning("norm-pack", said, "spec.enforcement.production: Enforce, quand les équipes sont prêtes.")
    tail = f" ; Audit seulement : {', '.join(audited)}" if audited else ""
    return ok("norm-pack", f"{current.version} est en vigueur{tail}.")


def known(pack: NormPack) -> Finding:
    """This engine has that pack, with that content."""
    name = f"norm-pack-{pack.version}"
    try:
        ours = packs.load(pack.version)
    except PsramError as problem:
        said = f"{pack.version} est déclaré, et cette version de l'opérateur ne le connaît pas : {problem}"
        return error(name, said, "Installez l'image de l'opérateur qui contient ce pack, ou retirez le NormPack.")
    if ours.digest != pack.digest:
        said = f"{pack.version} : l'empreinte déclarée n'est pas celle du pack de cet opérateur ({ours.digest})."
        return error(name, said, _DECLARE)
    return ok(name, f"{pack.version} : connu de cet opérateur, même empreinte.")


def advisories(found: Database | None, today: date, *, inside: bool) -> Finding:
    """The advisory database can be read and is not old."""
    remedy = "Rafraîchissez le miroir des avis (docs/dependances.md) ; AMCLOUD_ADVISORIES dit où il est lu."
    if found is None or found.problem:
        said = f"Avis de sécurité : {found.problem if found else 'aucune base'}."
        return error("advisories", said, remedy) if inside else unknown("advisories", f"{said} (lu d'ici)", remedy)
    if found.dated is None:
        return warning("advisories", "La base d'avis de sécurité ne dit pas de quand elle date.", remedy)
    age = (today - found.dated).days
    said = f"La base d'avis de sécurité a {age} jour(s) ({found.size} avis)."
    if age > REFUSED_DAYS:
        return error("advisories", said + " Elle ne prouve plus rien : CMP-002 refuse.", remedy)
    return warning("advisories", said, remedy) if age > STALE_DAYS else ok("advisories", said)
