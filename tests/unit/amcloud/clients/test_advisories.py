"""The advisory database on a clock: read again, never erased by a bad reading, and told when it cannot be read."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from amcloud.clients.advisories import AGAIN_S, AdvisoryMirror


def content(dated: str = "2026-03-01") -> str:
    entry = {"advisoryId": "A-1", "packageName": "a/b", "affectedVersions": "<1.2", "title": "Exemple"}
    return json.dumps({"dated": dated, "advisories": {"a/b": [entry]}})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def mirror(source: Path | str, clock: Clock | None = None) -> AdvisoryMirror:
    return AdvisoryMirror(str(source), every_s=3600, clock=clock or Clock())


def test_without_a_source_the_platform_has_no_database() -> None:
    assert mirror("").current() is None


def test_a_database_is_read_once_until_its_time_comes(tmp_path: Path) -> None:
    file, clock = tmp_path / "avis.json", Clock()
    file.write_text(content(), encoding="utf-8")
    found = mirror(file, clock)
    first = found.current()
    assert first is not None and (first.size, str(first.dated)) == (1, "2026-03-01")
    file.write_text(content("2026-03-02"), encoding="utf-8")
    assert found.current() is first
    clock.now = 3601
    second = found.current()
    assert second is not None and str(second.dated) == "2026-03-02"
    assert second.digest != first.digest


def test_a_database_that_was_cut_in_half_does_not_erase_the_last_good_one(tmp_path: Path) -> None:
    file, clock = tmp_path / "avis.json", Clock()
    file.write_text(content(), encoding="utf-8")
    found = mirror(file, clock)
    first = found.current()
    file.write_text(content()[:40], encoding="utf-8")
    clock.now = 3601
    assert found.current() is first
    file.write_text(content("2026-03-03"), encoding="utf-8")
    clock.now += AGAIN_S + 1
    assert str(found.current().dated) == "2026-03-03"  # type: ignore[union-attr]


def test_one_that_was_never_read_says_why_and_is_tried_again_soon(tmp_path: Path) -> None:
    file, clock = tmp_path / "avis.json", Clock()
    found = mirror(file, clock)
    missing = found.current()
    assert missing is not None and "n'existe pas" in missing.problem
    file.write_text(content(), encoding="utf-8")
    clock.now = AGAIN_S + 1
    assert found.current().problem == ""  # type: ignore[union-attr]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing on the test's output."""

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


def test_an_address_is_read_like_a_file_and_its_silence_is_told(server: str, tmp_path: Path) -> None:
    (tmp_path / "avis.json").write_text(content(), encoding="utf-8")
    found = mirror(f"{server}/avis.json").current()
    assert found is not None and (found.size, found.source) == (1, f"{server}/avis.json")
    missing = mirror(f"{server}/absent.json").current()
    assert missing is not None and "son adresse" in missing.problem
