"""On a real API server: whose field is whose, what is never taken over, and what a preview says without writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from amcloud import assets
from amcloud.cli import diff
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.kubernetes_api import Api
from amcloud.errors import NotOwnedError
from amcloud.stages import apply, render
from amcloud.stages.objects.operations import Apply, Key, Object, Prune, Scale

from .conftest import ACCESS, ORGANISATIONS, SETTINGS, STAGE, Passes, local_app, parsed, revision

Change = Callable[[Key, Object], None]
NAME = "proprietes"
NAMESPACE = f"{NAME}-acceptance"
DEPLOYMENT = Key("apps", "Deployment", NAMESPACE, NAME)
SERVICE = Key("", "Service", NAMESPACE, NAME)


def versions(cluster: KubernetesCluster, keys: frozenset[Key]) -> dict[Key, str]:
    return {k: one["metadata"]["resourceVersion"] for k, one in cluster.live(keys).items()}


def test_replicas_belong_to_the_autoscaler_and_a_pass_leaves_its_number_alone(
    passes: Passes, cluster: KubernetesCluster, by_hand: Change
) -> None:
    app = parsed(local_app(NAME))
    passes.run(app, revision("a"))
    by_hand(DEPLOYMENT, {"spec": {"replicas": 4}})  # as the autoscaler does, through the same field
    assert passes.run(app, revision("a")) == []
    passes.run(app, revision("b"))
    live = cluster.live(frozenset({DEPLOYMENT}))[DEPLOYMENT]
    assert live["spec"]["replicas"] == 4
    ours = [entry for entry in live["metadata"]["managedFields"] if entry["manager"] == "amcloud"]
    applied = [entry for entry in ours if entry["operation"] == "Apply"]
    assert applied and not any("f:replicas" in entry["fieldsV1"]["f:spec"] for entry in applied)


def test_an_autoscaled_deployment_that_was_set_to_nothing_is_raised_to_the_floor(
    passes: Passes, by_hand: Change
) -> None:
    app = parsed(local_app(NAME))
    passes.run(app, revision("b"))
    by_hand(DEPLOYMENT, {"spec": {"replicas": 0}})
    assert passes.run(app, revision("b")) == [Scale(DEPLOYMENT, 2)]
    assert passes.run(app, revision("b")) == []


def test_an_object_of_somebody_else_in_the_way_is_refused_naming_its_owner_and_left_as_it_is(
    passes: Passes, api: Api, cluster: KubernetesCluster
) -> None:
    app = parsed(local_app(NAME))
    passes.run(app, revision("b"))
    theirs = {
        "apiVersion": "batch/v1beta1",
        "kind": "CronJob",
        "metadata": {"name": "purge", "namespace": NAMESPACE, "labels": {"app.kubernetes.io/managed-by": "helm"}},
        "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}}},
    }  # fmt: skip
    api.create(api.resource("batch", "CronJob").path(NAMESPACE), theirs, doing="test")
    key = Key("batch", "CronJob", NAMESPACE, "purge")
    before = versions(cluster, frozenset({key}))
    wanted = [{"name": "purge", "schedule": "0 6 * * *", "command": ["bin/console", "app:purge"]}]
    with pytest.raises(NotOwnedError, match=r"CronJob « purge ».*« helm »"):
        passes.run(parsed(local_app(NAME, schedules=wanted)), revision("b"))
    with pytest.raises(NotOwnedError, match=r"CronJob « purge »"):  # nor the next time
        passes.run(parsed(local_app(NAME, schedules=wanted)), revision("b"))
    assert versions(cluster, frozenset({key})) == before
    done = passes.run(app, revision("b"))  # the wish is given up: what was never ours is not pruned
    assert not any(isinstance(one, Prune) and one.key == key for one in done)
    assert versions(cluster, frozenset({key})) == before


def test_what_somebody_removed_comes_back_and_is_told(passes: Passes, api: Api) -> None:
    app = parsed(local_app(NAME))
    passes.run(app, revision("b"))
    api.delete(api.resource("", "Service").path(NAMESPACE, NAME), doing="test")
    done = passes.run(app, revision("b"))
    assert apply.restored(tuple(done), complete=True) == (f"Service/{NAME}",)
    assert passes.run(app, revision("b")) == []


def test_a_preview_says_what_the_server_would_make_of_it_and_writes_nothing(
    passes: Passes, cluster: KubernetesCluster, by_hand: Change
) -> None:
    app = parsed(local_app(NAME))
    passes.run(app, revision("b"))
    by_hand(DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "pirate:1"}]}}}})
    place = render.place(app, STAGE, domain=SETTINGS.domain)
    objects = render.objects(
        app, STAGE, place, revision("c"), tuple(ORGANISATIONS.values()), replace(ACCESS, app_secret="autre"),
        cluster.offers(), SETTINGS, assets.hosting_templates(),
    )  # fmt: skip
    inventory = cluster.inventory(NAMESPACE)
    wanted = apply.with_inventory(objects, inventory, app, place, revision("c"))
    keys = apply.keys(wanted) | inventory.keys
    live = cluster.live(keys)
    before = versions(cluster, keys)
    planned = tuple(one for wave in apply.Wave for one in apply.plan(wanted, live, inventory, wave=wave))
    assert any(isinstance(one, Apply) for one in planned)
    found = {one.object.partition(" ")[0]: one for one in diff.compared("acceptance", planned, live, cluster)}
    assert versions(cluster, keys) == before

    deployment = found[f"Deployment/{NAME}"].lines
    assert any(line.startswith("-") and line.endswith("image: pirate:1") for line in deployment)
    assert any(line.startswith("+") and line.endswith(f"image: {revision('c').image}") for line in deployment)
    assert not any("managedFields" in line or "resourceVersion" in line for line in deployment)
    secret = "\n".join(found["Secret/amcloud-credentials"].lines)
    assert "*** (autre valeur)" in secret and ACCESS.app_url not in secret and "YXV0cmU" not in secret
    made = [one for one in found.values() if one.what == "create"]
    assert [one.object[:22] for one in made] == ["Job/migration-cccccccc"]
