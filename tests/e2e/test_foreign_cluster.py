"""`make demo CONTEXT=`: the same job on a cluster that the user has; here the sandbox's own, as a foreign one."""

from __future__ import annotations

import subprocess

from amcloud_sandbox.layout import FORGE_URL, REGISTRY_NAME, Layout

from .watched import make


def test_a_cluster_without_registry_and_forge_is_said_in_one_message(sandbox_env: dict[str, str]) -> None:
    run = make("demo", "CONTEXT=amcloud", environment=sandbox_env)
    assert run.code != 0
    assert "REGISTRY=" in run.text
    assert "FORGE=" in run.text


def test_a_run_on_a_cluster_of_the_user_does_the_same_job(sandbox_env: dict[str, str]) -> None:
    context = subprocess.run(
        ["kubectl", "config", "current-context"], env=sandbox_env, capture_output=True, text=True, check=True
    ).stdout.strip()
    token = (Layout().credentials / "forge-root-token").read_text(encoding="utf-8").strip()
    options = (f"CONTEXT={context}", f"REGISTRY={REGISTRY_NAME}", f"FORGE={FORGE_URL}")
    run = make("demo", *options, environment={**sandbox_env, "FORGE_TOKEN": token})
    assert run.code == 0, run.end
