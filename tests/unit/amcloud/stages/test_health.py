"""Ready means that the instance answers for each synthetic organisation; doubt stops a new revision alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from amcloud_samples import ORGANISATIONS, START, TWO, image_of, manifest
from amcloud_story import DEPLOYMENT, NAME, conditions, hosted, one_pass, push, settle

from amcloud.clients.health import HttpHealth
from amcloud.stages import health
from amcloud.stages.health import Answer
from amcloud.stages.manifest import parse
from amcloud.stages.objects.operations import Key
from amcloud.stages.observe import Observation, Progress
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Place

SEEN = Observation(Progress.DONE, Reason.SERVING, "", serving=True)
WELL, WRONG, SILENT = Answer("a.example", 200), Answer("b.example", 500), Answer("c.example", None, "injoignable")
ROLLED = {"metadata": {}, "status": {"conditions": [{"type": "Progressing", "lastUpdateTime": START.isoformat()}]}}
PLACE = Place("suivi-courriers-acceptance", "suivi-courriers.acceptance.amcloud.example", "base")


def judged(*answers: Answer, proven: bool, after_s: float = 0) -> Observation:
    now = START + timedelta(seconds=after_s)
    return health.judged(SEEN, answers, ROLLED, proven=proven, now=now, deadline_s=300)


@pytest.mark.parametrize(
    ("answers", "proven", "after_s", "progress", "reason"),
    [
        pytest.param((WELL, WELL), False, 0, Progress.DONE, Reason.SERVING, id="all answer"),
        pytest.param((WELL, WRONG), False, 299, Progress.UNDER_WAY, Reason.ROLLING_OUT, id="new, one wrong"),
        pytest.param((WELL, WRONG), False, 301, Progress.FAILED, Reason.NOT_READY, id="new, wrong for too long"),
        pytest.param((WELL, SILENT), False, 301, Progress.FAILED, Reason.NOT_READY, id="new, silent for too long"),
        pytest.param((WELL, WRONG), True, 9999, Progress.UNDER_WAY, Reason.NOT_READY, id="served before, wrong"),
        pytest.param((WELL, SILENT), True, 9999, Progress.DONE, Reason.SERVING, id="served before, could not ask"),
        pytest.param((SILENT, WRONG), True, 0, Progress.UNDER_WAY, Reason.NOT_READY, id="a wrong answer counts more"),
    ],
)
def test_what_answers_mean(
    answers: tuple[Answer, ...], proven: bool, after_s: float, progress: Progress, reason: Reason
) -> None:
    seen = judged(*answers, proven=proven, after_s=after_s)
    assert (seen.progress, seen.reason) == (progress, reason)
    if progress is not Progress.DONE or SILENT in answers:
        assert any(one.host in seen.sentence for one in answers if one.status != 200)


def test_each_synthetic_organisation_is_asked_for_under_its_host_name() -> None:
    assert health.hosts(PLACE) == (
        "fictif-a.suivi-courriers.acceptance.amcloud.example",
        "fictif-b.suivi-courriers.acceptance.amcloud.example",
    )


@pytest.mark.parametrize(
    ("cluster_ip", "elsewhere", "expected"),
    [
        ("10.0.0.7", "", "10.0.0.7:80"),
        ("fd00::7", "", "[fd00::7]:80"),
        ("10.0.0.7", "edge.example:8080", "edge.example:8080"),
        ("None", "", ""),
        (None, "", ""),
    ],
)
def test_the_service_is_asked_unless_another_address_is_set(cluster_ip: Any, elsewhere: str, expected: str) -> None:
    app = parse(manifest(), ORGANISATIONS, lambda _: "671")
    live = {Key("", "Service", PLACE.namespace, NAME): {"spec": {"clusterIP": cluster_ip}}}
    assert health.address(app, PLACE, live, elsewhere) == expected


def test_pods_that_are_ready_are_not_enough_for_a_new_revision() -> None:
    outside = hosted()
    outside.health.status = 404
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "RollingOut")
    outside.passes(301)
    settle(outside)
    assert conditions(outside)["Ready"][1] == "NotReady"
    image = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image != image_of(TWO).reference


def test_a_service_that_cannot_be_asked_stays_ready_and_says_so() -> None:
    outside = hosted()
    outside.health.status = None
    one_pass(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert "injoignable" in outside.cluster.status()["problems"][0]["message"]


class _App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        host = str(self.headers["Host"]).partition(".")[0]
        self.send_response({"fictif-a": 200, "fictif-b": 503}.get(host, 302))
        self.send_header("Location", "http://192.0.2.1/")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def instance() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_host_name_is_what_the_instance_is_asked_under_and_no_redirect_is_followed(instance: str) -> None:
    hosts = ("fictif-a.x.example", "fictif-b.x.example", "autre.x.example")
    assert [one.status for one in HttpHealth().ask(instance, hosts)] == [200, 503, 302]


def test_silence_is_not_waited_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get(_: requests.Session, url: str, **__: Any) -> requests.Response:
        asked.append(url)
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests.Session, "get", get)
    found = HttpHealth().ask("10.0.0.7:80", ("a.example", "b.example"))
    assert len(asked) == 1 and [one.status for one in found] == [None, None]


@pytest.mark.parametrize("address", ["", "127.0.0.1:1", "pas une adresse", "[::1"])
def test_an_address_that_does_not_answer_is_no_answer_and_no_error(address: str) -> None:
    (found,) = HttpHealth().ask(address, ("a.example",))
    assert found.status is None and found.why
