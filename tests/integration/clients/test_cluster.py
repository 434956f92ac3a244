"""The cluster's client, the templates and the plan on a real API server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import date

import msgspec
import pytest
import yaml

from amcloud import assets
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.connection import Connection
from amcloud.clients.kubernetes_api import Api
from amcloud.clients.records import conformance_report
from amcloud.errors import BrokenInstallationError, NotOwnedError, RepositoryRefusedError, UnavailableError
from amcloud.stages import apply, render
from amcloud.stages.conditions import Event
from amcloud.stages.declared.app import Authority, Service
from amcloud.stages.declared.connectors import SECRET_TYPE, Given, Link
from amcloud.stages.gate import Acceptance
from amcloud.stages.objects import kinds
from amcloud.stages.objects.operations import Apply, Key, Object, Operation, Prune
from psram import packs
from psram.facts import Facts
from psram.judge import judge
from psram.model import Context, Track
from psram.model import Stage as PsramStage

from .conftest import ACCESS, STAGE, Passes, local_app, parsed, revision

Change = Callable[[Key, Object], None]
NAMESPACE = "suivi-courriers-acceptance"
DEPLOYMENT = Key("apps", "Deployment", NAMESPACE, "suivi-courriers")


@pytest.fixture(scope="module", autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    """The CRDs and the organisation's namespace are there."""
    plane = request.getfixturevalue("control_plane")
    from amcloud.clients import connection

    api = Api(connection.from_kubeconfig(plane.kubeconfig))
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for file in sorted(assets.folder("crds").glob("*.yaml")):
        for crd in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if api.get(f"{crds}/{crd['metadata']['name']}", doing="test") is None:
                api.create(crds, crd, doing="test")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": "cpam-bas-rhin", "labels": {"amcloud.cnamts.fr/organisation": "671"}}}  # fmt: skip
    if api.get("/api/v1/namespaces/cpam-bas-rhin", doing="test") is None:
        api.create("/api/v1/namespaces", namespace, doing="test")
    for _ in range(50):
        if api.get("/apis/amcloud.cnamts.fr/v1/localapps", doing="test") is not None:
            return
        time.sleep(0.2)
    raise AssertionError("the CRDs are not served")


def kinds_of(operations: list[Operation]) -> list[str]:
    return [o.object["kind"] if isinstance(o, Apply) else f"-{o.key.kind}" for o in operations]


def test_the_whole_set_is_accepted_and_a_second_pass_writes_nothing(passes: Passes) -> None:
    app = parsed(local_app())
    first = kinds_of(passes.run(app, revision("a")))
    assert first[:2] == ["Namespace", "ConfigMap"]  # the inventory right after the namespace
    assert {"Deployment", "Job", "CronJob", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget"} <= set(first)
    assert passes.run(app, revision("a")) == []
    assert passes.cluster.inventory(NAMESPACE).revision == revision("a")


def test_an_image_set_by_hand_is_drift_and_is_put_back(
    passes: Passes, cluster: KubernetesCluster, by_hand: Change
) -> None:
    app = parsed(local_app())
    passes.run(app, revision("a"))
    by_hand(DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [
        {"name": "web", "image": "localhost:5000/somebody/else:latest"}]}}}})  # fmt: skip
    done = passes.run(app, revision("a"))
    assert apply.restored(tuple(done)) == ("Deployment/suivi-courriers",)
    live = cluster.live(frozenset({DEPLOYMENT}))[DEPLOYMENT]
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == revision("a").image
    assert passes.run(app, revision("a")) == []


def test_another_organisation_changes_its_file_and_the_hosts_alone(passes: Passes) -> None:
    app = parsed(local_app())
    passes.run(app, revision("a"), served=("671",))
    assert sorted(kinds_of(passes.run(app, revision("a"), served=("671", "681")))) == ["ConfigMap", "Ingress"]


def test_a_new_revision_prunes_the_migration_of_the_one_before(passes: Passes, cluster: KubernetesCluster) -> None:
    app = parsed(local_app())
    passes.run(app, revision("a"))
    done = passes.run(app, revision("b"))
    pruned = [o.key for o in done if isinstance(o, Prune)]
    assert [k.kind for k in pruned] == ["Job"]
    assert pruned[0].name.startswith("migration-aaaaaaaaaaaa-")
    assert cluster.live(frozenset(pruned)) == {} or _being_deleted(cluster, pruned[0])
    assert passes.run(app, revision("b")) == []
    jobs = [k for k in cluster.inventory(NAMESPACE).keys if k.kind == "Job"]
    assert [k.name[:22] for k in jobs] == ["migration-bbbbbbbbbbbb"]


