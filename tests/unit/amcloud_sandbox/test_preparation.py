"""Long preparations go side by side, each line says whose it is, and a failure is the caller's."""

from __future__ import annotations

import threading

import pytest

from amcloud_sandbox import preparation
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout


def test_tasks_go_side_by_side_and_their_lines_are_named() -> None:
    met = threading.Barrier(2, timeout=5)  # breaks unless both tasks run at the same time
    said: list[str] = []

    def task(_layout: Layout, say: preparation.Say) -> None:
        met.wait()
        say("rencontre")

    preparation.run({"a": task, "b": task}, layout=Layout(), say=said.append)
    assert {"a : rencontre", "b : rencontre"} <= set(said)


def test_a_failure_is_raised_after_the_others_have_ended() -> None:
    ended, both = threading.Event(), threading.Barrier(2, timeout=5)

    def fails(_layout: Layout, _say: preparation.Say) -> None:
        both.wait()
        raise SandboxError("téléchargement", "rien ne répond")

    def goes_on(_layout: Layout, _say: preparation.Say) -> None:
        both.wait()
        threading.Event().wait(0.2)
        ended.set()

    with pytest.raises(SandboxError, match="rien ne répond"):
        preparation.run({"a": fails, "b": goes_on}, layout=Layout(), say=lambda _text: None)
    assert ended.is_set()
