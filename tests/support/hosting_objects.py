"""Hosting objects rendered for a sample application: what the tests of the templates look at."""

from __future__ import annotations

from typing import Any

from amcloud import assets
from amcloud.settings import Settings
from amcloud.stages import manifest, render
from amcloud.stages.declared.app import App, Organisation, Ref, RefKind, Stage, StageName
from amcloud.stages.declared.connectors import Link
from amcloud.stages.objects import kinds
from amcloud.stages.objects.kinds import Offers
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import Access, Revision

TEMPLATES = assets.hosting_templates()
ORGANISATIONS = {
    "671": Organisation("671", "CPAM du Bas-Rhin (exemple)", "cpam-bas-rhin", "cpam-bas-rhin"),
    "681": Organisation("681", "CPAM du Haut-Rhin (exemple)", "cpam-haut-rhin", "cpam-haut-rhin"),
}
SETTINGS = Settings(
    domain="amcloud.example",
    url_scheme="https",
    url_port="",
    forge_url="https://forge.example",
    forge_token="none",
    registry_url="https://registre.example",
    registry_name="registre.example",
    database_url="postgresql://operateur@base.example/amcloud",
    reports_url="https://rapports.amcloud.example",
    oidc_issuer="https://connexion.example",
    webhook_token="none",
)
ACCESS = Access(
    "postgresql://x_app:motdepasse@198.18.0.1:15432/x", "postgresql://x_owner:autre@198.18.0.1:15432/x", "s", "o"
)
PROMETHEUS = {"ServiceMonitor", "PrometheusRule"}
USUAL = {kind: versions for kind, versions in kinds.VERSIONS.items() if kind not in PROMETHEUS}
CURRENT = Offers(USUAL, 34, frozenset({kinds.TIME_ZONE_FIELD}))
WATCHED = Offers(kinds.VERSIONS, 34, frozenset({kinds.TIME_ZONE_FIELD}))
OLD = Offers(
    {
        **USUAL,
        "CronJob": ("batch/v1beta1",),
        "PodDisruptionBudget": ("policy/v1beta1",),
        "HorizontalPodAutoscaler": ("autoscaling/v1", "autoscaling/v2beta2", "autoscaling/v2beta1"),
    },
    20,
)
REVISION = Revision("0123456789abcdef" * 2 + "01234567", "registre.example/cpam-bas-rhin/suivi@sha256:" + "ab" * 32)


def local_app(**hosting: Any) -> App:
    found = {
        "metadata": {"name": "suivi-courriers", "namespace": "cpam-bas-rhin", "uid": "u", "generation": 1},
        "spec": {
            "title": "Suivi des courriers",
            "owner": {"organisation": "671"},
            "track": "homologation",
            "repository": {"project": "cpam-bas-rhin/suivi"},
            "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
            "organisations": ["671", "681"],
            "hosting": hosting,
        },
    }
    return manifest.parse(found, ORGANISATIONS, lambda _: "671")


def stage(name: StageName = StageName.ACCEPTANCE) -> Stage:
    return Stage(name, Ref(RefKind.BRANCH, "main"))


def objects(
    app: App | None = None,
    *,
    at: StageName = StageName.ACCEPTANCE,
    offers: Offers = CURRENT,
    settings: Settings = SETTINGS,
    served: tuple[Organisation, ...] | None = None,
    templates: Any = TEMPLATES,
    links: tuple[Link, ...] = (),
    access: Access = ACCESS,
) -> tuple[Object, ...]:
    app = app or local_app()
    organisations = manifest.served(app, stage(at), ORGANISATIONS) if served is None else served
    place = render.place(app, stage(at), domain=settings.domain)
    return render.objects(app, stage(at), place, REVISION, organisations, access, offers, settings, templates, links)


def one(found: tuple[Object, ...], kind: str, name: str | None = None) -> Any:
    (match,) = (o for o in found if o["kind"] == kind and name in (None, o["metadata"]["name"]))
    return match


BY_ADDRESS = Link("referentiel-assures", "v2", "http://198.18.0.1:8932/v2", ("198.18.0.1/32",), "s", "jeton")
BY_NAME = Link("annuaire", "v1", "https://annuaire.example/v1", ("192.0.2.0/28", "198.51.100.7/32"), "s", "autre jeton")
CLOSED = Link("nir-fictif", "v3", "http://198.18.0.3/v3", ())
