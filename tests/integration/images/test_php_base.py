"""The base image of hosted applications, run as a pod runs it: no root, read-only but for /tmp, no capability.

The image is made when the cache lacks it (25 s), then found there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from amcloud_sandbox import images, processes
from amcloud_sandbox.images import Target, definition
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.testing.services import RegistryServer, registry

__all__ = ["registry"]

INDEX = """<?php
if (isset($_GET['slow'])) { sleep(2); }
error_log('said by the application');
header('Content-Type: application/json');
echo json_encode([
    'uri' => $_SERVER['REQUEST_URI'], 'host' => $_SERVER['HTTP_HOST'], 'env' => getenv('APP_ENV'),
    'writable' => [@file_put_contents('/app/x', 'x') !== false, @file_put_contents('/tmp/x', 'x') !== false],
    'missing' => array_values(array_filter(
        ['pdo_pgsql', 'pgsql', 'xml', 'mbstring', 'intl', 'zip', 'curl', 'Zend OPcache', 'openssl'],
        fn (string $name): bool => !extension_loaded($name),
    )),
]);
"""
# Asked from inside the container's network, which nothing else shares; no program of the image is needed for it.
ASK = """
import sys, urllib.request, urllib.error
request = urllib.request.Request("http://127.0.0.1:8080" + sys.argv[1], headers={"Host": "a.exemple.localhost"})
try:
    answer = urllib.request.urlopen(request, timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode(), end="")
"""


@pytest.fixture(scope="module")
def bundle(registry: RegistryServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that runc takes: the image's files, a small application in /app, and how to run it."""
    layout = Layout(state=tmp_path_factory.mktemp("state"))
    digest = images.php_base(layout, print, Target(registry.name, registry.name)).rpartition("@")[2]
    found = [
        path for path in (layout.cache / "images").glob("php-base-*") if digest in (path / "index.json").read_text()
    ]
    folder = tmp_path_factory.mktemp("bundle")
    rootfs = folder / "rootfs"
    rootfs.mkdir()
    blobs = found[0] / "blobs" / "sha256"
    manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_bytes())
    for layer in manifest["layers"]:
        blob = blobs / layer["digest"].removeprefix("sha256:")
        subprocess.run(("tar", "-xzf", str(blob), "-C", str(rootfs)), check=True)
    for name, text in {
        "index.php": INDEX,
        ".env": "APP_SECRET=1",
        "a.css": "body{}",
        "other.php": "<?php echo 1;",
    }.items():
        (rootfs / "app" / "public" / name).write_text(text)
    config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_bytes())["config"]
    _write_spec(folder, config)
    return folder


def _write_spec(folder: Path, config: dict[str, object]) -> None:
    subprocess.run(("runc", "spec"), cwd=folder, check=True)
    spec = json.loads((folder / "config.json").read_text())
    user, _, group = str(config["User"]).partition(":")
    assert isinstance(config["Env"], list)
    spec["process"] |= {
        "terminal": False,
        "args": config["Entrypoint"],
        "cwd": config["WorkingDir"],
        "user": {"uid": int(user), "gid": int(group)},
        "env": [*config["Env"], "APP_ENV=prod"],
        "capabilities": {kind: [] for kind in spec["process"]["capabilities"]},
        "noNewPrivileges": True,
    }
    spec["root"] = {"path": "rootfs", "readonly": True}
    spec["mounts"].append(
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]}
    )
    (folder / "config.json").write_text(json.dumps(spec))


@dataclass(frozen=True)
class Container:
    pid: int
    log: Path

    def ask(self, path: str) -> tuple[int, str]:
        argv = ("nsenter", "--net", "--target", str(self.pid), sys.executable, "-c", ASK, path)
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
        status, _, body = done.stdout.partition(" ")
        return int(status), body

    def gone_within_s(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while processes.start_ticks(self.pid) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        return processes.start_ticks(self.pid) is None


@pytest.fixture
def container(bundle: Path, tmp_path: Path) -> Iterator[Container]:
    name = f"amcloud-test-{os.getpid()}-{time.monotonic_ns()}"
    log, pid_file = tmp_path / "log", tmp_path / "pid"
    with log.open("wb") as sink:
        argv = ("runc", "run", "--detach", "--pid-file", str(pid_file), "--bundle", str(bundle), name)
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=True, timeout=30)
    try:
        pid = int(pid_file.read_text())
        subprocess.run(("nsenter", "--net", "--target", str(pid), "ip", "link", "set", "lo", "up"), check=True)
        found = Container(pid, log)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                found.ask("/sante")
                break
            except subprocess.CalledProcessError:
                time.sleep(0.1)
        yield found
    finally:
        subprocess.run(("runc", "delete", "--force", name), check=True, timeout=30)