def _being_deleted(cluster: KubernetesCluster, key: Key) -> bool:
    return all("deletionTimestamp" in one["metadata"] for one in cluster.live(frozenset({key})).values())


def test_a_schedule_given_up_is_pruned(passes: Passes) -> None:
    passes.run(parsed(local_app()), revision("a"))
    done = passes.run(parsed(local_app(schedules=[])), revision("a"))
    assert kinds_of(done) == ["ConfigMap", "-CronJob", "ConfigMap"] or kinds_of(done) == ["-CronJob", "ConfigMap"]
    assert passes.run(parsed(local_app(schedules=[])), revision("a")) == []


def test_a_namespace_of_somebody_else_is_refused_and_left_alone(passes: Passes, api: Api) -> None:
    api.create(
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "paie-acceptance", "labels": {"team": "x"}}},
        doing="test",
    )
    with pytest.raises(NotOwnedError, match="paie-acceptance"):
        passes.run(parsed(local_app("paie")), revision("a"))
    live = api.get("/api/v1/namespaces/paie-acceptance", doing="test")
    assert live is not None
    assert live["metadata"]["labels"]["team"] == "x"
    assert "amcloud.cnamts.fr/app" not in live["metadata"]["labels"]


def test_an_instance_is_found_and_its_namespace_removed(passes: Passes, cluster: KubernetesCluster) -> None:
    found = local_app("jetable")
    passes.run(parsed(found), revision("a"))
    assert cluster.instances(found) == ("jetable-acceptance",)
    assert cluster.instance_owner("jetable-acceptance") == "cpam-bas-rhin/jetable"
    assert cluster.instance_owner("cpam-bas-rhin") == ""
    deadline = time.monotonic() + 60
    while not cluster.delete_namespace("jetable-acceptance"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert cluster.instance_owner("jetable-acceptance") is None


def test_a_namespace_that_is_not_an_instance_is_never_deleted(cluster: KubernetesCluster) -> None:
    assert cluster.delete_namespace("cpam-bas-rhin") is True
    assert cluster.namespace_organisation("cpam-bas-rhin") == "671"


def test_credentials_come_back_as_they_were_applied(passes: Passes, cluster: KubernetesCluster) -> None:
    app = parsed(local_app())
    passes.run(app, revision("a"))
    kept = cluster.access(render.place(app, STAGE, domain="amcloud.localhost"))
    assert kept is not None
    assert (kept.app_url, kept.owner_url) == (ACCESS.app_url, ACCESS.owner_url)
    assert "amcloud-credentials" in cluster.secret_names(NAMESPACE)


def test_status_and_finalizer_are_written_once_each(cluster: KubernetesCluster, api: Api) -> None:
    path = "/apis/amcloud.cnamts.fr/v1/namespaces/cpam-bas-rhin/localapps"
    made = api.create(path, local_app("etat"), doing="test")
    assert made is not None
    cluster.set_finalizer(made, present=True)
    cluster.set_finalizer(made, present=True)  # what the caller holds is old: nothing is doubled
    condition = {
        "type": "Ready", "status": "False", "reason": "Building", "message": "La forge fabrique l'image.",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    }  # fmt: skip
    cluster.set_local_app_status("cpam-bas-rhin", "etat", {"observedGeneration": 1, "conditions": [condition]})
    cluster.set_local_app_status("cpam-bas-rhin", "etat", {"observedGeneration": 2, "conditions": []})
    live = cluster.local_app("cpam-bas-rhin", "etat")
    assert live is not None
    assert live["metadata"]["finalizers"] == ["amcloud.cnamts.fr/hosting"]
    assert live["status"]["observedGeneration"] == 2
    assert not live["status"].get("conditions")
    cluster.set_finalizer(live, present=False)
    api.delete(f"{path}/etat", doing="test")
    assert cluster.local_app("cpam-bas-rhin", "etat") is None
    cluster.set_local_app_status("cpam-bas-rhin", "etat", {"observedGeneration": 3})  # gone meanwhile: no error


def test_an_event_said_twice_is_counted(cluster: KubernetesCluster, api: Api) -> None:
    found = {**local_app(), "metadata": {"name": "suivi-courriers", "namespace": "cpam-bas-rhin", "uid": "u-1"}}
    for _ in range(2):
        cluster.emit(found, Event("Warning", "NotConformant", "une règle n'est pas respectée"))
    listed = list(api.items("/api/v1/namespaces/cpam-bas-rhin/events", doing="test"))
    mine = [e for e in listed if e["involvedObject"].get("uid") == "u-1"]
    assert [(e["count"], e["involvedObject"]["name"]) for e in mine] == [(2, "suivi-courriers")]


def test_a_forge_token_that_is_missing_is_the_manifest_s_business(cluster: KubernetesCluster, api: Api) -> None:
    found = local_app()
    found["spec"]["repository"] = {"project": "cpam-bas-rhin/x", "credentialsRef": {"name": "jeton-de-test"}}
    app = parsed(found)
    with pytest.raises(RepositoryRefusedError, match="jeton-de-test"):
        cluster.forge_token(app)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "jeton-de-test"},
        "stringData": {"token": "t\n"},
    }
    api.create("/api/v1/namespaces/cpam-bas-rhin/secrets", secret, doing="test")
    assert cluster.forge_token(app) == "t"
    assert cluster.forge_token(parsed(local_app())) is None


