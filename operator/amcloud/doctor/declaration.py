"""What the platform knows of a forge project: the LocalApps that follow it, and the credential that opens it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.source import GitSource
from amcloud.doctor.findings import Finding, error, ok, warning
from amcloud.doctor.forge_ground import followers
from amcloud.doctor.ground import Ground
from amcloud.errors import RepositoryRefusedError
from amcloud.stages import repository
from amcloud.stages.declared.app import App


def examine(ground: Ground) -> Iterator[Finding]:
    """Each LocalApp that follows the project: its manifest, its credential, its refs."""
    found = followers(ground)
    if ground.is_norms and not found.apps:
        yield ok("localapp", f"{ground.project} est le projet des normes : les contestations y arrivent.")
        return
    for name, problem in found.broken.items():
        yield error(
            "localapp", f"{name} : le manifeste est refusé ({problem}).", f"kubectl describe lapp -A | grep {name}"
        )
    if not found.apps and not found.broken:
        said = f"Aucune LocalApp ne suit {ground.project} : ses commits n'ont aucun verdict."
        yield error("localapp", said, "kubectl apply -f localapp.yaml (spec.repository.project).")
    cluster, forge_url = KubernetesCluster(ground.api), ground.settings().forge_url
    with tempfile.TemporaryDirectory() as folder:
        source = GitSource(forge_url, Path(folder))
        for app in found.apps:
            yield from declared(app, cluster, source)


def declared(app: App, cluster: KubernetesCluster, source: GitSource) -> Iterator[Finding]:
    """One LocalApp: may it read the project, and do its refs exist?"""
    name = f"{app.namespace}/{app.name}"
    try:
        token = cluster.forge_token(app)
        refs = source.refs(app.source.project, token)
    except RepositoryRefusedError as problem:
        remedy = f"amcloud forge connect {app.source.project} --secret {app.namespace}/forge-token"
        yield error("localapp-credentials", f"{name} : {problem}", remedy)
        return
    how = f"le Secret « {app.source.credentials} »" if app.source.credentials else "sans jeton (projet public)"
    yield ok("localapp-credentials", f"{name} lit le dépôt avec {how}." if token else f"{name} lit le dépôt, {how}.")
    for stage in app.stages:
        if repository.head(stage.ref, refs) is None:
            said = repository.not_found(app.source.project, stage.ref)
            yield warning(
                "localapp-refs", f"{name}, étape {stage.name} : {said}", "Poussez-la, ou corrigez spec.stages."
            )
        else:
            yield ok("localapp-refs", f"{name}, étape {stage.name} : « {stage.ref.pattern} » existe.")