def test_the_front_controller_has_the_environment_and_the_extensions_of_the_contract(
    container: Container,
) -> None:
    status, body = container.ask("/courriers/7?page=2")
    assert (status, json.loads(body)) == (
        200,
        {
            "uri": "/courriers/7?page=2",
            "host": "a.exemple.localhost",
            "env": "prod",
            "writable": [False, True],
            "missing": [],
        },
    )


def test_files_of_public_are_served_but_no_hidden_one_and_no_php_source(container: Container) -> None:
    assert container.ask("/a.css") == (200, "body{}")
    assert container.ask("/.env")[0] == 404
    assert json.loads(container.ask("/other.php")[1])["uri"] == "/other.php"


def test_what_the_application_says_and_each_request_are_in_the_container_s_log(container: Container) -> None:
    container.ask("/journal?secret=oui")
    time.sleep(0.3)
    log = container.log.read_text()
    assert "said by the application" in log
    requests = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [(line["path"], line["status"]) for line in requests if line["path"] == "/journal"] == [("/journal", 200)]
    assert "secret" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_stop_ends_the_running_request_well_and_then_the_container(container: Container, number: int) -> None:
    answers: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: answers.append(container.ask("/?slow=1")))
    thread.start()
    time.sleep(0.7)
    os.kill(container.pid, number)
    thread.join(20)
    assert [status for status, _ in answers] == [200]
    assert container.gone_within_s(10)


def test_the_image_says_who_runs_it_and_where_it_listens(bundle: Path) -> None:
    spec = json.loads((bundle / "config.json").read_text())
    assert spec["process"]["user"] == {"uid": 10001, "gid": 10001}
    assert definition.load("php-base").port == 8080


def test_arguments_are_run_instead_of_the_server(bundle: Path, tmp_path: Path) -> None:
    spec = json.loads((bundle / "config.json").read_text())
    spec["process"]["args"] += ["public/command.php"]
    (bundle / "rootfs" / "app" / "public" / "command.php").write_text("<?php echo getcwd(), PHP_EOL; exit(3);")
    other = tmp_path / "bundle"
    other.mkdir()
    spec["root"]["path"] = str(bundle / "rootfs")
    (other / "config.json").write_text(json.dumps(spec))
    argv = ("runc", "run", "--bundle", str(other), f"amcloud-test-command-{os.getpid()}")
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (3, "/app\n")


def test_extensions_are_those_that_the_application_declares(bundle: Path) -> None:
    rootfs = bundle / "rootfs"

    def declare(*names: str) -> subprocess.CompletedProcess[str]:
        manifest = {"name": "cpam/essai", "require": dict.fromkeys(names, "*")}
        (rootfs / "app" / "composer.json").write_text(json.dumps(manifest))
        argv = ("chroot", str(rootfs), "/usr/lib/amcloud/extensions", "/app")
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)

    def loaded() -> set[str]:
        done = subprocess.run(
            ("chroot", str(rootfs), "php", "-m"), capture_output=True, text=True, check=True, timeout=30
        )
        return set(done.stdout.lower().split())

    assert {"bcmath", "soap"}.isdisjoint(loaded())
    done = declare("php", "ext-pdo_pgsql", "ext-bcmath", "ext-Zend-OPcache")
    assert (done.returncode, done.stdout) == (0, "ext-bcmath activée\n"), done.stderr
    assert "bcmath" in loaded() and "soap" not in loaded()
    refused = declare("ext-imaginaire")
    assert refused.returncode == 1
    assert "ext-imaginaire (demandée par cpam/essai)" in refused.stderr and "soap" in refused.stderr
