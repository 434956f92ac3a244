"""Does each organisation have what it needs to declare an application: a namespace that is its own, and no other's?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from amcloud.clients import installation
from amcloud.clients.cluster import KubernetesCluster
from amcloud.doctor.findings import Finding, error, ok, unknown, warning
from amcloud.doctor.ground import Ground
from amcloud.errors import BrokenInstallationError
from amcloud.settings import GROUP
from amcloud.stages.declared.app import SYNTHETIC_CODES, Organisation
from amcloud.stages.objects.operations import Object

_GUIDE: Final = "docs/guide-exploitant.md, « Déclarer un organisme »"


def examine(ground: Ground) -> Iterator[Finding]:
    """Organisations, their namespaces, and the credentials that LocalApps name."""
    cluster = KubernetesCluster(ground.api)
    known = cluster.organisations()
    spaces = installation.labelled(ground.api, f"{GROUP}/organisation")
    yield from paired(known, spaces)
    yield from reserved(installation.organisation_codes(ground.api))
    apps = cluster.local_apps()
    yield from credentials(apps, cluster.secret_names)


def paired(known: Mapping[str, Organisation], spaces: Mapping[str, str]) -> Iterator[Finding]:
    """``spaces`` gives the organisation's code of each labelled namespace that is no instance's."""
    if not known:
        yield error("organisations", "Aucun organisme n'est déclaré.", f"{_GUIDE}.")
        return
    yield ok("organisations", f"{len(known)} organisme(s) déclaré(s).")
    for namespace, code in sorted(spaces.items()):
        if code not in known:
            said = f"L'espace {namespace} est étiqueté pour l'organisme {code}, qui n'est pas déclaré."
            yield error("organisation-namespace", said, f"Déclarez l'Organisation {code}, ou corrigez l'étiquette.")
    homeless = sorted(one.label for code, one in known.items() if code not in spaces.values())
    if homeless:
        said = f"Sans espace de noms, donc sans déclaration possible : {', '.join(homeless)}."
        yield warning("organisation-namespace", said, f"{_GUIDE} (inutile pour qui ne fait qu'utiliser).")


def reserved(codes: list[str]) -> Iterator[Finding]:
    """No fund has a code of the synthetic organisations: the operator would not serve it."""
    if found := sorted(code for code in codes if code.startswith(SYNTHETIC_CODES)):
        said = f"Codes réservés aux organismes fictifs, déclarés sous une version d'avant : {', '.join(found)}."
        yield error("organisation-reserved", said, "Déclarez l'organisme sous un autre code (990 à 999 sont réservés).")


def credentials(apps: list[Object], secrets: Callable[[str], frozenset[str]]) -> Iterator[Finding]:
    """The Secret that each LocalApp names for its repository exists; ``secrets`` lists those of a namespace."""
    seen: dict[str, frozenset[str]] = {}
    missing = []
    for app in apps:
        metadata, repository = app["metadata"], (app.get("spec") or {}).get("repository") or {}
        wanted = (repository.get("credentialsRef") or {}).get("name")
        if wanted is None:
            continue
        namespace = metadata["namespace"]
        try:
            seen[namespace] = seen.get(namespace) or secrets(namespace)
        except BrokenInstallationError as problem:
            remedy = "Les exploitants ne lisent pas les Secrets : lancez amcloud doctor dans le pod de l'opérateur."
            yield unknown("organisation-token", f"Jetons de forge non examinés : {problem}.", remedy)
            return
        if wanted not in seen[namespace]:
            missing.append(f"{namespace}/{metadata['name']} → {wanted}")
    if missing:
        said = f"Jeton de forge absent pour {len(missing)} application(s) : {', '.join(missing[:5])}."
        yield error(
            "organisation-token", said, "kubectl create secret generic <nom> -n <espace> --from-literal=token=…"
        )
    elif apps:
        yield ok("organisation-token", f"{len(apps)} LocalApp ; les jetons de forge qu'elles nomment existent.")
