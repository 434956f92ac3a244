"""What the pages tell their readers to type works against the running sandbox, and prints what they show."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from documents import ROOT, RUN_BY_TESTS, Block, Run, blocks, differences

from psram import packs

TIMEOUT_S = 300
SAMPLES = {"suivi-courriers", "annuaire-local", "tableau-perso"}
MARK = "-- fin du bloc --"


@pytest.fixture(scope="module")
def shell(sandbox_env: dict[str, str]) -> dict[str, str]:
    """A reader's shell, with the sample applications of `make demo` hosted by today's norms."""
    if not _as_the_demonstration_leaves_it(sandbox_env):
        made = subprocess.run(["make", "demo"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=1500)
        assert made.returncode == 0, made.stdout + made.stderr
    return sandbox_env


@pytest.mark.parametrize("page", RUN_BY_TESTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work_and_print_what_it_shows(page: Path, shell: dict[str, str], tmp_path: Path) -> None:
    wanted = [block for block in blocks(page) if block.run is Run.HERE]
    for block, printed in zip(wanted, _run(wanted, shell, tmp_path / "page.sh"), strict=True):
        assert not differences(block.output, printed), f"{page.name}:{block.line}\n{printed}"


def _run(wanted: list[Block], shell: Mapping[str, str], script: Path) -> list[str]:
    """What each block printed, all of them in one shell that ends at the first failure."""
    script.write_text("".join(f"{block.text}\nprintf '%s\\n' '{MARK}'\n" for block in wanted), encoding="utf-8")
    with subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail", str(script)],
        cwd=ROOT,
        env=dict(shell),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
    parts = printed.split(f"{MARK}\n")
    reached = min(len(parts) - 1, len(wanted) - 1)
    assert process.returncode == 0, f"{wanted[reached].page.name}:{wanted[reached].line}\n{parts[-1]}"
    return parts[:-1]


def _as_the_demonstration_leaves_it(shell: Mapping[str, str]) -> bool:
    """Whether the samples are declared, judged by the norms of this checkout, and the corrected one serves."""
    listed = _kubectl(shell, "get", "lapp,norm", "-A")
    kinds = {(one["kind"], one["metadata"]["name"]) for one in listed}
    sealed = {one["spec"]["digest"] for one in listed if one["kind"] == "NormPack"}
    if not {("LocalApp", name) for name in SAMPLES} <= kinds or sealed != {packs.load().digest}:
        return False
    wait = ["kubectl", "wait", "--for=condition=Ready", "lapp/annuaire-local", "-n", "cpam-haut-rhin", "--timeout=60s"]
    return subprocess.run(wait, env=dict(shell), capture_output=True, check=False).returncode == 0


def _kubectl(shell: Mapping[str, str], *arguments: str) -> list[dict[str, dict[str, str]]]:
    command = ["kubectl", *arguments, "-o", "json"]
    done = subprocess.run(command, env=dict(shell), capture_output=True, text=True, check=False, timeout=60)
    items: list[dict[str, dict[str, str]]] = json.loads(done.stdout)["items"] if done.returncode == 0 else []
    return items
