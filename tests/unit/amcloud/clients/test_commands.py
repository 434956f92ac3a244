"""Requests carried out: journals merged and masked once each, commands followed to their end and cleaned up."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from amcloud.clients import commands, records
from amcloud.clients.commands import Commands
from amcloud.clients.errands import Errands, NotYoursError
from amcloud.clients.journals import Journals
from amcloud.clients.kubernetes_api import ForbiddenError, Resource
from amcloud.errors import UnavailableError
from amcloud.settings import GROUP

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NAMESPACE, APP, INSTANCE = "cpam-bas-rhin", "suivi", "suivi-acceptance"
KINDS = {
    "Command": (f"{GROUP}/v1", "commands"), "LocalApp": (f"{GROUP}/v1", "localapps"), "Job": ("batch/v1", "jobs"),
    "Deployment": ("apps/v1", "deployments"), "Pod": ("v1", "pods"), "Secret": ("v1", "secrets"),
    "Namespace": ("v1", "namespaces"), "Event": ("v1", "events"),
}  # fmt: skip


class FakeApi:
    """Objects by path; journals of pods; what was created and deleted."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.journals: dict[str, list[str]] = {}
        self.deleted: list[str] = []
        self.statuses: list[dict[str, Any]] = []
        self.jobs: Iterator[dict[str, Any]] = iter(())
        """Statuses of a Job, one a look."""

    def resource(self, group: str, kind: str, versions: tuple[str, ...] = ()) -> Resource:
        api_version, plural = KINDS[kind]
        return Resource(api_version, plural, namespaced=kind != "Namespace")

    def get(self, path: str, **_: Any) -> dict[str, Any] | None:
        found = copy.deepcopy(self.objects.get(path))
        if found and "/jobs/" in path:
            found["status"] = next(self.jobs)
        return found

    def items(self, path: str, *, labels: str = "", **_: Any) -> Iterator[dict[str, Any]]:
        for key, found in list(self.objects.items()):
            within = key.startswith(f"{path}/") or (
                path.endswith(("/commands", "v1/jobs")) and f"/{path.rpartition('/')[2]}/" in key
            )
            asked = dict(one.split("=") for one in labels.split(",") if one)
            if within and asked.items() <= found["metadata"].get("labels", {}).items():
                yield copy.deepcopy(found)

    def content(self, path: str, *, params: dict[str, Any], **_: Any) -> bytes | None:
        lines = self.journals.get(path.split("/pods/")[1].removesuffix("/log"))
        if lines is None:
            return None
        since = params.get("sinceTime", "")
        kept = [line for line in lines if line[:19] >= since[:19]][-params.get("tailLines", 10_000) :]
        return "".join(f"{line}\n" for line in kept).encode()

    def create(self, path: str, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        name = body["metadata"].get("name", "c-1")
        self.objects[f"{path}/{name}"] = {**body, "metadata": {**body["metadata"], "name": name, "uid": "uid-1"}}
        return self.objects[f"{path}/{name}"]

    def patch(self, path: str, body: dict[str, Any], **_: Any) -> dict[str, Any] | None:
        found = self.objects.get(path.removesuffix("/status"))
        if found is not None:
            self.statuses.append(body["status"])
            found["status"] = {**found.get("status", {}), **body["status"]}
        return found

    def delete(self, path: str, **_: Any) -> None:
        self.deleted.append(path)
        self.objects.pop(path, None)


def secret(name: str, **values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"metadata": {"name": name}, "data": data}


def pod(name: str, component: str, **labels: str) -> dict[str, Any]:
    metadata = {
        "name": name,
        "labels": {"app.kubernetes.io/name": APP, "app.kubernetes.io/component": component, **labels},
    }
    running = [{"name": component, "state": {"running": {}}}]
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": component}]},
        "status": {"containerStatuses": running},
    }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    monkeypatch.setattr(commands, "LOOK_S", 0.0)
    made = FakeApi()
    at = f"/namespaces/{INSTANCE}"
    template = {"metadata": {"labels": {}}, "spec": {"containers": [
        {"name": "web", "image": "x@sha256:1", "envFrom": [{"secretRef": {"name": "smtp"}}]}]}}  # fmt: skip
    made.objects = {
        f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/localapps/{APP}": {"metadata": {"name": APP, "namespace": NAMESPACE}},
        f"/api/v1/namespaces/{INSTANCE}": {"metadata": {"annotations": {f"{GROUP}/owner": f"{NAMESPACE}/{APP}"}}},
        f"/apis/apps/v1{at}/deployments/{APP}": {"spec": {"replicas": 2, "template": template}},
        f"/api/v1{at}/secrets/amcloud-credentials": secret(
            "amcloud-credentials", **{"database-url": "postgresql://a:tr%C3%A8s-secret@b/c", "app-secret": "sel-de-mer"}
        ),
        f"/api/v1{at}/secrets/smtp": secret("smtp", SMTP_PASSWORD="poivre-long"),
        f"/api/v1{at}/pods/suivi-1-aaa": pod("suivi-1-aaa", "web"),
        f"/api/v1{at}/pods/suivi-1-bbb": pod("suivi-1-bbb", "web"),
    }
    made.journals = {
        "suivi-1-aaa": ["2026-03-02T07:59:01.5Z un sel-de-mer", "2026-03-02T07:59:03.5Z trois 2690549588157"],
        "suivi-1-bbb": ["2026-03-02T07:59:02.5Z deux poivre-long et très-secret"],
    }
    return made


