"""What the families about a forge project share: the project as the operator sees it, and who follows it. Read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from amcloud.clients import forge_state
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.forge_calls import ForgeCalls
from amcloud.clients.local_apps import LocalApps
from amcloud.doctor.ground import Ground
from amcloud.errors import InvalidManifestError, RepositoryRefusedError
from amcloud.stages import manifest
from amcloud.stages.declared.app import App


@dataclass(frozen=True, slots=True)
class Followers:
    """The LocalApps that follow a project; ``broken`` are those whose manifest cannot be read, with what is wrong."""

    apps: tuple[App, ...]
    broken: Mapping[str, str]


def calls(ground: Ground) -> ForgeCalls:
    """The forge's API, with the operator's own token."""
    settings = ground.settings()
    return ForgeCalls(settings.forge_url, settings.forge_token)


def state(ground: Ground) -> forge_state.ProjectState:
    """The project as the operator sees it.

    Raises:
        RepositoryRefusedError: it is not there for the operator's token.
    """
    settings = ground.settings()
    return _state(settings.forge_url, settings.forge_token, ground.project, built=not ground.is_norms)


def visible(ground: Ground) -> bool:
    """Whether the project is there for the operator's token."""
    try:
        state(ground)
    except RepositoryRefusedError:
        return False
    return True


def followers(ground: Ground) -> Followers:
    """Who follows the project in this cluster."""
    cluster = KubernetesCluster(ground.api)
    organisations = cluster.organisations()
    apps, broken = [], {}
    for found in LocalApps(ground.api).all():
        named = str(((found.get("spec") or {}).get("repository") or {}).get("project") or "")
        if named.casefold() != ground.project.casefold():
            continue
        try:
            apps.append(manifest.parse(found, organisations, cluster.namespace_organisation))
        except InvalidManifestError as error:
            broken[f"{found['metadata']['namespace']}/{found['metadata']['name']}"] = str(error)
    return Followers(tuple(apps), broken)


@lru_cache(maxsize=4)
def _state(url: str, token: str, project: str, *, built: bool) -> forge_state.ProjectState:
    return forge_state.read(ForgeCalls(url, token), project, built=built)
