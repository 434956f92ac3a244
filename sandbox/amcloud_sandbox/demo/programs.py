"""kubectl and git as the people of the story use them: real programs, bounded in time, errors as their own words."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amcloud_sandbox.errors import SandboxError

TIMEOUT_S = 120


def run(
    argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> str:
    """Standard output of a program that ended well.

    Raises:
        SandboxError: it ended badly, is absent, or took more than ``TIMEOUT_S``; with its last error lines.
    """
    try:
        done = subprocess.run(
            list(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"« {' '.join(argv[:4])} »", str(error)) from error
    if done.returncode:
        raise SandboxError(f"« {' '.join(argv[:6])} »", "\n".join((done.stderr or done.stdout).splitlines()[-12:]))
    return done.stdout


def run_any(argv: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of a program whose code is an answer, like ``amcloud check``."""
    done = subprocess.run(list(argv), capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    return done.returncode, done.stdout + done.stderr


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl on one cluster. ``context`` is ``None`` for the kubeconfig's current one."""

    program: str
    kubeconfig: Path | None
    context: str | None = None

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Output of ``kubectl <arguments>``."""
        options = [f"--context={self.context}"] if self.context else []
        env = {"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {}
        return run([self.program, *options, *arguments], env=env, stdin=stdin)

    def json(self, *arguments: str) -> Any:
        """The answer of ``kubectl <arguments> -o json``."""
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """``kubectl apply`` of these objects; the server validates them (an old kubectl does not know CEL)."""
        listing = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self("apply", "--validate=false", "-f", "-", stdin=json.dumps(listing))

    def find(self, *arguments: str) -> Any | None:
        """Like :meth:`json`, or ``None`` when the object does not exist."""
        try:
            return self.json(*arguments)
        except SandboxError as error:
            if "NotFound" in error.hint or "not found" in error.hint:
                return None
            raise


@dataclass(frozen=True, slots=True)
class WorkTree:
    """A developer's clone. The token never enters a URL, an argument or the clone's configuration."""

    path: Path
    token: str = field(repr=False)

    def git(self, *arguments: str) -> str:
        """Output of git in the work tree, with the developer's credential for the forge."""
        return run(["git", *arguments], cwd=self.path, env=_git_environment(self.token))

    def push(self, url: str, branch: str = "main") -> str:
        """Push the current commit; its full name."""
        self.git("push", "--quiet", url, f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD").strip()


def _git_environment(token: str) -> dict[str, str]:
    import base64

    credential = base64.b64encode(f"oauth2:{token}".encode()).decode()
    return {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {credential}",
    }