def ask(api: FakeApi, name: str = "c", **spec: Any) -> dict[str, Any]:
    whole = {"app": APP, "stage": "acceptance", "requestedBy": "camille", **spec}
    path = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/commands/{name}"
    api.objects[path] = {"metadata": {"name": name, "namespace": NAMESPACE, "uid": "0123456789abcdef"}, "spec": whole}
    Commands(api, now=lambda: NOW).carry_out(NAMESPACE, name)  # type: ignore[arg-type]
    return api.objects.get(path, {}).get("status", {})


def events(api: FakeApi) -> list[str]:
    return [one["message"] for path, one in api.objects.items() if "/events/" in path]


def test_a_journal_is_merged_by_time_with_the_instance_s_own_secrets_masked(api: FakeApi) -> None:
    status = ask(api, logs={"lines": 10})
    assert status["output"] == (
        "2026-03-02T07:59:01Z [aaa] un ***\n"
        "2026-03-02T07:59:02Z [bbb] deux *** et ***\n"
        "2026-03-02T07:59:03Z [aaa] trois [donnée personnelle]\n"
    )
    assert (status["reason"], bool(status["completionTime"])) == ("Done", True)
    assert events(api) == ["acceptance : journal lu par camille"]


def test_a_line_is_read_once_and_lines_of_the_same_second_are_not_lost(api: FakeApi) -> None:
    journals, pods = Journals(api, INSTANCE, named=False), (pod("suivi-1-aaa", "web"),)  # type: ignore[arg-type]
    assert journals.more(pods, lines=1) == "trois [donnée personnelle]\n"
    api.journals["suivi-1-aaa"] += ["2026-03-02T07:59:03.7Z quatre", "2026-03-02T07:59:04.0Z cinq"]
    assert journals.more(pods, lines=1) == "quatre\ncinq\n"
    assert journals.more(pods, lines=1) == ""


def test_the_first_lines_of_a_container_that_was_late_are_not_lost(api: FakeApi) -> None:
    journals, pods = Journals(api, INSTANCE, named=False), (pod("tard", "web"),)  # type: ignore[arg-type]
    assert journals.more(pods, lines=5) == ""
    api.journals["tard"] = []
    assert journals.more(pods, lines=5) == ""
    api.journals["tard"] = [f"2026-03-02T08:00:0{n}.0Z ligne {n}" for n in range(9)]
    assert journals.more(pods, lines=5).startswith("ligne 0\n")


def test_a_command_is_followed_to_its_end_and_leaves_an_event_alone(api: FakeApi) -> None:
    name = f"/api/v1/namespaces/{INSTANCE}/pods/commande-x"
    api.objects[name] = pod("commande-x", "command", **{"job-name": "commande-0123456789abc"})
    api.journals["commande-x"] = ["2026-03-02T08:00:01.0Z avant sel-de-mer", "2026-03-02T08:00:01.0Z après"]
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
    api.jobs = iter([{}, {}, failed])
    status = ask(api, run={"command": ["bin/console", "x"]})
    assert status["output"] == "avant ***\naprès\n"
    assert status["reason"] == "CommandFailed"
    assert [one["reason"] for one in api.statuses] == ["Running", "CommandFailed"], "nothing new, nothing written"
    assert any(path.endswith("/jobs/commande-0123456789abc") for path in api.deleted)
    assert events(api)[0].startswith("acceptance : camille a lancé « bin/console x » (CommandFailed")


def test_a_reader_who_left_ends_the_command(api: FakeApi) -> None:
    def looked() -> Iterator[dict[str, Any]]:
        yield {}
        api.objects.pop(f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/commands/c")
        while True:
            yield {}

    api.jobs = looked()
    ask(api, run={"command": ["sleep", "600"]})
    assert any("/jobs/" in path for path in api.deleted)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"app": "inconnue", "logs": {"lines": 1}}, "NotHosted"),
        ({"stage": "production", "logs": {"lines": 1}}, "NotHosted"),
        ({"logs": {"lines": 0}}, "Invalid"),
        ({}, "Invalid"),
    ],
)
def test_what_cannot_be_answered_is_refused(api: FakeApi, spec: dict[str, Any], reason: str) -> None:
    status = ask(api, **spec)
    assert (status["reason"], bool(status["completionTime"])) == (reason, True)
    assert "output" not in status


