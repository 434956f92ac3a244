"""What the clients' integration tests share: a sample application and clients of the real servers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amcloud import assets
from amcloud.clients import connection
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.kubernetes_api import MERGE_PATCH, Api
from amcloud.settings import Settings
from amcloud.stages import apply, manifest, render
from amcloud.stages.declared import app as apps
from amcloud.stages.declared.app import App, Organisation, Stage, StageName
from amcloud.stages.declared.connectors import Link
from amcloud.stages.objects.operations import Key, Object, Operation
from amcloud.stages.render import Access, Revision
from amcloud_sandbox.control_plane import ControlPlane
from amcloud_sandbox.testing.forge import RunningForge, running_forge

ORGANISATIONS = {
    "671": Organisation("671", "CPAM du Bas-Rhin (exemple)", "cpam-bas-rhin", "cpam-bas-rhin"),
    "681": Organisation("681", "CPAM du Haut-Rhin (exemple)", "cpam-haut-rhin", "cpam-haut-rhin"),
}
SETTINGS = Settings(
    domain="amcloud.localhost",
    url_scheme="http",
    url_port=":8080",
    forge_url="http://127.0.0.1:1",
    forge_token="none",
    registry_url="http://127.0.0.1:1",
    registry_name="localhost:5000",
    database_url="postgresql://operator@127.0.0.1:1/amcloud",
    reports_url="http://rapports.amcloud.localhost:8080",
    oidc_issuer="http://198.18.0.1:8931",
    webhook_token="none",
)
ACCESS = Access("postgresql://a_app:app@198.18.0.1:15432/a", "postgresql://a_owner:own@198.18.0.1:15432/a", "s", "o")
STAGE = Stage(StageName.ACCEPTANCE, apps.Ref(apps.RefKind.BRANCH, "main"))


def local_app(name: str = "suivi-courriers", **hosting: object) -> Object:
    """A LocalApp as people write it."""
    return {
        "apiVersion": "amcloud.cnamts.fr/v1",
        "kind": "LocalApp",
        "metadata": {"name": name, "namespace": "cpam-bas-rhin"},
        "spec": {
            "title": "Suivi des courriers",
            "description": "Enregistre et route le courrier entrant.",
            "owner": {"organisation": "671", "contact": "dsi@cpam-671.example"},
            "track": "homologation",
            "lifecycle": "service",
            "maturity": "pilote",
            "domain": "accueil",
            "privacy": {"classification": "none"},
            "support": {"level1": "organisation", "level2": "dsi@cpam-671.example"},
            "repository": {"project": "cpam-bas-rhin/suivi-courriers"},
            "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
            "organisations": ["671", "681"],
            "hosting": {
                "size": "small",
                "replicas": {"min": 2, "max": 4},
                "schedules": [
                    {"name": "relances", "schedule": "0 6 * * 1-5", "command": ["bin/console", "app:rappel"]}
                ],
                **hosting,
            },
        },
    }


def parsed(found: Object) -> App:
    """The application of a manifest, with the identity that a server would give."""
    whole = {**found, "metadata": {"uid": "0c0ffee0-0000-0000-0000-000000000000", "generation": 1, **found["metadata"]}}
    return manifest.parse(whole, ORGANISATIONS, lambda _: "671")


def revision(letter: str) -> Revision:
    """A made-up commit and image."""
    return Revision(letter * 40, f"localhost:5000/cpam-bas-rhin/suivi-courriers@sha256:{letter * 64}")


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    """The control plane's API as its administrator."""
    return Api(connection.from_kubeconfig(control_plane.kubeconfig))


@pytest.fixture
def cluster(api: Api) -> KubernetesCluster:
    """The operator's client of the control plane."""
    return KubernetesCluster(api)


@dataclasses.dataclass
class Passes:
    """The part of a pass that writes to the cluster, with what it did."""

    cluster: KubernetesCluster
    writes: list[Operation] = dataclasses.field(default_factory=list)

    def run(
        self, app: App, what: Revision, *, served: tuple[str, ...] = ("671", "681"), links: tuple[Link, ...] = ()
    ) -> list[Operation]:
        """All waves, without waiting for pods that no node would run. What was written, in order."""
        place = render.place(app, STAGE, domain=SETTINGS.domain)
        objects = render.objects(
            app, STAGE, place, what, tuple(ORGANISATIONS[code] for code in served), ACCESS,
            self.cluster.offers(), SETTINGS, assets.hosting_templates(), links,
        )  # fmt: skip
        inventory = self.cluster.inventory(place.namespace)
        desired = apply.with_inventory(objects, inventory, app, place, what)
        keys = apply.keys(desired) | inventory.keys
        done: list[Operation] = []
        for wave in apply.Wave:
            for operation in apply.plan(desired, self.cluster.live(keys), inventory, wave=wave):
                self.cluster.execute(operation)
                done.append(operation)
        return done


@pytest.fixture
def passes(cluster: KubernetesCluster) -> Passes:
    """Passes over the real API server."""
    return Passes(cluster)


@pytest.fixture
def by_hand(api: Api) -> Callable[[Key, Object], None]:
    """Changes an object as somebody with kubectl would."""

    def change(key: Key, patch: Object) -> None:
        path = api.resource(key.group, key.kind).path(key.namespace, key.name)
        changed = api.patch(path, patch, doing="by hand", kind=MERGE_PATCH, params={"fieldManager": "kubectl-edit"})
        assert changed is not None

    return change


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    """The forge's stand-in: real git, real HTTP."""
    with running_forge(Path(tmp_path_factory.mktemp("forge"))) as running:
        yield running


@pytest.fixture(scope="module")
def token(forge: RunningForge) -> str:
    """The organisation's own token for its project."""
    forge.project("cpam-bas-rhin/suivi-courriers", maintainers=("organisation", "amcloud"))
    return forge.user("organisation")