def test_a_service_s_credential_comes_from_a_secret_of_that_type_alone(cluster: KubernetesCluster, api: Api) -> None:
    """Else a Connector could name a service account's Secret, which has a key ``token`` too."""
    for name, kind in (("service-essai", SECRET_TYPE), ("autre-essai", "Opaque")):
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "type": kind,
            "stringData": {"token": "jeton\n"},
        }
        api.create("/api/v1/namespaces/cpam-bas-rhin/secrets", secret, doing="test")
    assert cluster.connector_token("cpam-bas-rhin", "service-essai") == "jeton"
    assert cluster.connector_token("cpam-bas-rhin", "autre-essai") is None
    assert cluster.connector_token("cpam-bas-rhin", "absent") is None


def test_what_an_instance_was_given_of_connectors_comes_back(passes: Passes, cluster: KubernetesCluster) -> None:
    link = Link("referentiel-assures", "v2", "http://198.18.0.1:8932/v2", ("198.18.0.1/32",), "s", "jeton")
    app = parsed(local_app("appelante"))
    place = render.place(app, STAGE, domain="amcloud.localhost")
    passes.run(app, revision("a"), links=(link,))
    assert cluster.given(place) == (Given("referentiel-assures", "v2", "jeton"),)
    passes.run(app, revision("a"))
    assert cluster.given(place) == ()
    secret = cluster.live(frozenset({Key("", "Secret", place.namespace, render.CREDENTIALS)}))
    assert not [name for one in secret.values() for name in one["data"] if "connector" in name]


def test_a_field_that_the_server_does_not_know_is_a_broken_installation(cluster: KubernetesCluster) -> None:
    unknown = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}, "nope": 1}
    with pytest.raises(BrokenInstallationError, match="champ"):
        cluster.execute(Apply(unknown))


def test_this_server_is_the_old_end_and_says_so_itself(cluster: KubernetesCluster) -> None:
    """The other end is ``tests/data/discovery``, the table is docs/versions-kubernetes.md."""
    offers = cluster.offers()
    assert (offers.minor, offers.fields) == (20, frozenset())
    assert kinds.api_version("CronJob", offers) == "batch/v1beta1"
    assert kinds.api_version("PodDisruptionBudget", offers) == "policy/v1beta1"
    assert kinds.api_version("HorizontalPodAutoscaler", offers) == "autoscaling/v2beta2"
    assert {kind for kind in kinds.VERSIONS if kinds.api_version(kind, offers) is None} <= set(kinds.OPTIONAL)


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="ne répond pas"):
        KubernetesCluster(Api(Connection("https://127.0.0.1:1", None))).offers()


