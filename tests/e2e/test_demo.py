"""`make demo` as people run it: what it promises is observed, it is never silent for long, and one can play on."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from amcloud_sandbox import access
from amcloud_sandbox.layout import FORGE_URL, REGISTRY_NAME, Layout

ROOT = Path(__file__).parents[2]
LONGEST_SILENCE_S = 15
LAST_LINES = 40
TIMEOUT_S = 1500


@dataclass(frozen=True)
class Run:
    """What a command printed and how it ended."""

    code: int
    text: str = field(repr=False)
    longest_silence_s: float

    @property
    def end(self) -> str:
        """The last lines, which say why it failed: the whole of it is too long for a failed test's output."""
        return "\n".join(self.text.splitlines()[-LAST_LINES:])


def make(*arguments: str, environment: Mapping[str, str] | None = None) -> Run:
    """``make <arguments>`` in the checkout, with the times of its lines watched."""
    command = ["make", "--no-print-directory", *arguments]
    began = said = time.monotonic()
    silence, chunks = 0.0, []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            assert time.monotonic() - began < TIMEOUT_S, b"".join(chunks).decode()
            if not selector.select(timeout=1):
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            silence, said = max(silence, time.monotonic() - said), time.monotonic()
            if not chunk:
                break
            chunks.append(chunk)
    return Run(process.returncode, b"".join(chunks).decode(), silence)


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


def test_a_cluster_of_the_user_without_registry_and_forge_is_said_in_one_message(shell: dict[str, str]) -> None:
    run = make("demo", "CONTEXT=amcloud", environment=shell)
    assert run.code != 0
    assert "REGISTRY=" in run.text
    assert "FORGE=" in run.text


def test_a_second_run_on_a_cluster_of_the_user_does_the_same_job(demo: Run, shell: dict[str, str]) -> None:
    context = subprocess.run(
        ["kubectl", "config", "current-context"], env=shell, capture_output=True, text=True, check=True
    ).stdout.strip()
    token = (Layout().credentials / "forge-root-token").read_text(encoding="utf-8").strip()
    options = (f"CONTEXT={context}", f"REGISTRY={REGISTRY_NAME}", f"FORGE={FORGE_URL}")
    run = make("demo", *options, environment={**shell, "FORGE_TOKEN": token})
    assert run.code == 0, run.end
