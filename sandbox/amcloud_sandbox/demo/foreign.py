"""The same job on a cluster that the user has: what it must bring, and where its services are."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import requests

from amcloud_sandbox import layout as addresses
from amcloud_sandbox.demo.platform import Platform
from amcloud_sandbox.demo.programs import Kubectl, run
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import Target

PARTS = ("registry", "postgres", "composer", "identity", "forge", "edge")
"""What this machine still provides: everything but the cluster."""
TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A cluster by its kubectl context, with the registry and the forge that its pods reach."""

    context: str
    registry: str
    forge: str
    forge_token: str


def chosen(context: str | None, registry: str | None, forge: str | None) -> Elsewhere | None:
    """The user's cluster, or ``None`` when the sandbox's own is meant.

    Raises:
        SandboxError: one message with all that is missing or does not answer.
    """
    if context is None:
        return None
    token = os.environ.get("FORGE_TOKEN", "")
    missing = [
        text
        for text, given in (
            ("REGISTRY=<hôte:port> : un registre d'images que les nœuds du cluster atteignent", registry),
            ("FORGE=<URL> : un GitLab que les pods du cluster atteignent", forge),
            ("FORGE_TOKEN dans l'environnement : un jeton d'administration de ce GitLab", token),
        )
        if not given
    ]
    if missing:
        raise SandboxError(f"le contexte {context} ne suffit pas", "il manque :\n  " + "\n  ".join(missing))
    assert registry and forge
    problems = [problem for problem in (_cluster(context), _registry(registry), _forge(forge, token)) if problem]
    if problems:
        raise SandboxError(f"le contexte {context} n'est pas utilisable", "\n  ".join(problems))
    return Elsewhere(context, registry, forge.rstrip("/"), token)


def platform_of(elsewhere: Elsewhere, here: Platform) -> Platform:
    """The platform of a foreign cluster; what it does not bring is this machine's."""
    return replace(
        here,
        kubectl=Kubectl(here.kubectl.program, None, elsewhere.context),
        registry_name=elsewhere.registry,
        registry_url=_registry_url(elsewhere.registry),
        forge_url=elsewhere.forge,
        forge_root_token=elsewhere.forge_token,
    )


def target(where: Platform) -> Target:
    """The registry to which images are pushed."""
    parts = urlsplit(where.registry_url)
    return Target(name=where.registry_name, api=parts.netloc, tls=parts.scheme == "https")


def _registry_url(registry: str) -> str:
    """Address of the registry's API: the sandbox's own is known by another name than its address."""
    if registry == addresses.REGISTRY_NAME:
        return addresses.REGISTRY_URL
    for scheme in ("https", "http"):
        if _answers(f"{scheme}://{registry}/v2/"):
            return f"{scheme}://{registry}"
    return f"https://{registry}"


def _cluster(context: str) -> str | None:
    try:
        run(["kubectl", f"--context={context}", "get", "namespaces", "-o", "name", "--request-timeout=5s"])
    except SandboxError as error:
        return f"le cluster ne répond pas : {error.hint}"
    return None


def _registry(registry: str) -> str | None:
    return None if _answers(f"{_registry_url(registry)}/v2/") else f"le registre {registry} ne répond pas sur /v2/"


def _forge(forge: str, token: str) -> str | None:
    try:
        answer = requests.get(f"{forge.rstrip('/')}/api/v4/user", headers={"PRIVATE-TOKEN": token}, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        return f"la forge {forge} ne répond pas ({type(error).__name__})"
    return None if answer.ok else f"la forge {forge} refuse le jeton FORGE_TOKEN ({answer.status_code})"


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=TIMEOUT_S).status_code in {200, 401}
    except requests.RequestException:
        return False