def test_a_report_is_kept_once_and_whole(cluster: KubernetesCluster, api: Api) -> None:
    made = api.create("/apis/amcloud.cnamts.fr/v1/namespaces/cpam-bas-rhin/localapps", local_app("juge"), doing="test")
    assert made is not None
    app = parsed({**local_app("juge"), "metadata": {**local_app("juge")["metadata"], "uid": made["metadata"]["uid"]}})
    context = Context(Track.HOMOLOGATION, PsramStage.ACCEPTANCE, date(2026, 1, 1))
    report = judge(Facts("c" * 40, "t" * 40, truncated="arrêté"), packs.load(), context)
    tomorrow = msgspec.structs.replace(report, evaluated_on=date(2026, 1, 2))
    url = "http://rapports.example/a/b/acceptance/c"
    name = cluster.keep_report(app, STAGE, report, url)
    assert cluster.keep_report(app, STAGE, tomorrow, url) == name
    kept = api.get(f"/apis/amcloud.cnamts.fr/v1/namespaces/cpam-bas-rhin/conformancereports/{name}", doing="test")
    assert kept is not None
    wanted = conformance_report(app, STAGE, report, url, api_version="amcloud.cnamts.fr/v1")
    assert kept["spec"] == wanted["spec"]  # nothing was pruned: the schema knows every field


def test_a_suspension_by_the_ddsi_is_read_beside_its_application_and_counts_when_it_is_damaged(
    cluster: KubernetesCluster, api: Api
) -> None:
    app = parsed(local_app())
    assert cluster.suspension(app) is None
    path = f"/apis/amcloud.cnamts.fr/v1/namespaces/{app.namespace}/suspensions"
    spec = {"reason": "Contrôle.", "author": "camille", "until": "2026-12-31T00:00:00Z", "service": "Stop"}
    body = {"apiVersion": "amcloud.cnamts.fr/v1", "kind": "Suspension", "metadata": {"name": app.name}, "spec": spec}
    assert api.create(path, body, doing="test")
    try:
        held = cluster.suspension(app)
        assert held is not None
        assert (held.by, held.service, held.author) == (Authority.DDSI, Service.STOP, "camille")
        with contextlib.suppress(BrokenInstallationError):  # a server that checks the date refuses it
            api.patch(f"{path}/{app.name}", {"spec": {"until": "2026-12-31"}}, doing="test")
        damaged = cluster.suspension(app)
    finally:
        api.delete(f"{path}/{app.name}", doing="test")
    assert damaged is not None and damaged.by is Authority.DDSI


def test_proces_verbaux_are_read_of_one_application_in_the_order_in_which_they_were_signed(
    cluster: KubernetesCluster, api: Api
) -> None:
    app, commit = parsed(local_app()), "c" * 40
    assert cluster.dossier(app).acceptances == ()
    path = f"/apis/amcloud.cnamts.fr/v1/namespaces/{app.namespace}/acceptancereports"
    found = {
        "avril": ("Positive", "2026-04-02"),
        "mars": ("Negative", "2026-03-02"),
        "autre": ("Positive", "2026-05-02"),
    }
    for name, (outcome, day) in found.items():
        spec = {
            "app": "annuaire-local" if name == "autre" else app.name,
            "commit": commit,
            "outcome": outcome,
            "signer": "Dominique Exemple",
            "signedTime": f"{day}T09:00:00Z",
            "document": {"digest": f"sha256:{'0' * 64}"},
        }
        metadata, version = {"name": name}, "amcloud.cnamts.fr/v1"
        body = {"apiVersion": version, "kind": "AcceptanceReport", "metadata": metadata, "spec": spec}
        assert api.create(path, body, doing="test")
    try:
        assert cluster.dossier(app).acceptances == (
            Acceptance(commit, positive=False),
            Acceptance(commit, positive=True),
        )
    finally:
        for name in found:
            api.delete(f"{path}/{name}", doing="test")


def test_data_that_are_owed_are_remembered_until_they_are_settled(cluster: KubernetesCluster) -> None:
    assert cluster.owed("default") == ()
    for _ in range(2):
        cluster.owe("default", "suivi-courriers-acceptance")
    assert cluster.owed("default") == ("suivi-courriers-acceptance",)
    for _ in range(2):
        cluster.settle("default", "suivi-courriers-acceptance")
    assert cluster.owed("default") == ()
