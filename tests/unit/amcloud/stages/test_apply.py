"""The plan: what is written, what is left alone, what is removed, what is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hosting_objects import ACCESS, local_app, objects
from hypothesis import given
from hypothesis import strategies as st

from amcloud.errors import NotOwnedError
from amcloud.stages import apply
from amcloud.stages.apply import Inventory, Wave
from amcloud.stages.manifest import App
from amcloud.stages.objects.comparison import holds
from amcloud.stages.objects.operations import Apply, Key, Object, Operation, Prune, Scale, key
from amcloud.stages.render import OWNER, Place, Revision

PLACE = Place("suivi-courriers-acceptance", "x.example", "x")
REVISION = Revision("a" * 40, "registre.example/x@sha256:" + "b" * 64)
APP: App = local_app()
CRON = Key("batch", "CronJob", PLACE.namespace, "relances")


def desired(*, schedules: bool = False, inventory: Inventory | None = None) -> tuple[Object, ...]:
    wanted = [{"name": "relances", "schedule": "0 6 * * *", "command": ["bin/console", "a"]}] if schedules else []
    found = objects(local_app(schedules=wanted))
    return apply.with_inventory(found, inventory or Inventory(), APP, PLACE, REVISION)


class Server:
    """Keeps what is applied, as the API server does: defaults added, fields of others kept."""

    def __init__(self) -> None:
        self.live: dict[Key, Any] = {}

    def run(self, wanted: tuple[Object, ...], inventory: Inventory) -> list[Operation]:
        done: list[Operation] = []
        for wave in Wave:
            for operation in apply.plan(wanted, self.live, inventory, wave=wave):
                done.append(operation)
                self.carry_out(operation)
        return done

    def carry_out(self, operation: Operation) -> None:
        match operation:
            case Apply(object=wanted):
                identity = key(wanted)
                self.live[identity] = _defaulted(wanted, self.live.get(identity))
            case Scale(key=identity, replicas=replicas):
                self.live[identity]["spec"]["replicas"] = replicas
            case Prune(key=identity):
                del self.live[identity]

    def inventory(self) -> Inventory:
        return apply.read_inventory(self.live.get(Key("", "ConfigMap", PLACE.namespace, apply.INVENTORY)))


def _defaulted(found: Object, before: Any | None) -> Any:
    live = copy.deepcopy(dict(found))
    live["metadata"] = {**live["metadata"], "uid": "u", "resourceVersion": "1", "managedFields": []}
    if live["kind"] == "Deployment":
        replicas = before["spec"]["replicas"] if before else 1  # kept: not ours to set
        live["spec"] = {"replicas": replicas, **live["spec"], "paused": False}
        live["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
        live["status"] = {"replicas": 2}
    return live


def test_the_first_pass_writes_everything_the_inventory_right_after_the_namespace() -> None:
    done = Server().run(desired(), Inventory())
    kinds = [o.object["kind"] for o in done if isinstance(o, Apply)]
    assert kinds[:2] == ["Namespace", "ConfigMap"]
    assert kinds.index("Job") < kinds.index("Deployment")
    assert len([o for o in done if isinstance(o, Apply)]) == len(desired())


def test_an_unchanged_pass_writes_nothing() -> None:
    server = Server()
    server.run(desired(), Inventory())
    assert server.run(desired(inventory=server.inventory()), server.inventory()) == []


def test_a_pass_killed_after_any_write_ends_in_the_same_state() -> None:
    whole = Server()
    whole.run(desired(schedules=True), Inventory())
    for stop in range(1, len(desired(schedules=True))):
        server = Server()
        for operation in [o for wave in Wave for o in apply.plan(desired(schedules=True), {}, Inventory(), wave=wave)][
            :stop
        ]:
            server.carry_out(operation)
        server.run(desired(schedules=True, inventory=server.inventory()), server.inventory())
        assert server.live == whole.live


def test_a_new_instance_starts_with_the_autoscaler_s_floor_and_not_with_one_replica() -> None:
    done = Server().run(desired(), Inventory())
    assert [o for o in done if isinstance(o, Scale)] == [Scale(DEPLOYMENT, 2)]


@pytest.mark.parametrize(("replicas", "expected"), [(0, [2]), (1, [2]), (2, []), (4, [])])
def test_replicas_are_raised_to_the_floor_and_never_lowered(replicas: int, expected: list[int]) -> None:
    server = Server()
    server.run(desired(), Inventory())
    server.live[DEPLOYMENT]["spec"]["replicas"] = replicas
    done = server.run(desired(inventory=server.inventory()), server.inventory())
    assert [o.replicas for o in done if isinstance(o, Scale)] == expected


Edit = Callable[[dict[Key, Any]], None]
DEPLOYMENT = Key("apps", "Deployment", PLACE.namespace, "suivi-courriers")


def _image(live: dict[Key, Any]) -> None:
    live[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"] = "registre.example/autre@sha256:" + "0" * 64


def _label(live: dict[Key, Any]) -> None:
    del live[DEPLOYMENT]["metadata"]["labels"]["app.kubernetes.io/managed-by"]


def _env(live: dict[Key, Any]) -> None:
    live[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["env"].pop()


def _policy(live: dict[Key, Any]) -> None:
    live[Key("networking.k8s.io", "NetworkPolicy", PLACE.namespace, "sorties")]["spec"]["egress"].append({})


def _token(live: dict[Key, Any]) -> None:
    live[Key("", "ServiceAccount", PLACE.namespace, "application")]["automountServiceAccountToken"] = True


@pytest.mark.parametrize("edit", [_image, _label, _env, _policy, _token])
def test_what_somebody_changed_is_drift_and_is_put_back(edit: Edit) -> None:
    server = Server()
    server.run(desired(), Inventory())
    edit(server.live)
    done = server.run(desired(inventory=server.inventory()), server.inventory())
    assert [isinstance(o, Apply) and o.drifted for o in done] == [True]
    assert len(apply.restored(tuple(done))) == 1


def test_what_somebody_removed_is_made_again_and_told_once_all_had_been_there() -> None:
    server = Server()
    server.run(desired(), Inventory())
    del server.live[DEPLOYMENT]
    done = tuple(server.run(desired(inventory=server.inventory()), server.inventory()))
    assert [key(o.object) for o in done if isinstance(o, Apply)] == [DEPLOYMENT]
    assert apply.restored(done) == ()  # a pass killed half-way would look the same
    assert apply.restored(done, complete=True) == ("Deployment/suivi-courriers",)


def test_what_was_never_there_is_no_drift_and_neither_is_a_migration_that_is_to_run_again() -> None:
    server = Server()
    server.run(desired(), Inventory())
    job = next(k for k in server.live if k.kind == "Job")
    del server.live[job]
    done = tuple(server.run(desired(schedules=True, inventory=server.inventory()), server.inventory()))
    assert {key(o.object).kind for o in done if isinstance(o, Apply)} >= {"Job", "CronJob"}
    assert apply.restored(done, complete=True) == ()


def test_what_others_add_is_left_alone() -> None:
    server = Server()
    server.run(desired(), Inventory())
    live = server.live[DEPLOYMENT]
    live["spec"]["replicas"] = 4  # the autoscaler's
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "7"
    live["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "AJOUT", "value": "1"})
    assert server.run(desired(inventory=server.inventory()), server.inventory()) == []


def test_a_field_that_is_no_longer_wanted_is_noticed() -> None:
    server = Server()
    server.run(desired(), Inventory())
    fewer = copy.deepcopy(desired(inventory=server.inventory()))
    deployment = next(o for o in fewer if o["kind"] == "Deployment")
    del deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    done = server.run(fewer, server.inventory())
    assert [(key(o.object), o.drifted) for o in done if isinstance(o, Apply)] == [(DEPLOYMENT, False)]


def test_what_is_given_up_is_pruned_in_the_last_wave_and_forgotten() -> None:
    server = Server()
    server.run(desired(schedules=True), Inventory())
    before = server.inventory()
    wanted = desired(inventory=before)
    assert not any(isinstance(o, Prune) for w in (1, 2) for o in apply.plan(wanted, server.live, before, wave=Wave(w)))
    done = server.run(wanted, before)
    assert [o for o in done if isinstance(o, Prune)] == [Prune(CRON)]
    assert CRON not in server.inventory().keys
    assert server.run(desired(inventory=server.inventory()), server.inventory()) == []


def test_a_pass_that_never_reaches_the_last_wave_still_remembers_what_to_prune() -> None:
    server = Server()
    server.run(desired(schedules=True), Inventory())
    before = server.inventory()
    wanted = desired(inventory=before)
    for operation in apply.plan(wanted, server.live, before, wave=Wave.FOUNDATION):
        assert isinstance(operation, Apply)
        server.live[key(operation.object)] = operation.object
    assert CRON in server.inventory().keys


def test_credentials_and_namespaces_are_never_pruned() -> None:
    server = Server()
    server.run(desired(), Inventory())
    before = server.inventory()
    without = tuple(o for o in desired(inventory=before) if o["kind"] not in ("Secret", "Namespace"))
    assert not [o for o in server.run(without, before) if isinstance(o, Prune)]
    assert any(k.kind == "Secret" for k in server.inventory().keys)


def test_what_belongs_to_somebody_else_by_now_is_not_pruned() -> None:
    server = Server()
    server.run(desired(schedules=True), Inventory())
    server.live[CRON]["metadata"]["annotations"][OWNER] = "cpam-haut-rhin/autre"
    before = server.inventory()
    assert not [o for o in server.run(desired(inventory=before), before) if isinstance(o, Prune)]


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        pytest.param({}, "aucune marque", id="nobody's mark"),
        pytest.param({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm", id="another manager"),
        pytest.param({"annotations": {OWNER: "cpam-haut-rhin/suivi-courriers"}}, "cpam-haut-rhin", id="another app"),
    ],
)
def test_an_object_of_somebody_else_is_refused_naming_the_owner(metadata: dict[str, Any], named: str) -> None:
    live = {DEPLOYMENT: {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", **metadata}}}
    with pytest.raises(NotOwnedError, match=named):
        apply.plan(desired(), live, Inventory(), wave=Wave.SERVICE)


def test_an_object_in_the_way_is_refused_before_anything_is_written_so_that_the_inventory_never_lists_it() -> None:
    server = Server()
    theirs = {"metadata": {"name": DEPLOYMENT.name, "namespace": DEPLOYMENT.namespace}, "spec": {}}
    server.live[DEPLOYMENT] = theirs
    with pytest.raises(NotOwnedError):
        server.run(desired(), Inventory())
    assert server.live == {DEPLOYMENT: theirs}


@pytest.mark.parametrize("manager", ["kubectl-create", "helm"])
def test_what_came_in_the_way_later_is_neither_taken_over_nor_pruned(manager: str) -> None:
    server = Server()
    server.run(desired(schedules=True), Inventory())
    listed = server.inventory()
    theirs = {"metadata": {"name": CRON.name, "namespace": CRON.namespace, "managedFields": [{"manager": manager}]}}
    server.live[CRON] = theirs
    with pytest.raises(NotOwnedError):
        server.run(desired(schedules=True, inventory=listed), listed)
    server.run(desired(inventory=listed), listed)
    assert server.live[CRON] == theirs


def test_our_own_object_stays_ours_when_somebody_takes_the_mark_off_it() -> None:
    server = Server()
    server.run(desired(), Inventory())
    metadata = server.live[DEPLOYMENT]["metadata"]
    metadata["managedFields"] = [{"manager": "kubectl-edit"}, {"manager": "amcloud", "operation": "Apply"}]
    del metadata["annotations"][OWNER]
    done = server.run(desired(inventory=server.inventory()), server.inventory())
    assert [key(o.object) for o in done if isinstance(o, Apply)] == [DEPLOYMENT]


def test_another_app_s_mark_is_refused_even_when_the_inventory_lists_it() -> None:
    server = Server()
    server.run(desired(), Inventory())
    server.live[DEPLOYMENT]["metadata"]["annotations"][OWNER] = "cpam-haut-rhin/autre"
    with pytest.raises(NotOwnedError):
        server.run(desired(inventory=server.inventory()), server.inventory())


@pytest.mark.parametrize(
    "data",
    [
        None, {}, [], {"objects": "pas du json"}, {"objects": "{}"}, {"objects": "[1]"}, {"objects": '[["a"]]'},
        {"objects": '[["", "Secret", 1, "x"]]'}, {"objects": None}, {"objects": "[" * 5000},
    ],
)  # fmt: skip
def test_a_damaged_inventory_is_empty(data: Any) -> None:
    memory = {"metadata": {"namespace": PLACE.namespace}, "data": data}
    assert apply.read_inventory(memory) == Inventory()


def test_an_inventory_speaks_of_its_own_namespace_only() -> None:
    listed = '[["", "Secret", "kube-system", "x"], ["", "Namespace", "", "kube-system"], ["", "Secret", "a", "x"]]'
    memory = {"metadata": {"namespace": "a"}, "data": {"objects": listed}}
    assert apply.read_inventory(memory).keys == {Key("", "Secret", "a", "x")}


def test_a_revision_that_is_not_by_digest_is_not_believed() -> None:
    memory = {"metadata": {"namespace": "a"}, "data": {"commit": "a" * 40, "image": "registre.example/x:latest"}}
    assert apply.read_inventory(memory).revision is None


def test_an_inventory_comes_back_as_it_was_written() -> None:
    server = Server()
    server.run(desired(), Inventory())
    assert server.inventory() == Inventory(apply.keys(desired()), REVISION)


def test_no_plan_shows_a_credential_in_its_text() -> None:
    assert "motdepasse" not in repr(ACCESS)


@pytest.mark.parametrize(
    ("live", "wanted", "same"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1}, True, id="a field of somebody else"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, False, id="a missing field"),
        pytest.param({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, True, id="the same quantity"),
        pytest.param({"limits": {"memory": "1Gi"}}, {"limits": {"memory": "1024Mi"}}, True, id="the same memory"),
        pytest.param({"hard": {"pods": "20"}}, {"hard": {"pods": 20}}, True, id="a number as text"),
        pytest.param({"limits": {"cpu": "2"}}, {"limits": {"cpu": "1"}}, False, id="another quantity"),
        pytest.param({"name": "1"}, {"name": "1000m"}, False, id="a name that looks like a quantity"),
        pytest.param({"x": True}, {"x": 1}, False, id="true is not one"),
        pytest.param({}, {"x": None, "y": [], "z": {}, "t": ""}, True, id="what is empty may be dropped"),
        pytest.param({"x": [1]}, {"x": []}, False, id="what should be empty is not"),
        pytest.param({}, {"x": False}, False, id="false must be said"),
        pytest.param({"x": [1, 2]}, {"x": [2, 1]}, False, id="order counts in an atomic list"),
        pytest.param({"x": [1, 2]}, {"x": [1]}, False, id="an atomic list has no more items"),
        pytest.param({"env": [{"name": "b"}, {"name": "a", "value": "1"}]}, {"env": [{"name": "a"}]}, True, id="keyed"),
        pytest.param({"env": [{"name": "b"}]}, {"env": [{"name": "a"}]}, False, id="a key is missing"),
        pytest.param({"env": "x"}, {"env": [{"name": "a"}]}, False, id="not even a list"),
        pytest.param(None, {"a": 1}, False, id="nothing"),
    ],
)
def test_a_live_object_holds_what_is_desired(live: Any, wanted: Any, same: bool) -> None:
    assert holds(live, wanted) is same


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)


@given(JSON)
def test_everything_holds_itself(value: Any) -> None:
    assert holds(value, value)


@given(JSON, JSON)
def test_any_two_values_compare_without_a_crash(live: Any, wanted: Any) -> None:
    assert holds(live, wanted) in (True, False)
