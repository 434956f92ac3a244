"""Do forge, registry, database and identity provider answer, with the credentials that the settings give?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from amcloud.clients import services
from amcloud.doctor.findings import Finding, error, ok, warning
from amcloud.doctor.ground import Ground
from amcloud.errors import AmcloudError, BrokenInstallationError, UnavailableError
from amcloud.settings import Settings

OLDEST_POSTGRES: Final = 13
EXPIRY_WARNED_DAYS: Final = 30


def examine(ground: Ground) -> Iterator[Finding]:
    """Each service on its own: one that is down does not hide the others."""
    try:
        settings = ground.settings()
    except (BrokenInstallationError, UnavailableError):
        return  # the settings' own family says it
    where = "" if ground.inside else " (joint d'ici, et non du cluster)"
    looks: tuple[tuple[str, Callable[[Settings, Ground], Finding]], ...] = (
        ("forge", forge),
        ("registry", registry),
        ("database", database),
        ("oidc", oidc),
    )
    for name, look in looks:
        try:
            yield look(settings, ground)
        except AmcloudError as problem:
            remedy = "Vérifiez l'adresse et le jeton de ce service dans amcloud-settings, et le réseau jusqu'à lui."
            yield error(f"service-{name}", f"{problem}{where}", remedy)


def forge(settings: Settings, ground: Ground) -> Finding:
    """The operator's token opens the API."""
    found = services.forge(settings.forge_url, settings.forge_token)
    name = f"Forge : {found.version or 'version inconnue'}, compte « {found.account} »"
    if found.expires is not None:
        left = (found.expires - ground.now.date()).days
        if left <= EXPIRY_WARNED_DAYS:
            said = f"{name}, jeton valable encore {left} jour(s) (jusqu'au {found.expires:%d/%m/%Y})."
            return warning("service-forge", said, "Créez un nouveau jeton et remplacez AMCLOUD_FORGE_TOKEN.")
    return ok("service-forge", f"{name}, jeton accepté{_until(found.expires)}.")


def registry(settings: Settings, ground: Ground) -> Finding:
    """The registry speaks the distribution API."""
    del ground
    services.registry(settings.registry_url)
    return ok("service-registry", f"Registre : répond ({settings.registry_name}).")


def database(settings: Settings, ground: Ground) -> Finding:
    """The server is recent enough, and the operator's role may make databases and roles."""
    del ground
    found = services.postgres(settings.database_url)
    needed = (("CREATEDB", found.creates_databases), ("CREATEROLE", found.creates_roles))
    lacking = [word for word, has in needed if not (has or found.superuser)]
    if lacking:
        remedy = f"ALTER ROLE {found.role} {' '.join(lacking)};"
        return error("service-database", f"PostgreSQL : le rôle {found.role} n'a pas {' ni '.join(lacking)}.", remedy)
    if found.major < OLDEST_POSTGRES:
        said = f"PostgreSQL {found.major} : il faut {OLDEST_POSTGRES} ou plus récent."
        return error("service-database", said, "Mettez le serveur à niveau.")
    if found.superuser:
        said = f"PostgreSQL {found.major} : le rôle {found.role} est superutilisateur, ce que rien ne demande."
        return warning("service-database", said, f"ALTER ROLE {found.role} NOSUPERUSER CREATEDB CREATEROLE;")
    share = 100 * found.connections // max(1, found.connections_max)
    return ok("service-database", f"PostgreSQL {found.major} : {share} % des connexions prises.")


def oidc(settings: Settings, ground: Ground) -> Finding:
    """The provider publishes its configuration under the issuer that applications are told."""
    del ground
    issuer = services.oidc_issuer(settings.oidc_issuer)
    if issuer.rstrip("/") != settings.oidc_issuer.rstrip("/"):
        said = f"Le fournisseur d'identité s'annonce comme {issuer}, pas comme {settings.oidc_issuer}."
        return error("service-oidc", said, "AMCLOUD_OIDC_ISSUER doit être l'« issuer » de sa configuration.")
    return ok("service-oidc", f"Fournisseur d'identité : {issuer}.")


def _until(day: date | None) -> str:
    return f" jusqu'au {day:%d/%m/%Y}" if day else ""
