"""`make demo` as people run it: what it promises is observed, it is never silent for long, and one can play on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from amcloud_sandbox import access
from amcloud_sandbox.layout import Layout

from .watched import ROOT, Run, make

LONGEST_SILENCE_S = 15


@pytest.fixture(scope="module")
def demo() -> Run:
    """One run of `make demo`; what it started stays up for the other tests."""
    return make("demo")


@pytest.fixture(scope="module")
def shell(demo: Run) -> Iterator[dict[str, str]]:
    """Environment of a shell after `eval "$(amcloud sandbox env)"`."""
    yield {**os.environ, **access.variables(None, layout=Layout(), path=os.environ["PATH"])}


def test_everything_that_is_promised_is_observed(demo: Run) -> None:
    assert demo.code == 0, demo.end


def test_it_is_never_silent_for_long(demo: Run) -> None:
    assert demo.longest_silence_s < LONGEST_SILENCE_S, demo.text


@pytest.mark.parametrize(
    "promise",
    [
        pytest.param("cinq violations de familles différentes", id="five violations"),
        pytest.param("dont une fuite entre organismes", id="a leak among them"),
        pytest.param("tableau-perso n'a aucune violation", id="no violation"),
        pytest.param("une seule base pour tous les organismes", id="one database"),
        pytest.param("rien n'a redémarré", id="an organisation without a restart"),
        pytest.param("les deux rapports sont identiques à l'octet", id="the report again"),
        pytest.param("annuaire-local répond", id="the correction is hosted"),
        pytest.param("aucune en échec", id="no failed request"),
    ],
)
def test_each_voice_is_heard(demo: Run, promise: str) -> None:
    assert promise in demo.text, demo.text


def test_a_new_application_is_hosted_at_its_first_push(demo: Run, shell: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "mon-application"
    amcloud = str(ROOT / ".venv" / "bin" / "amcloud")
    new = subprocess.run([amcloud, "new", "mon-application", str(folder)], capture_output=True, text=True, check=False)
    assert new.returncode == 0, new.stdout + new.stderr
    hosted = make("demo", f"APP={folder}")
    assert hosted.code == 0, hosted.end
    command = ["kubectl", "get", "lapp", "-A", "-o", "jsonpath={.items[*].metadata.name}"]
    listed = subprocess.run(command, env=shell, capture_output=True, text=True, check=True).stdout
    assert "mon-application" in listed.split()
    wait = ["kubectl", "wait", "--for=condition=Ready", "lapp/mon-application", "-n", "cpam-bas-rhin", "--timeout=60s"]
    ready = subprocess.run(wait, env=shell, capture_output=True, text=True, check=False)
    assert ready.returncode == 0, ready.stderr + hosted.text
