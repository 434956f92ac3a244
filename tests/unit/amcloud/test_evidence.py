"""Where `amcloud evidence` connects."""

from __future__ import annotations

import pytest

from amcloud.cli.evidence import reached


@pytest.mark.parametrize(
    ("url", "place", "headers"),
    [
        pytest.param("https://rapports.example/a/b", "https://rapports.example/a/b", {}, id="a name of the network"),
        pytest.param(
            "http://rapports.amcloud.localhost:8080/a?b=c",
            "http://127.0.0.1:8080/a?b=c",
            {"Host": "rapports.amcloud.localhost:8080"},
            id="a name of this machine",
        ),
        pytest.param(
            "http://localhost.example/a", "http://localhost.example/a", {}, id="a name that only looks like it"
        ),
    ],
)
def test_names_under_localhost_are_this_machine(url: str, place: str, headers: dict[str, str]) -> None:
    assert reached(url) == (place, headers)
