"""Where an application runs, as developers see it without leaving the forge: environments, deployments, badge."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from amcloud_sandbox.demo import projects

from .conftest import Ground

NAME = "courriers-montres"


def until(what: str, found: Callable[[], Any], *, timeout_s: float = 60.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (seen := found()):
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.3)
    return seen


def test_the_forge_shows_what_serves_and_that_it_is_gone(ground: Ground) -> None:
    with ground.application(NAME) as cast:
        ground.scene.wait_until_serving(cast)
        project: Any = projects.connect(ground.where).projects.get(cast.project)

        def shown() -> list[tuple[str, str, str]]:
            listed = project.deployments.list(sort="desc", get_all=True)
            return [(one.environment["name"], one.sha, one.status) for one in listed]

        until("the deployment", lambda: ("amcloud-acceptance", cast.commit, "success") in shown())
        (environment,) = project.environments.list(name="amcloud-acceptance", get_all=True)
        assert environment.state == "available"
        assert environment.external_url == ground.stage(cast)["url"]
        assert len(shown()) == len(set(shown())), "no deployment is told twice"

        badge = f"{ground.where.reports_url}/{cast.namespace}/{NAME}/badge.svg"
        found = requests.get(badge, timeout=10)
        assert found.headers["Content-Type"].startswith("image/svg+xml")
        assert "AM Cloud recette : conforme au" in found.text or "AM Cloud recette : avertie à partir du" in found.text
    (environment,) = project.environments.list(name="amcloud-acceptance", get_all=True)
    assert environment.state == "stopped"
