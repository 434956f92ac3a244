"""The forge (GitLab's stand-in) and its runner, which runs pipelines as an account of its own."""

from __future__ import annotations

import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import requests

from amcloud_sandbox import processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.forge import provision
from amcloud_sandbox.layout import FORGE_PORT, FORGE_URL, HOST_IP, REGISTRY_NAME, REGISTRY_URL, Layout

SERVER, RUNNER = "forge", "forge-runner"
ACCOUNT = "amcloud-runner"
SUB_IDS_FROM, SUB_IDS = 1_700_000, 65_536
CI_LOCAL = "gitlab-ci-local@4.61.0"  # newer ones want Node 22; Debian 12 has 18
ROOT_TOKEN, RUNNER_TOKEN = "forge-root-token", "forge-runner-token"
START_TIMEOUT_S, NPM_TIMEOUT_S, PROBE_TIMEOUT_S = 30, 300, 2
Say = Callable[[str], None]


NODE_PACKAGES = ("nodejs", "npm")


class ForgePart:
    """The server, then the people and variables in it, then the runner."""

    name = "forge"
    title = "forge et exécuteur de pipelines"
    # A machine may have Node.js from elsewhere, whose package brings npm and conflicts with Debian's.
    debian_packages = (
        "buildah",
        "git",
        "php-codesniffer",  # what pipelines measure the code with
        "php-pcov",
        "rsync",
        "uidmap",
        "util-linux",
        *(() if shutil.which("npm") else NODE_PACKAGES),
    )

    def up(self, layout: Layout, say: Say) -> None:
        """The forge answers, its credential files are valid, and its runner waits for pipelines."""
        tools = ensure_ci_local(layout, say)
        for credential in (ROOT_TOKEN, RUNNER_TOKEN):
            if not (layout.credentials / credential).exists():
                provision.write_secret(layout.credentials / credential, f"glpat-{secrets.token_urlsafe(24)}")
        self._start_server(layout, say)
        root = _token(layout, ROOT_TOKEN)
        provision.ensure_people(layout, url=FORGE_URL, token=root)
        provision.ensure_variables(provision.instance_variables(layout), url=FORGE_URL, token=root)
        ensure_account(_state(layout) / "home")
        self._start_runner(layout, tools)

    def _start_server(self, layout: Layout, say: Say) -> None:
        listen = [word for host in (HOST_IP, "127.0.0.1") for word in ("--listen", f"{host}:{FORGE_PORT}")]
        files = (
            "--root-token-file", str(layout.credentials / ROOT_TOKEN),
            "--runner-token-file", str(layout.credentials / RUNNER_TOKEN),
        )  # fmt: skip
        data = ("--data", str(_state(layout) / "server"), "--url", FORGE_URL)
        processes.start(SERVER, [sys.executable, "-m", "amcloud_sandbox.forge", *data, *listen, *files], layout=layout)
        processes.wait_until(
            _answers, doing="démarrage de la forge", timeout_s=START_TIMEOUT_S, say=say, alive=(SERVER,), layout=layout
        )

    def _start_runner(self, layout: Layout, tools: Path) -> None:
        argv = [
            sys.executable, "-m", "amcloud_sandbox.runner", "--forge", FORGE_URL,
            "--token-file", str(layout.credentials / RUNNER_TOKEN), "--account", ACCOUNT,
            "--state", str(_state(layout) / "runner"), "--tools", str(tools),
            "--registry", REGISTRY_NAME, "--registry-api", REGISTRY_URL,
        ]  # fmt: skip
        processes.start(RUNNER, argv, layout=layout)

    def down(self, layout: Layout) -> None:
        """No process, repository, job or account of the forge is left; what npm installed stays in the cache."""
        processes.stop(RUNNER, layout=layout)
        processes.stop(SERVER, layout=layout)
        shutil.rmtree(_state(layout), ignore_errors=True)
        for credential in (ROOT_TOKEN, RUNNER_TOKEN, *provision.PEOPLE.values()):
            (layout.credentials / credential).unlink(missing_ok=True)
        remove_account()

    def healthy(self, layout: Layout) -> bool:
        """Whether the server answers and the runner runs."""
        return _answers() and processes.running(RUNNER, layout=layout)


def _state(layout: Layout) -> Path:
    return layout.state / "forge"


def _token(layout: Layout, name: str) -> str:
    return (layout.credentials / name).read_text(encoding="utf-8").strip()


def _answers() -> bool:
    try:
        return requests.get(f"{FORGE_URL}/-/health", timeout=PROBE_TIMEOUT_S).ok
    except requests.RequestException:
        return False


def ensure_ci_local(layout: Layout, say: Say) -> Path:
    """Folder in the cache where gitlab-ci-local is installed, by npm when it was absent.

    Raises:
        SandboxError: npm failed.
    """
    folder = layout.cache / CI_LOCAL.replace("@", "-")
    if (folder / "node_modules" / ".bin" / "gitlab-ci-local").exists():
        return folder
    say(f"installation de {CI_LOCAL} (npm)")
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    argv = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(part), CI_LOCAL]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=NPM_TIMEOUT_S, check=False, cwd=part)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"installation de {CI_LOCAL}", str(error)) from error
    if done.returncode:
        raise SandboxError(f"installation de {CI_LOCAL}", done.stderr.strip()[-2000:])
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


def ensure_account(home: Path) -> None:
    """The account of the jobs exists, without password or shell, with subordinate ids for buildah's user namespace.

    Raises:
        SandboxError: the account could not be made.
    """
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        home.parent.mkdir(parents=True, exist_ok=True)
        _system(
            "useradd", "--system", "--home-dir", str(home), "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT
        )
    span = f"{SUB_IDS_FROM}-{SUB_IDS_FROM + SUB_IDS - 1}"
    for file, option in (("/etc/subuid", "--add-subuids"), ("/etc/subgid", "--add-subgids")):
        path = Path(file)
        if not path.exists() or f"{ACCOUNT}:" not in path.read_text(encoding="utf-8"):
            _system("usermod", option, span, ACCOUNT)


def remove_account() -> None:
    """The account of the jobs and its subordinate ids are gone."""
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        return
    _system("userdel", ACCOUNT)


def _system(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise SandboxError(f"compte {ACCOUNT}", f"{argv[0]} : {done.stderr.strip()}")


PART = ForgePart()
