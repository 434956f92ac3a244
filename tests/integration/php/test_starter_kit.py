"""The Starter Kit's own tests (PHPUnit), run with the packages that a sample installs; and its first version."""

from __future__ import annotations

import json
from pathlib import Path

from amcloud_sandbox import apps
from amcloud_sandbox.composer import kit, lock
from amcloud_sandbox.composer.repository import Repository
from amcloud_sandbox.testing.php import TESTS_TIMEOUT_S, Workshop, run
from amcloud_sandbox.testing.services import PostgresServer


def test_its_own_tests_are_green(workshop: Workshop, postgres: PostgresServer) -> None:
    said = run(
        ["vendor/bin/phpunit", "--no-configuration", "--bootstrap", "vendor/autoload.php", str(kit.HOME / "tests")],
        cwd=workshop.installed("suivi-courriers"),
        env={"TEST_DATABASE_URL": postgres.ci_url, "APP_ENV": "test"},
        timeout_s=TESTS_TIMEOUT_S,
    )
    assert "OK (" in said


def test_the_first_version_can_be_asked_for_and_boots(
    workshop: Workshop, composer_repository: Repository, tmp_path: Path
) -> None:
    apps.write("tableau-perso", "r1", tmp_path)
    path = tmp_path / "composer.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["require"]["amcloud/starter-kit"] = "1.0.0"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert lock.refresh(tmp_path, composer_repository)
    workshop.install(tmp_path)
    environment = {
        "APP_ENV": "prod",
        "APP_SECRET": "x" * 20,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "OIDC_ISSUER": "http://127.0.0.1:1",
        "OIDC_CLIENT_ID": "x",
        "OIDC_CLIENT_SECRET": "x",
        "TMPDIR": str(tmp_path),
    }
    assert "amcloud:migrate" in run(["php", "bin/console", "list"], cwd=tmp_path, env=environment, timeout_s=60)
    assert not (tmp_path / "vendor/amcloud/starter-kit/src/Testing").exists()
