"""``amcloud render FILE``: the objects that a LocalApp would become, without a cluster."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from amcloud.errors import AmcloudError, InvalidManifestError

if TYPE_CHECKING:
    from amcloud.settings import Settings
    from amcloud.stages.declared.app import App, ConnectorUse, Organisation, Stage
    from amcloud.stages.declared.connectors import Connector, Link
    from amcloud.stages.objects.kinds import Offers
    from amcloud.stages.objects.operations import Object

MANIFEST_MAX_BYTES = 256 * 1024
EXAMPLE_CREDENTIALS = (
    "postgresql://exemple_app:exemple@base.example:5432/exemple",
    "postgresql://exemple_owner:exemple@base.example:5432/exemple",
    "exemple",
    "exemple",
)
NEVER = 1000
_NEVER_HOSTED = "cette application n'est pas hébergée : il n'y a rien à afficher"
# Since and until which minor version Kubernetes serves an API version.
LIFETIMES = {
    "batch/v1beta1": (8, 25),
    "policy/v1": (21, NEVER),
    "policy/v1beta1": (5, 25),
    "autoscaling/v2": (23, NEVER),
    "autoscaling/v2beta2": (12, 26),
}
CRON_JOB_SINCE = 21  # batch/v1 is older than its CronJob
TIME_ZONE_SINCE = 25  # CronJob.spec.timeZone is served without asking since then


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("render", help="Affiche les objets Kubernetes qu'une LocalApp deviendrait, sans cluster.")(render)


def render(  # noqa: PLR0917 - typer: one argument an option
    file: Path = typer.Argument(..., metavar="FICHIER", help="Manifeste LocalApp (YAML).", dir_okay=False, exists=True),
    stage: str = typer.Option("", "--stage", help="Étape (development, acceptance, production) ; toutes par défaut."),
    image: str = typer.Option("", "--image", help="Image par empreinte (nom@sha256:…) ; un exemple par défaut."),
    commit: str = typer.Option("0" * 40, "--commit", help="Commit complet."),
    domain: str = typer.Option("amcloud.example", "--domain", help="Domaine DNS de la plateforme."),
    minor: int = typer.Option(
        30, "--kubernetes", min=20, max=99, help="Version mineure de Kubernetes visée : 20 → 1.20."
    ),
    organisations: Path | None = typer.Option(
        None,
        "--organisations",
        help="Manifestes Organisation (YAML) ; exemples par défaut.",
        exists=True,
        dir_okay=False,
    ),
    connectors: Path | None = typer.Option(
        None, "--connectors", help="Manifestes Connector (YAML) ; exemples par défaut.", exists=True, dir_okay=False
    ),
    networks: str = typer.Option(
        "192.0.2.0/24",
        "--networks",
        help="Réseaux de la base et de l'identité (AMCLOUD_SERVICE_NETWORKS) ; vide : leur port est ouvert partout.",
    ),
) -> None:
    """The objects as YAML on standard output; credentials are examples."""
    import yaml

    try:
        documents = _objects(
            file,
            stage=stage,
            image=image,
            commit=commit,
            domain=domain,
            minor=minor,
            organisations=organisations,
            connectors=connectors,
            networks=networks,
        )
    except AmcloudError as error:
        typer.echo(f"Erreur : {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False), nl=False)


def _objects(
    file: Path,
    *,
    stage: str,
    image: str,
    commit: str,
    domain: str,
    minor: int,
    organisations: Path | None,
    connectors: Path | None,
    networks: str,
) -> list[Object]:
    from amcloud import assets
    from amcloud.stages import manifest
    from amcloud.stages import render as stages

    found = _manifest(file)
    known = _organisations(organisations, found)
    app = manifest.parse(found, known, lambda _: _owner(found))
    if app.repository is None:
        raise InvalidManifestError("spec.stages", _NEVER_HOSTED)
    _possible(app, stage=stage, image=image, commit=commit)
    settings = _settings(domain, networks)
    revision = stages.Revision(commit, image or f"registre.example/{app.repository.project}@sha256:{'0' * 64}")
    return [
        one
        for wanted in app.stages
        if stage in ("", wanted.name)
        for one in stages.objects(
            app,
            wanted,
            stages.place(app, wanted, domain=domain),
            revision,
            manifest.served(app, wanted, known),
            stages.Access(*EXAMPLE_CREDENTIALS),
            _offers(minor),
            settings,
            assets.hosting_templates(),
            _links(app, wanted, connectors),
        )
    ]


def _links(app: App, stage: Stage, file: Path | None) -> tuple[Link, ...]:
    """What an instance gets of the connectors in ``file``, or of an example for each that the manifest names."""
    from datetime import UTC, datetime

    from amcloud.clients.records import connector
    from amcloud.stages.declared import connectors

    if file is None:
        offered = {use.name: _example(app, use) for use in app.hosting.connectors}
    else:
        read = [connector(d) for d in _documents(file) if d.get("kind") == "Connector"]
        offered = {one.name: one for one in read if one is not None}
    now = datetime.now(UTC)
    if (refused := connectors.refusal(app, stage.name, offered, now=now)) is not None:
        raise InvalidManifestError("spec.hosting.connectors", refused.sentence)
    return tuple(link.with_token("exemple") for link in connectors.links(app, stage.name, offered, (), now=now))


def _example(app: App, use: ConnectorUse) -> Connector:
    from amcloud.stages.declared.connectors import Connector, Consumer, Version
    from amcloud.stages.render import owner

    version = Version(use.version, f"https://{use.name}.example/{use.version}", addresses=("192.0.2.1/32",))
    return Connector(use.name, use.name, versions=(version,), consumers=(Consumer(owner(app), "exemple"),))


def _possible(app: App, *, stage: str, image: str, commit: str) -> None:
    """Refuse what no revision of ``app`` could have: an answer of nothing, or of objects never made, would lie."""
    from amcloud.stages.declared.app import Track
    from amcloud.stages.declared.intention import COMMIT, IMAGE

    if not app.stages:
        raise InvalidManifestError("spec.stages", _NEVER_HOSTED)
    if app.track is Track.HORS_STANDARD:
        raise InvalidManifestError("spec.track", f"filière hors-standard, inscrite au catalogue : {_NEVER_HOSTED}")
    declared = [str(one.name) for one in app.stages]
    if stage and stage not in declared:
        raise InvalidManifestError("--stage", f"« {stage} » n'est pas dans spec.stages ({', '.join(declared)})")
    if image and not IMAGE.fullmatch(image):
        raise InvalidManifestError(
            "--image", f"une image par empreinte est attendue (nom@sha256:…), trouvé « {image} »"
        )
    if not COMMIT.fullmatch(commit):
        raise InvalidManifestError("--commit", f"l'identifiant complet d'un commit est attendu, trouvé « {commit} »")


def _manifest(file: Path) -> dict[str, Any]:
    """The LocalApp in ``file``, with the identity that a server would add."""
    found = local_app(_documents(file), str(file))
    metadata = found.get("metadata")
    given = metadata if isinstance(metadata, dict) else {}
    return {**found, "metadata": {"uid": "exemple", "generation": 1, "namespace": "exemple", **given}}


def local_app(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The LocalApp among the documents of the file ``name``."""
    one = next((d for d in found if d.get("kind") == "LocalApp"), None)
    if one is None:
        raise InvalidManifestError(name, "aucun document « kind: LocalApp »")
    return one


