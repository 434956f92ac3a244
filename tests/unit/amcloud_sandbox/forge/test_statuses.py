"""Commit statuses answer as GitLab's do."""

from __future__ import annotations

import pytest

from amcloud_sandbox.forge import ci
from amcloud_sandbox.forge.errors import ApiError

from .conftest import CI, Desk


@pytest.mark.parametrize(
    ("state", "wanted", "message"),
    [
        pytest.param("running", "running", ":run from :running", id="running twice"),
        pytest.param("pending", "pending", ":enqueue from :pending", id="pending twice"),
        pytest.param("running", "pending", ":enqueue from :running", id="back to pending"),
        pytest.param("success", "failed", ":drop from :success", id="after the end"),
    ],
)
def test_the_state_machine_refuses_in_gitlab_s_words(state: str, wanted: str, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        ci.move(state, wanted)
    event = message.split(maxsplit=1)[0].removeprefix(":")
    expected = f'Cannot transition status via {message} (Reason(s): Status cannot transition via "{event}")'
    assert (refused.value.status, refused.value.body) == (400, {"message": expected})


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("created", "pending"),
        ("created", "running"),
        ("pending", "running"),
        ("created", "success"),
        ("running", "failed"),
    ],
)
def test_the_state_machine_moves_forward(state: str, wanted: str) -> None:
    assert ci.move(state, wanted) == wanted


@pytest.mark.parametrize(
    ("jobs", "status"),
    [
        pytest.param([("success", False), ("success", False)], "success", id="all passed"),
        pytest.param([("success", False), ("failed", True)], "success", id="allowed to fail"),
        pytest.param([("success", False), ("failed", False)], "failed", id="one failed"),
        pytest.param([("failed", False), ("running", False)], "running", id="still running"),
        pytest.param([("pending", False), ("created", False)], "pending", id="waiting"),
        pytest.param([("success", False), ("canceled", False)], "canceled", id="canceled"),
        pytest.param([("skipped", False)], "skipped", id="nothing ran"),
        pytest.param([], None, id="no job"),
    ],
)
def test_a_pipeline_s_status_follows_its_jobs(jobs: list[tuple[str, bool]], status: str | None) -> None:
    assert ci.composite(jobs) == status


def test_a_status_posted_twice_is_refused_and_then_moves(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    path = f"/projects/{project['id']}/statuses/{sha}"
    first = desk.made(path, state="running", name="amcloud/psram")
    again = desk.ask("POST", path, json={"state": "running", "name": "amcloud/psram"})
    assert again.status_code == 400
    assert again.json()["message"].startswith("Cannot transition status via :run from :running")
    moved = desk.made(path, state="success", name="amcloud/psram", description="Conforme")
    assert (moved["id"], moved["status"], moved["description"]) == (first["id"], "success", "Conforme")


def test_a_status_after_a_finished_one_replaces_it_in_the_list(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    path = f"/projects/{project['id']}/statuses/{sha}"
    desk.made(path, state="failed", name="amcloud/psram")
    second = desk.made(path, state="success", name="amcloud/psram")
    listing = f"/projects/{project['id']}/repository/commits/{sha}/statuses"
    assert [row["id"] for row in desk.seen(listing)] == [second["id"]]
    assert [row["status"] for row in desk.seen(f"{listing}?all=true")] == ["failed", "success"]


def test_a_status_counts_in_the_pipeline_of_its_commit(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {".gitlab-ci.yml": CI})
    status = desk.made(f"/projects/{project['id']}/statuses/{sha}", state="running", name="amcloud/psram")
    pipelines = desk.seen(f"/projects/{project['id']}/pipelines?sha={sha}")
    assert [(row["id"], row["source"], row["status"]) for row in pipelines] == [
        (status["pipeline_id"], "push", "running")
    ]


def test_a_status_without_a_pipeline_makes_an_external_one(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    desk.made(f"/projects/{project['id']}/statuses/{sha}", state="success", name="amcloud/psram")
    (pipeline,) = desk.seen(f"/projects/{project['id']}/pipelines")
    assert (pipeline["source"], pipeline["status"], pipeline["ref"]) == ("external", "success", "main")


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        pytest.param({}, 400, {"error": "state is missing"}, id="no state"),
        pytest.param({"state": "done"}, 400, {"error": "state does not have a valid value"}, id="unknown state"),
        pytest.param(
            {"state": "success", "description": "x" * 256},
            400,
            {"message": {"description": ["is too long (maximum is 255 characters)"]}},
            id="long description",
        ),
        pytest.param(
            {"state": "success", "target_url": "http://r.example/" + "x" * 255},
            400,
            {"message": {"target_url": ["is too long (maximum is 255 characters)"]}},
            id="long address",
        ),
        pytest.param(
            {"state": "success", "target_url": "javascript:alert(1)"},
            400,
            {"message": {"target_url": ["is blocked: Only allowed schemes are http, https"]}},
            id="not http",
        ),
    ],
)
def test_a_status_with_bad_values_is_refused(desk: Desk, body: dict[str, str], status: int, answer: object) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    got = desk.ask("POST", f"/projects/{project['id']}/statuses/{sha}", json=body)
    assert (got.status_code, got.json()) == (status, answer)


def test_a_status_on_an_unknown_commit_is_404(desk: Desk) -> None:
    project = desk.project()
    got = desk.ask("POST", f"/projects/{project['id']}/statuses/{'a' * 40}", json={"state": "success"})
    assert (got.status_code, got.json()) == (404, {"message": "404 Commit Not Found"})


def test_statuses_come_in_pages_of_twenty(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    for number in range(23):
        desk.made(f"/projects/{project['id']}/statuses/{sha}", state="success", name=f"check-{number:02}")
    first = desk.ask("GET", f"/projects/{project['id']}/repository/commits/{sha}/statuses")
    assert len(first.json()) == 20
    assert (first.headers["X-Total"], first.headers["X-Next-Page"], first.headers["X-Total-Pages"]) == ("23", "2", "2")
    second = desk.http.get(first.links["next"]["url"], headers={"PRIVATE-TOKEN": desk.token})
    assert [row["name"] for row in second.json()] == ["check-20", "check-21", "check-22"]
    assert second.headers["X-Next-Page"] == ""
