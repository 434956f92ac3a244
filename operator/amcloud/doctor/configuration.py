"""Are the operator's settings whole, sensible, and not those of the example?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from amcloud.clients.signing import Signer
from amcloud.doctor.findings import Finding, error, ok, unknown, warning
from amcloud.doctor.ground import Ground
from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.settings import RUNBOOKS, Settings
from amcloud.stages.objects.egress import target

_PLACEHOLDERS: Final = ("a-remplacer", ".example")
_WHERE: Final = "ConfigMap ou Secret « amcloud-settings » (docs/reglages.md), puis redémarrez l'opérateur."
_ELSEWHERE: Final = "Les exploitants ne lisent pas les Secrets : lancez amcloud doctor dans le pod de l'opérateur."
_SHORTEST_TOKEN: Final = 16


def examine(ground: Ground) -> Iterator[Finding]:
    """Missing settings first: nothing else can be said without them."""
    try:
        settings = ground.settings()
    except UnavailableError as problem:
        yield unknown("settings", f"Réglages non lus : {problem}.", _ELSEWHERE)
        return
    except BrokenInstallationError as problem:
        yield error("settings", f"{problem}.", _WHERE)
        return
    yield ok("settings", "Tous les réglages obligatoires sont là et lisibles.")
    yield placeholders(ground)
    yield from doubts(settings)


def placeholders(ground: Ground) -> Finding:
    """No setting is still the example's."""
    left = sorted(name for name, value in ground.environment.items() if any(word in value for word in _PLACEHOLDERS))
    if left:
        return error("settings-example", f"Encore la valeur de l'exemple : {', '.join(left)}.", _WHERE)
    return ok("settings-example", "Aucune valeur de l'exemple ne reste.")


def doubts(settings: Settings) -> Iterator[Finding]:
    """What is allowed and rarely wanted."""
    if settings.url_scheme != "https":
        yield warning(
            "settings-https", "Les applications sont servies en http.", f"AMCLOUD_URL_SCHEME=https : {_WHERE}"
        )
    if not settings.approved_runners:
        said = "Aucun exécuteur n'est agréé : les preuves des pipelines ne sont pas crues, rien ne sera hébergé."
        yield error("settings-runners", said, f"AMCLOUD_APPROVED_RUNNERS : {_WHERE}")
    if len(settings.webhook_token) < _SHORTEST_TOKEN:
        said = f"Le jeton des notifications a moins de {_SHORTEST_TOKEN} caractères : il se devine."
        yield warning("settings-webhook", said, f"AMCLOUD_WEBHOOK_TOKEN (openssl rand -hex 32) : {_WHERE}")
    yield from provenance(settings)
    yield from network(settings)
    if settings.runbooks_url == RUNBOOKS:
        said = "Les alertes ne mènent nulle part : aucune adresse ne publie la conduite à tenir."
        yield warning("settings-runbooks", said, f"AMCLOUD_RUNBOOKS_URL (docs/runbooks.md, publié) : {_WHERE}")
    if not settings.advisories:
        said = "Aucune base d'avis de sécurité : la règle CMP-002 est indéterminée, et refuse."
        yield error("settings-advisories", said, f"AMCLOUD_ADVISORIES (docs/dependances.md) : {_WHERE}")


def network(settings: Settings) -> Iterator[Finding]:
    """Instances go to the database and to the identity provider, and to nowhere else by the same ports."""
    named = {"la base": settings.database_url, "l'identité": settings.oidc_issuer}
    found = {what: target(url) for what, url in named.items()}
    wide = {what: one["port"] for what, one in found.items() if one is not None and not one["cidr"]}
    if wide and not settings.service_networks:
        ports = " et ".join(f"le port {port} ({what})" for what, port in wide.items())
        said = f"Les instances atteignent {ports} de n'importe quelle adresse : un nom ne se dit pas au réseau."
        yield error("settings-networks", said, f"AMCLOUD_SERVICE_NETWORKS=<réseaux où ils répondent> : {_WHERE}")


def provenance(settings: Settings) -> Iterator[Finding]:
    """Images can be attested: production takes none that is not."""
    try:
        signer = Signer(settings.provenance_key, settings.provenance_public_keys)
    except BrokenInstallationError as problem:
        yield error("settings-provenance", f"{problem}.", f"openssl rand -base64 32 : {_WHERE}")
        return
    if not signer.can_sign:
        said = "Aucune clé n'atteste les images (AMCLOUD_PROVENANCE_KEY) : rien n'entrera en production."
        yield error("settings-provenance", said, f"AMCLOUD_PROVENANCE_KEY (openssl rand -base64 32) : {_WHERE}")
