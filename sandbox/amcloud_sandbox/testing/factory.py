"""The product's pipelines on real tools, for tests: the forge, its runner, a registry, and a small PHP application."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pwd
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from amcloud_sandbox.forge import provision
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.parts import forge as part
from amcloud_sandbox.testing.forge import RunningForge, running_forge
from amcloud_sandbox.testing.services import PostgresServer, RegistryServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
BASE = "amcloud/php-base"
TIMEOUT_S = 120.0
OVER = {"success", "failed", "canceled", "skipped"}

DPKG_STATUS = """Package: php8.2-cli
Status: install ok installed
Architecture: amd64
Version: 8.2.29-1~deb12u1
Description: command-line interpreter

Package: parti
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2025b-0+deb12u1
"""
APPLICATION = {
    ".gitlab-ci.yml": "include:\n  - {project: amcloud/pipelines, ref: v1, file: application.gitlab-ci.yml}\n",
    "Dockerfile": (
        "ARG BASE_IMAGE=localhost:5000/amcloud/php-base:8.2\nFROM ${BASE_IMAGE}\n"
        'COPY src /app/src\nCOPY vendor /app/vendor\nRUN ["/bin/ldconfig", "--version"]\nUSER 10001\n'
    ),
    "composer.json": json.dumps(
        {
            "name": "cpam-bas-rhin/essai",
            "description": "Application d'essai",
            "license": "EUPL-1.2",
            "require": {"php": "~8.2.0", "exemple/salutation": "1.2.0"},
            "autoload": {"psr-4": {"App\\": "src/"}},
            "repositories": [
                {"type": "path", "url": "lib/salutation", "options": {"symlink": False}},
                {"packagist.org": False},
            ],
            "config": {"platform": {"php": "8.2.0"}},
        },
        indent=4,
    ),
    "lib/salutation/composer.json": json.dumps(
        {
            "name": "exemple/salutation",
            "version": "1.2.0",
            "license": ["MIT"],
            "autoload": {"psr-4": {"Exemple\\": "."}},
        }
    ),
    "lib/salutation/Salutation.php": "<?php\ndeclare(strict_types=1);\nnamespace Exemple;\n"
    'final class Salutation { public static function a(string $nom): string { return "Bonjour $nom"; } }\n',
    "src/Accueil.php": "<?php\n\ndeclare(strict_types=1);\n\nnamespace App;\n\nuse Exemple\\Salutation;\n\n"
    "final class Accueil\n{\n    public function texte(): string\n    {\n"
    "        return Salutation::a('la forge');\n    }\n}\n",
    "phpunit.xml.dist": '<?xml version="1.0"?>\n<phpunit bootstrap="vendor/autoload.php"><testsuites>'
    '<testsuite name="tests"><directory>tests</directory></testsuite></testsuites></phpunit>\n',
    "tests/AccueilTest.php": """<?php
declare(strict_types=1);
use App\\Accueil;
use PHPUnit\\Framework\\TestCase;
final class AccueilTest extends TestCase
{
    public function testLaSalutation(): void
    {
        self::assertSame('Bonjour la forge', (new Accueil())->texte());
    }