def _organisations(file: Path | None, found: Mapping[str, Any]) -> dict[str, Organisation]:
    """Organisations of ``file``, or an example for each code that the manifest names."""
    from amcloud.clients.records import organisation
    from amcloud.stages.declared.app import Organisation

    if file is not None:
        read = [organisation(d) for d in _documents(file) if d.get("kind") == "Organisation"]
        return {one.code: one for one in read if one is not None}
    spec: Any = found.get("spec") if isinstance(found.get("spec"), dict) else {}
    repository, listed = spec.get("repository"), spec.get("organisations")
    project = str(repository.get("project", "")) if isinstance(repository, dict) else ""
    codes = [_owner(found), *(listed if isinstance(listed, list) else [])]
    group = project.partition("/")[0]
    return {
        str(code): Organisation(str(code), f"Organisme {code} (exemple)", f"organisme-{code}", group) for code in codes
    }


def _owner(found: Mapping[str, Any]) -> str:
    spec = found.get("spec")
    owner = spec.get("owner") if isinstance(spec, dict) else None
    return str(owner.get("organisation", "")) if isinstance(owner, dict) else ""


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        with file.open("rb") as opened:
            return documents(opened.read(MANIFEST_MAX_BYTES + 1), str(file))
    except OSError as error:
        raise InvalidManifestError(str(file), f"illisible ({error.strerror})") from error


def documents(content: bytes, name: str) -> list[dict[str, Any]]:
    """The objects in the YAML of the file ``name``.

    Raises:
        InvalidManifestError: it is too large, or no YAML.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Times stay text, as in the JSON that kubectl makes of a manifest."""

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    if len(content) > MANIFEST_MAX_BYTES:
        raise InvalidManifestError(name, f"le fichier dépasse {MANIFEST_MAX_BYTES} octets")
    try:
        return [d for d in yaml.load_all(content.decode(), Loader) if isinstance(d, dict)]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidManifestError(name, "ce n'est pas du YAML") from error


def _offers(minor: int) -> Offers:
    """What Kubernetes 1.``minor`` offers of the kinds that templates make."""
    from amcloud.stages.objects.kinds import TIME_ZONE_FIELD, VERSIONS, Offers

    def offered(version: str) -> bool:
        since, until = LIFETIMES.get(version, (0, NEVER))
        return since <= minor < until

    found = {kind: tuple(filter(offered, versions)) for kind, versions in VERSIONS.items()}
    if minor < CRON_JOB_SINCE:
        found["CronJob"] = ("batch/v1beta1",)
    return Offers(found, minor, frozenset({TIME_ZONE_FIELD} if minor >= TIME_ZONE_SINCE else ()))


def _settings(domain: str, networks: str) -> Settings:
    from amcloud.settings import Settings

    listed = tuple(word for part in networks.split(",") if (word := part.strip()))
    for word in listed:
        try:
            ipaddress.ip_network(word)
        except ValueError as error:
            raise InvalidManifestError("--networks", f"un réseau est attendu, trouvé « {word[:40]} »") from error

    elsewhere = f"https://exemple.{domain}"
    return Settings(
        domain=domain,
        url_scheme="https",
        url_port="",
        forge_url=elsewhere,
        forge_token="",
        registry_url=elsewhere,
        registry_name="registre.example",
        database_url=EXAMPLE_CREDENTIALS[0],
        reports_url=elsewhere,
        oidc_issuer=f"https://connexion.{domain}",
        webhook_token="",
        service_networks=listed,
    )