def test_an_instance_that_is_another_application_s_answers_nothing(api: FakeApi) -> None:
    api.objects[f"/api/v1/namespaces/{INSTANCE}"]["metadata"]["annotations"] = {
        f"{GROUP}/owner": "cpam-haut-rhin/suivi"
    }
    assert ask(api, logs={"lines": 1})["reason"] == "NotHosted"


def test_a_cluster_that_does_not_answer_is_told(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> bytes:
        raise UnavailableError("lecture du journal : le cluster ne répond pas")

    monkeypatch.setattr(api, "content", down)
    status = ask(api, logs={"lines": 1})
    assert (status["reason"], "ne répond pas" in status["message"]) == ("Unavailable", True)


def test_the_sweep_takes_up_what_waits_and_removes_what_was_answered_long_ago(api: FakeApi) -> None:
    path = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/commands"
    for name, status in (("vieux", {"completionTime": "2026-03-02T07:00:00Z"}), ("neuf", {})):
        api.objects[f"{path}/{name}"] = {"metadata": {"name": name, "namespace": NAMESPACE}, "status": status}
    made = Commands(api, now=lambda: NOW)  # type: ignore[arg-type]
    made.sweep()
    assert api.deleted == [f"{path}/vieux"]
    assert made._asked.get_nowait() == (NAMESPACE, "neuf")


def test_a_job_that_a_killed_operator_left_goes_and_one_under_way_stays(api: FakeApi) -> None:
    api.jobs = iter([{}])
    jobs, asked = f"/apis/batch/v1/namespaces/{INSTANCE}/jobs", f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/commands"
    labels = {"app.kubernetes.io/managed-by": "amcloud", "app.kubernetes.io/component": "command"}
    for name, request in (("orphelin", "partie"), ("en-cours", "attend")):
        annotations = {f"{GROUP}/command": f"{NAMESPACE}/{request}"}
        metadata = {"name": name, "namespace": INSTANCE, "labels": labels, "annotations": annotations}
        api.objects[f"{jobs}/{name}"] = {"metadata": metadata}
    api.objects[f"{asked}/attend"] = {"metadata": {"name": "attend"}, "status": {"reason": "Running"}}
    Commands(api, now=lambda: NOW).sweep_jobs()  # type: ignore[arg-type]
    assert api.deleted == [f"{jobs}/orphelin"]


def test_an_organisation_takes_its_turn() -> None:
    made = Commands(FakeApi())  # type: ignore[arg-type]
    assert [made._mine((NAMESPACE, str(n))) for n in range(commands.EACH + 1)] == [True] * commands.EACH + [False]
    assert made._mine(("cpam-haut-rhin", "x"))


def test_every_value_that_a_secret_holds_is_hidden() -> None:
    held = records.hidden(secret("x", url="postgresql://a:p%40ss@b/c", key="-----BEGIN\nabcdef\n-----END"))
    assert {"p@ss", "abcdef", "postgresql://a:p%40ss@b/c"} <= set(held)


FOUND = {"metadata": {"name": APP, "namespace": NAMESPACE}, "spec": {"owner": {"organisation": "671"}}}


class TestErrands:
    def answered(self, api: FakeApi, *statuses: dict[str, Any]) -> tuple[str, Errands]:
        left = iter(statuses)

        def wait(_: float) -> None:
            for path, found in api.objects.items():
                if "/commands/" in path:
                    found["status"] = next(left)

        errands = Errands(api, "camille", wait=wait)  # type: ignore[arg-type]
        return "".join(errands.answer(FOUND, "acceptance", {"logs": {"lines": 1}})), errands

    def test_text_is_printed_once_as_it_grows_and_what_went_by_is_said(self, api: FakeApi) -> None:
        text, errands = self.answered(
            api,
            {"output": "un\n", "outputOffset": 0},
            {"output": "un\ndeux\n", "outputOffset": 0},
            {"output": "dix\n", "outputOffset": 40, "completionTime": "x", "reason": "Done"},
        )
        assert text == "un\ndeux\n… (32 caractères sautés)\ndix\n"
        assert errands.last["reason"] == "Done"
        assert any("/commands/c-1" in path for path in api.deleted)

    def test_the_request_goes_with_its_reader(self, api: FakeApi) -> None:
        with pytest.raises(UnavailableError, match="supprimée"):
            errands = Errands(api, "camille", wait=lambda _: api.objects.clear())  # type: ignore[arg-type]
            list(errands.answer(FOUND, "acceptance", {"logs": {"lines": 1}}))
        assert any("/commands/c-1" in path for path in api.deleted)

    def test_another_organisation_s_application_is_refused_by_name(
        self, api: FakeApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forbidden(*_: Any, **__: Any) -> None:
            raise ForbiddenError("commands is forbidden")

        monkeypatch.setattr(api, "create", forbidden)
        with pytest.raises(NotYoursError, match="organisme 671"):
            list(Errands(api, "dominique").answer(FOUND, "acceptance", {}))  # type: ignore[arg-type]
