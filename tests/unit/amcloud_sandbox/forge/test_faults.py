"""Switches: each failure of a real forge, by path and count, and the log that counts requests."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import Desk


def _set(desk: Desk, *faults: dict[str, Any]) -> httpx.Response:
    return desk.http.put("/-/sandbox/faults", json=list(faults), headers={"PRIVATE-TOKEN": desk.token})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 502, 503])
def test_a_status_is_answered_as_often_as_asked(desk: Desk, status: int) -> None:
    _set(desk, {"kind": "status", "status": status, "path": "/api/v4/user", "count": 2})
    found = [desk.ask("GET", "/user").status_code for _ in range(3)]
    assert found == [status, status, 200]


def test_a_rate_limit_says_when_to_come_back(desk: Desk) -> None:
    _set(desk, {"kind": "rate-limit", "retry_after_s": 7})
    got = desk.ask("GET", "/user")
    assert (got.status_code, got.headers["Retry-After"], got.headers["RateLimit-Remaining"]) == (429, "7", "0")


def test_html_comes_where_json_was_expected(desk: Desk) -> None:
    _set(desk, {"kind": "html"})
    got = desk.ask("GET", "/user")
    assert (got.status_code, got.headers["content-type"].split(";")[0]) == (200, "text/html")


def test_a_switch_strikes_only_its_path_and_method(desk: Desk) -> None:
    project = desk.project()
    sha = desk.commit(project, {"a": "x"})
    _set(desk, {"kind": "status", "status": 503, "path": "/api/v4/projects/*/statuses/*", "method": "POST"})
    assert desk.ask("POST", f"/projects/{project['id']}/statuses/{sha}", json={"state": "success"}).status_code == 503
    assert desk.ask("GET", f"/projects/{project['id']}").status_code == 200


def test_a_project_s_encoded_path_is_matched_decoded(desk: Desk) -> None:
    desk.project()
    _set(desk, {"kind": "status", "status": 404, "path": "/api/v4/projects/cpam-bas-rhin/*"})
    assert desk.ask("GET", "/projects/cpam-bas-rhin%2Fsuivi").status_code == 404


@pytest.mark.parametrize(
    "fault", [{}, {"kind": "nothing"}, {"kind": "status", "colour": 1}, {"kind": "status", "count": "x"}]
)
def test_a_switch_that_means_nothing_is_refused(desk: Desk, fault: dict[str, Any]) -> None:
    assert _set(desk, fault).status_code == 400


def test_only_root_turns_switches(desk: Desk) -> None:
    user = desk.user("camille")
    assert user.http.get("/-/sandbox/faults", headers={"PRIVATE-TOKEN": user.token}).status_code == 401


def test_requests_are_counted_without_their_tokens(desk: Desk) -> None:
    desk.http.get(f"/api/v4/user?private_token={desk.token}&a=1")
    answer = desk.http.get("/-/sandbox/requests?path=/api/v4/user", headers={"PRIVATE-TOKEN": desk.token}).json()
    assert answer["count"] == 1
    (entry,) = answer["requests"]
    assert (entry["method"], entry["status"], entry["query"]) == ("GET", 200, "a=1")