    public function testUnVraiPostgreSQL(): void
    {
        $url = parse_url((string) getenv('TEST_DATABASE_URL'));
        $source = sprintf('pgsql:host=%s;port=%d;dbname=%s', $url['host'], $url['port'], ltrim($url['path'], '/'));
        $database = new PDO($source, $url['user'], urldecode($url['pass']));
        self::assertStringStartsWith('PostgreSQL', $database->query('SELECT version()')->fetchColumn());
    }
}
""",
}


@dataclass(frozen=True, slots=True)
class Factory:
    """The software factory, whole.

    ``base``: reference of the base image, ``base_digest`` what it is; ``place``: a folder that the account may reach.
    """

    forge: RunningForge
    registry: RegistryServer
    database: str
    base: str
    base_digest: str
    application: dict[str, str]
    place: Path

    def variables(self) -> dict[str, str]:
        """What the platform gives every pipeline."""
        return {"AMCLOUD_PHP_BASE_IMAGE": self.base, "TEST_DATABASE_URL": self.database}

    def run(
        self,
        path: str,
        files: dict[str, str],
        *,
        meanwhile: Callable[[Any, dict[str, Any], str], object] = lambda project, jobs, sha: None,
    ) -> tuple[Any, dict[str, Any]]:
        """The pipeline of a commit that holds these files, once it is over, and its jobs by name.

        ``meanwhile`` is called again and again while it runs, with the project, the jobs so far and the commit.
        """
        sha = self.forge.commit(path, files, clean=True)
        project = self.forge.project(path)
        (pipeline,) = project.pipelines.list(sha=sha, get_all=True)
        deadline = time.monotonic() + TIMEOUT_S
        while pipeline.status not in OVER:
            assert time.monotonic() < deadline, f"still {pipeline.status}"
            time.sleep(0.3)
            meanwhile(project, _jobs(pipeline), sha)
            pipeline.refresh()
        return pipeline, _jobs(pipeline)

    def artifact(self, path: str, job: Any, name: str) -> bytes:
        """A file that the job left."""
        return bytes(self.forge.project(path).jobs.get(job.id).artifact(name))

    def trace(self, path: str, job: Any) -> str:
        """What the job wrote."""
        return str(self.forge.project(path).jobs.get(job.id).trace().decode())


@contextmanager
def running_factory(registry: RegistryServer, postgres: PostgresServer, folder: Path) -> Iterator[Factory]:
    """The software factory with its pipelines published; needs root."""
    base_digest = push_base(registry)
    # The account has to reach its cell: other temporary folders are closed to it.
    with tempfile.TemporaryDirectory(dir="/var/tmp", ignore_cleanup_errors=True) as place, _account(Path(place)):
        Path(place).chmod(0o711)
        with running_forge(folder) as forge:
            provision.publish_pipelines(Layout(state=folder / "sandbox"), url=forge.url, token=forge.root_token)
            application = locked(folder / "application")
            base = f"{registry.name}/{BASE}:8.2"
            made = Factory(forge, registry, postgres.ci_url, base, base_digest, application, Path(place))
            provision.ensure_variables(made.variables(), url=forge.url, token=forge.root_token)
            runner = _runner(forge, registry, Path(place))
            try:
                yield made
            finally:
                runner.send_signal(signal.SIGTERM)
                runner.wait(timeout=60)


def _jobs(pipeline: Any) -> dict[str, Any]:
    return {job.name: job for job in pipeline.jobs.list(get_all=True)}


def push_base(registry: RegistryServer) -> str:
    """Digest of a base image with two Debian packages and one program."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, text in {"var/lib/dpkg/status": DPKG_STATUS, "etc/os-release": 'VERSION_ID="12"\n'}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
        tar.add("/sbin/ldconfig", "bin/ldconfig", filter=_of_root)  # a program that needs no library
    rootfs = {"type": "layers", "diff_ids": [_digest(layer.getvalue())]}
    config = {"architecture": "amd64", "os": "linux", "config": {"User": "10001"}, "rootfs": rootfs}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, json.dumps(config).encode()),
        "layers": [_descriptor(LAYER, layer.getvalue())],
    }
    documents = [layer.getvalue(), json.dumps(config).encode(), json.dumps(manifest).encode()]
    target = f"{registry.name}/{BASE}:8.2"
    with tempfile.TemporaryDirectory() as folder:
        for document in documents:
            (Path(folder) / _digest(document).removeprefix("sha256:")).write_bytes(document)
        (Path(folder) / "manifest.json").write_bytes(documents[-1])
        # skopeo compresses the layer as buildah does: who pushes it again, in an application's image, has the same blob
        argv = ("skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false")
        subprocess.run((*argv, f"dir:{folder}", f"docker://{target}"), check=True, timeout=60)
    answer = requests.get(f"{registry.url}/v2/{BASE}/manifests/8.2", headers={"Accept": MANIFEST}, timeout=10)
    return _digest(answer.content)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    return entry


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def locked(folder: Path, files: Mapping[str, str] = APPLICATION) -> dict[str, str]:
    """The application's files with the lock that Composer makes of them."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    argv = ("composer", "update", "--no-install", "--no-interaction", "--no-plugins", "--quiet")
    env = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_HOME": str(folder.parent / "composer")}
    subprocess.run(argv, cwd=folder, env=env, check=True, timeout=60)
    return {**files, "composer.lock": (folder / "composer.lock").read_text(encoding="utf-8")}


class _account:  # noqa: N801  a context manager that reads as a function
    """The runner's account with its subordinate ids; gone afterwards if it was not there before."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._made = False

    def __enter__(self) -> None:
        try:
            pwd.getpwnam(part.ACCOUNT)
        except KeyError:
            self._made = True
        part.ensure_account(self._home / "home")

    def __exit__(self, *_: object) -> None:
        if self._made and not (Layout().state / "forge").exists():  # a sandbox that came up meanwhile uses it
            part.remove_account()


def _runner(forge: RunningForge, registry: RegistryServer, state: Path) -> subprocess.Popen[bytes]:
    token = forge.folder / "runner-token"
    token.write_text(forge.runner_token, encoding="utf-8")
    argv = [
        sys.executable, "-m", "amcloud_sandbox.runner", "--forge", forge.url, "--token-file", str(token),
        "--account", part.ACCOUNT, "--state", str(state), "--tools", str(part.ensure_ci_local(Layout(), print)),
        "--registry", registry.name, "--registry-api", registry.url,
    ]  # fmt: skip
    return subprocess.Popen(argv)
