"""Two hundred applications and a forge that is down for ten minutes, by a clock of ours: how many requests are sent.

The real clients of forge and git run over a transport that counts; cluster and norm engine are in memory.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, SETTINGS, START, manifest, result
from requests.adapters import BaseAdapter

from amcloud import errors
from amcloud.clients.budget import Budget
from amcloud.clients.forge import GitlabForge
from amcloud.clients.source import GitSource
from amcloud.dispatch import Dispatcher
from amcloud.workqueue import Key, WorkQueue

APPS = 200
OUTAGE_S = 600.0
PACE = 600.0


class Forge(BaseAdapter):
    """The transport: counts, and answers nothing, an error, or that it is too much; git does likewise."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        super().__init__()
        self._seconds = seconds
        self.sent: list[float] = []
        self.fails = "refused"

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        self.sent.append(self._seconds())
        if self.fails == "refused":
            raise requests.ConnectionError("refused")
        answer = requests.Response()
        answer.status_code = 429 if self.fails == "limited" else 503
        answer.headers["Retry-After"] = "120" if self.fails == "limited" else ""
        answer.raw, answer.request, answer.url = BytesIO(), request, str(request.url)
        return answer

    def close(self) -> None:
        pass


class Fleet:
    """The operator with its applications; time goes by when nothing is due."""

    def __init__(self, folder: Path) -> None:
        self.outside = FakeWorld(settings=replace(SETTINGS, resync_s=300.0))
        self.budget = Budget(PACE, clock=self.seconds, sleep=self.outside.passes, chance=random.Random(1))
        self.forge = Forge(self.seconds)
        self.down = False
        self.keys = [self._declared(number) for number in range(APPS)]
        self.dispatcher = Dispatcher(
            replace(self.outside.world(), forge=self._gitlab(), source=self._source(folder)),
            queue=WorkQueue(clock=self.seconds, chance=random.Random(2)),
        )
        self.passes = 0
        for key in self.keys:
            self.dispatcher.know(key, f"cpam-bas-rhin/{key.name}")

    def seconds(self) -> float:
        return (self.outside.time - START).total_seconds()

    def _declared(self, number: int) -> Key:
        name = f"application-{number:03}"
        self.outside.cluster.add(manifest(name, uid=name, repository={"project": f"cpam-bas-rhin/{name}"}))
        return Key("cpam-bas-rhin", name)

    def _gitlab(self) -> Any:
        real = GitlabForge(SETTINGS.forge_url, "jeton", budget=self.budget, clock=self.seconds)
        real.calls.gitlab.session.mount("https://", self.forge)
        well, fleet = self.outside.forge, self

        class Either:
            """The real client while the forge is down; in memory, and counted all the same, while it is up."""

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name) if fleet.down else fleet.counted(getattr(well, name))

        return Either()

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def asked(project: Any, *rest: Any) -> Any:
            with self.budget.asking(str(project), requests=1):
                self.forge.sent.append(self.seconds())
                return call(project, *rest)

        return asked

    def _source(self, folder: Path) -> GitSource:
        source = GitSource(SETTINGS.forge_url, folder, budget=self.budget)

        def git(arguments: list[str], **_: Any) -> bytes:
            self.forge.sent.append(self.seconds())
            if self.down:
                raise errors.ForgeUnavailableError("lecture des branches : Connection refused")
            return f"{ONE}\trefs/heads/main\n".encode()

        source._git = git  # type: ignore[method-assign,assignment]
        return source

    def runs(self, seconds: float) -> None:
        """Passes and polls as they come due, for so long."""
        until, poll = self.outside.time + timedelta(seconds=seconds), self.outside.time
        queue = self.dispatcher.queue
        while self.outside.time < until:
            if self.outside.time >= poll:
                poll = self.outside.time + timedelta(seconds=60)
                self._poll()
            wait_s = queue.until_next_s
            if wait_s is not None and wait_s <= 0:
                key = queue.take()
                assert key is not None
                self.dispatcher.one_pass(key)
                self.passes += 1
                continue
            nearest = min(until, poll, self._due(wait_s))
            self.outside.time = max(nearest, self.outside.time + timedelta(milliseconds=1))

    def _due(self, wait_s: float | None) -> datetime:
        return self.outside.time + timedelta(seconds=3600 if wait_s is None else wait_s)

    def _poll(self) -> None:
        with contextlib.suppress(errors.AmcloudError):
            self.dispatcher.poll_once()

    def reasons(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for key in self.keys:
            conditions = self.outside.cluster.status(key.name).get("conditions") or [{"reason": "none"}]
            found[conditions[0]["reason"]] = found.get(conditions[0]["reason"], 0) + 1
        return found


@pytest.mark.parametrize(("fails", "most"), [("refused", 60), ("error", 60), ("limited", 25)])
def test_two_hundred_applications_ask_a_forge_that_is_down_a_few_times_and_recover_by_themselves(
    tmp_path: Path, fails: str, most: int
) -> None:
    fleet = Fleet(tmp_path)
    fleet.outside.conformance.results[ONE] = (result(),)
    fleet.dispatcher.ask_all()
    fleet.runs(200)
    assert fleet.reasons() == {"NotConformant": APPS}
    written = len([effect for effect in fleet.outside.effects if effect[0] == "localapp"])

    fleet.down, fleet.forge.fails = True, fails
    before, passes = len(fleet.forge.sent), fleet.passes
    fleet.dispatcher.ask_all()  # the resync of the fleet falls into the outage
    fleet.runs(OUTAGE_S)
    assert fleet.passes - passes > APPS, "every application had its passes"
    assert 0 < len(fleet.forge.sent) - before <= most
    again = len([effect for effect in fleet.outside.effects if effect[0] == "localapp"]) - written
    assert again <= 2 * APPS, "an outage is written once, or twice, on each LocalApp"
    assert "ForgeUnavailable" in fleet.reasons()

    fleet.down = False
    began, sent = fleet.seconds(), len(fleet.forge.sent)
    fleet.runs(700)
    assert fleet.reasons() == {"NotConformant": APPS}
    after = [at - began for at in fleet.forge.sent[sent:]]
    assert max(sum(start <= at < start + 60 for at in after) for start in range(0, 700, 30)) <= PACE * 1.25
