"""What the operator measures of the fleet: stages by the reason of their last pass, and how long a delivery took."""

from __future__ import annotations

from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, PROJECT, TWO, manifest, result

from amcloud import metrics
from amcloud.dispatch import Dispatcher
from amcloud.stages.build import PipelineStatus
from amcloud.stages.seen.isolation import Breach, Isolation, TableProbe
from amcloud.workqueue import Key

KEY = Key("cpam-bas-rhin", "suivi-courriers")


def dispatcher(outside: FakeWorld) -> Dispatcher:
    made = Dispatcher(outside.world())
    made.know(KEY, PROJECT)
    return made


def passed(made: Dispatcher, *, times: int = 1) -> None:
    for _ in range(times):
        made.ask(KEY)
        assert made.queue.take() == KEY
        made.one_pass(KEY)


def delivered() -> tuple[float, float]:
    """How many deliveries were measured at the stage, and the seconds that they took together."""
    found = {
        s.name: s.value for s in metrics.DELIVERY_SECONDS.collect()[0].samples if s.labels["stage"] == "acceptance"
    }
    return found.get("amcloud_delivery_seconds_count", 0.0), found.get("amcloud_delivery_seconds_sum", 0.0)


def shown() -> dict[tuple[str, str], float]:
    """``amcloud_stages`` as Prometheus reads it."""
    samples = metrics.STAGES.collect()[0].samples
    return {(sample.labels["stage"], sample.labels["reason"]): sample.value for sample in samples}


def building() -> FakeWorld:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    return outside


def test_each_stage_counts_once_by_the_reason_of_its_last_pass() -> None:
    outside = building()
    made = dispatcher(outside)
    passed(made)
    metrics.tell_stages(made.reasons())
    assert shown() == {("acceptance", "Building"): 1}
    outside.forge.finish(ONE)
    passed(made, times=3)
    metrics.tell_stages(made.reasons())
    assert shown() == {("acceptance", "Serving"): 1}
    made.forget(KEY)
    metrics.tell_stages(made.reasons())
    assert shown() == {}


def test_a_leak_counts_even_while_the_pass_speaks_of_a_commit_that_is_refused_for_something_else() -> None:
    outside = building()
    outside.forge.finish(ONE)
    made = dispatcher(outside)
    passed(made, times=3)
    assert made.leaking == 0
    outside.database.seen = Isolation((TableProbe("courrier", (Breach.READ,)),))
    outside.conformance.results[TWO] = (result("SEC-001"),)
    outside.source.heads["refs/heads/main"] = TWO
    outside.forge.add(TWO, PipelineStatus.RUNNING)
    passed(made)
    assert (made.reasons(), made.leaking) == ({("acceptance", "NotConformant"): 1}, 1)
    outside.database.seen = Isolation()
    passed(made)
    assert made.leaking == 0
    outside.database.seen = Isolation((TableProbe("courrier", (Breach.READ,)),))
    passed(made)
    made.forget(KEY)
    assert made.leaking == 0


def test_a_delivery_is_measured_once_from_the_discovery_of_its_commit_to_its_service() -> None:
    outside = building()
    made = dispatcher(outside)
    count, seconds = delivered()
    passed(made)
    outside.passes(90)
    outside.forge.finish(ONE)
    passed(made, times=3)
    assert delivered()[0] == count + 1
    assert 90 <= delivered()[1] - seconds <= 95
    passed(made, times=2)
    assert delivered()[0] == count + 1


def test_what_served_before_this_operator_started_is_no_delivery() -> None:
    outside = building()
    outside.forge.finish(ONE)
    passed(dispatcher(outside), times=3)
    outside.passes(3600)
    count, _ = delivered()
    made = dispatcher(outside)
    passed(made, times=2)
    assert delivered()[0] == count
