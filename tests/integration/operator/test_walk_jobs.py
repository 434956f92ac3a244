"""Walks as Jobs, with the operator's own rights, on a real API server. No node: the walker's words are said by hand.

That a pod walks an application is shown on a cluster with nodes: tests/e2e/scenarios/test_tenancy.py.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from patience import until

from amcloud import assets
from amcloud.clients import connection
from amcloud.clients.kubernetes_api import Api
from amcloud.clients.walks import OF_WALKS, UNSET, WalkJobs
from amcloud.ports import UnderWay
from amcloud.settings import Settings
from amcloud.stages import manifest
from amcloud.stages.declared.app import Organisation
from amcloud.stages.jobs.walk_job import MEMORY, WALKER, Subject
from amcloud.stages.render import Access, Place, Revision
from amcloud.stages.seen import walk
from amcloud.stages.seen.isolation import Isolation, TableProbe
from amcloud.stages.seen.walk import Kind, RouteProbe, Seen, Walk
from amcloud_sandbox import apps

from .conftest import Cluster, service_account_kubeconfig

INSTANCE = "essai-parcours"
PLACE = Place(INSTANCE, "essai.example", "essai_parcours")
ACCESS = Access("postgresql://a:p@198.18.0.1/essai_parcours", "postgresql://o:q@198.18.0.1/essai_parcours", "x", "y")
SETTINGS = Settings(
    domain="amcloud.localhost", url_scheme="http", url_port="", forge_url="http://198.18.0.1:8929", forge_token="-",
    registry_url="http://127.0.0.1:1", registry_name="localhost:5000", database_url="-", reports_url="-",
    oidc_issuer="-", webhook_token="-", check_image="localhost:5000/amcloud/operator@sha256:" + "0" * 64, check_jobs=1,
)  # fmt: skip
SEEN = Walk((RouteProbe("GET", "/courriers", Kind.LIST, Seen.CLOSED),))
TABLES = (TableProbe("courrier"),)


class Trials:
    """Databases of walks, as far as a Job can tell."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def make(self, place: Place, access: Access) -> str:
        self.made.append(place.database)
        return f"{place.database}_sonde"

    def seen(self, place: Place) -> Isolation:
        assert place.database in self.made
        return Isolation(TABLES)

    def remove(self, instance: str) -> None:
        self.made.remove(instance)


@dataclasses.dataclass
class Outside:
    """The walks, and what they leave in the cluster."""

    cluster: Cluster
    walks: WalkJobs
    trials: Trials
    make: Callable[..., WalkJobs]
    time: list[datetime]

    def walk(self, letter: str = "a", *, serving: bool = False) -> Isolation | UnderWay:
        return self.walks.walk(subject(letter), ACCESS, serving=serving)

    def jobs(self) -> list[Any]:
        return list(self.cluster.batch.list_namespaced_job(INSTANCE, label_selector=OF_WALKS).items)

    def say(self, message: str) -> None:
        """The walker ended and left that message, as its kubelet would tell."""
        (job,) = self.jobs()
        found: list[Any] = []

        def pods() -> bool:
            labels = f"job-name={job.metadata.name}"
            found[:] = self.cluster.core.list_namespaced_pod(INSTANCE, label_selector=labels).items
            return bool(found)

        until("the walk's pod", pods)
        over = {"exitCode": 0, "reason": "Completed", "message": message}
        container = {"name": WALKER, "image": "x", "imageID": "", "ready": False, "restartCount": 0}
        status = {"containerStatuses": [{**container, "state": {"terminated": over}}]}
        self.cluster.core.patch_namespaced_pod_status(found[0].metadata.name, INSTANCE, {"status": status})


def subject(letter: str) -> Subject:
    written = yaml.safe_load((apps.HOME / "suivi-courriers" / "localapp.yaml").read_text(encoding="utf-8"))
    written["spec"]["hosting"]["secrets"] = ["messagerie"]
    written["metadata"].update(uid="u", generation=1)
    labels = {"671": "cpam-bas-rhin", "681": "cpam-haut-rhin"}
    known = {code: Organisation(code, label, label, label) for code, label in labels.items()}
    app = manifest.parse(written, known, lambda _: "671")
    return Subject(app, PLACE, Revision(letter * 40, f"localhost:5000/essai@sha256:{letter * 64}"))


