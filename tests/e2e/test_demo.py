"""`make demo` as people run it: what it promises is observed, it is never silent for long, and one can play on."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from amcloud_sandbox import access
from amcloud_sandbox.layout import FORGE_URL, REGISTRY_NAME, Layout

ROOT = Path(__file__).parents[2]
LONGEST_SILENCE_S = 15
TIMEOUT_S = 1500


@dataclass(frozen=True)
class Run:
    """What a command printed and how it ended."""

    code: int
    text: str
    longest_silence_s: float


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
    assert demo.code == 0, demo.text


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


CRASH = """#!/bin/bash
# Commands run as usual (the migration), serving fails at once.
if [ "$#" -gt 0 ]; then exec php "$@"; fi
echo "panne exemple, assuré 2690549588157, mot de passe : zouave" >&2
exit 3
"""


def test_a_new_application_is_hosted_at_its_first_push_and_survives_an_image_that_crashes(
    demo: Run, shell: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "mon-application"
    amcloud = str(ROOT / ".venv" / "bin" / "amcloud")
    new = subprocess.run([amcloud, "new", "mon-application", str(folder)], capture_output=True, text=True, check=False)
    assert new.returncode == 0, new.stdout + new.stderr
    hosted = make("demo", f"APP={folder}")
    assert hosted.code == 0, hosted.text
    command = ["kubectl", "get", "lapp", "-A", "-o", "jsonpath={.items[*].metadata.name}"]
    listed = subprocess.run(command, env=shell, capture_output=True, text=True, check=True).stdout
    assert "mon-application" in listed.split()
    wait = ["kubectl", "wait", "--for=condition=Ready", "lapp/mon-application", "-n", "cpam-bas-rhin", "--timeout=60s"]
    ready = subprocess.run(wait, env=shell, capture_output=True, text=True, check=False)
    assert ready.returncode == 0, ready.stderr + hosted.text

    serving = _local_app(shell)["stages"][0]["deployedCommit"]
    with (folder / "Dockerfile").open("a", encoding="utf-8") as dockerfile:
        dockerfile.write('COPY demarrage /app/demarrage\nENTRYPOINT ["/bin/bash", "/app/demarrage"]\n')
    (folder / "demarrage").write_text(CRASH, encoding="utf-8")
    crashed = make("demo", f"APP={folder}")
    status = _local_app(shell)
    (stage,) = status["stages"]
    conditions = {condition["type"]: condition for condition in stage["conditions"]}
    assert conditions["Ready"]["reason"] == "CrashLooping", crashed.text
    assert "panne exemple, assuré [donnée personnelle], mot de passe : ***" in conditions["Ready"]["message"]
    assert conditions["Available"]["status"] == "True", "the revision before goes on serving"
    assert stage["lastAttemptedCommit"] != serving
    pods = ["kubectl", "get", "pods", "-n", "mon-application-acceptance", "-o", "json"]
    found = json.loads(subprocess.run(pods, env=shell, capture_output=True, text=True, check=True).stdout)["items"]
    assert any(all(one["ready"] for one in pod["status"].get("containerStatuses", [{"ready": False}])) for pod in found)


def _local_app(shell: dict[str, str]) -> Any:
    command = ["kubectl", "get", "lapp", "mon-application", "-n", "cpam-bas-rhin", "-o", "json"]
    found = subprocess.run(command, env=shell, capture_output=True, text=True, check=True).stdout
    return json.loads(found)["status"]


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
    assert run.code == 0, run.text