@pytest.fixture
def outside(cluster: Cluster, tmp_path: Path) -> Iterator[Outside]:
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": INSTANCE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "application", "namespace": INSTANCE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "messagerie", "namespace": INSTANCE},
         "stringData": {"SMTP_DSN": "smtp://secret"}},
    )  # fmt: skip
    trials, time = Trials(), [datetime.now(UTC)]
    api = Api(connection.from_kubeconfig(service_account_kubeconfig(cluster, tmp_path)))

    def make(**settings: Any) -> WalkJobs:
        return WalkJobs(
            api, dataclasses.replace(SETTINGS, **settings), trials, templates=assets.walk_templates(),
            hosting=assets.hosting_templates(), now=lambda: time[0],
        )  # fmt: skip

    found = Outside(cluster, make(), trials, make, time)
    yield found
    for job in found.jobs():
        cluster.batch.delete_namespaced_job(job.metadata.name, INSTANCE, propagation_policy="Background")
    cluster.kubectl("delete", "job", "sonde-autre", "-n", "default", "--ignore-not-found")
    cluster.kubectl("delete", "configmap", MEMORY, "-n", INSTANCE, "--ignore-not-found")
    until("no Job is left", lambda: not found.jobs())


def test_a_revision_is_walked_by_one_job_whose_answer_is_remembered_and_nothing_is_left(outside: Outside) -> None:
    assert isinstance(outside.walk(), UnderWay)
    assert isinstance(outside.walk(), UnderWay)
    (job,) = outside.jobs()
    secret = outside.cluster.core.read_namespaced_secret(job.metadata.name, INSTANCE)
    assert base64.b64decode((secret.data or {})["database-url"]).endswith(b"/essai_parcours_sonde")
    given = {one.name: one.value for one in job.spec.template.spec.containers[1].env}
    assert given["SMTP_DSN"] == "sonde"
    outside.say(walk.message(SEEN))
    assert outside.walk() == Isolation(TABLES, SEEN, outside.time[0])
    assert not outside.trials.made
    until("the Job is gone", lambda: not outside.jobs())
    assert outside.cluster.kubectl("get", "secret", job.metadata.name, "-n", INSTANCE).returncode != 0
    outside.walks = outside.make()  # restarted
    assert outside.walk() == Isolation(TABLES, SEEN, outside.time[0])
    assert not outside.jobs()


def test_a_revision_that_serves_is_walked_again_later_and_its_former_walk_told_meanwhile(outside: Outside) -> None:
    outside.walk()
    outside.say(walk.message(SEEN))
    first = outside.walk()
    until("the Job is gone", lambda: not outside.jobs())
    outside.time[0] += timedelta(days=2)
    assert outside.walk(serving=True) == first
    assert len(outside.jobs()) == 1
    outside.say("n'importe quoi")
    later = outside.walk(serving=True)
    assert isinstance(later, Isolation) and later.isolated is None
    assert later.walk is not None and "interrompue" in later.walk.problem


def test_walks_of_what_serves_wait_for_their_turn_a_new_revision_s_does_not(outside: Outside) -> None:
    outside.cluster.apply(busy())
    assert isinstance(outside.walk(serving=True), UnderWay)
    assert [one.metadata.name for one in outside.jobs()] == [] and not outside.trials.made
    outside.walk()
    assert len(outside.jobs()) == 1


def busy() -> dict[str, Any]:
    """A walk of another instance."""
    labels = dict(one.split("=") for one in OF_WALKS.split(","))
    pod = {"restartPolicy": "Never", "containers": [{"name": "x", "image": "x"}]}
    metadata = {"name": "sonde-autre", "namespace": "default", "labels": labels}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}


def test_the_walk_of_a_revision_that_was_overtaken_is_given_up(outside: Outside) -> None:
    outside.walk("a")
    (former,) = outside.jobs()
    outside.walk("b")
    names = {one.metadata.name for one in outside.jobs() if not one.metadata.deletion_timestamp}
    assert former.metadata.name not in names and len(names) == 1


def test_without_knowing_its_own_image_nothing_is_walked_and_nothing_is_proven(outside: Outside) -> None:
    found = outside.make(check_image="").walk(subject("a"), ACCESS, serving=False)
    assert isinstance(found, Isolation) and found.isolated is None
    assert found.walk is not None and found.walk.problem == UNSET
    assert not outside.jobs() and not outside.trials.made


def test_what_was_remembered_is_readable_by_people(outside: Outside) -> None:
    outside.walk()
    outside.say(walk.message(SEEN))
    outside.walk()
    kept = outside.cluster.core.read_namespaced_config_map(MEMORY, INSTANCE)
    (text,) = (kept.data or {}).values()
    assert json.loads(text)["tables"] == [["courrier", [], ""]]
