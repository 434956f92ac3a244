"""A cluster and its databases are lost: from last night's backup alone, another cluster hosts the same revision.

Two API servers and two PostgreSQL servers; the forge and the registry are the same, as they would be.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from patience import until
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from amcloud_sandbox import control_plane as planes
from amcloud_sandbox.control_plane import free_port
from amcloud_sandbox.demo.cluster import deposit, rights
from amcloud_sandbox.testing.forge import RunningForge
from amcloud_sandbox.testing.services import PostgresServer, RegistryServer, running_postgres

from .conftest import (
    GROUP_PATH,
    NAMESPACE,
    Cluster,
    Operator,
    finish,
    installed,
    local_app,
    project,
    push_image,
    service_account_kubeconfig,
)
from .test_operator import sample

NAME, INSTANCE, DATABASE = "perdue", "perdue-acceptance", "perdue_acceptance"
KEY = "une phrase que le cluster ne connaît pas"
SETTING = "current_setting('amcloud.organisation', true)"
TABLES = (
    "CREATE TABLE courrier (id int PRIMARY KEY, organisation char(3) NOT NULL, objet text)",
    "ALTER TABLE courrier ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE courrier FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY o ON courrier USING (organisation = {SETTING}) WITH CHECK (organisation = {SETTING})",
)


def amcloud(*arguments: str, kubeconfig: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of an administrator."""
    whole = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": str(kubeconfig), **environment}
    return subprocess.run(
        [sys.executable, "-m", "amcloud", *arguments], env=whole,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def dumper(server: PostgresServer) -> str:
    """The role that row-level security does not bind."""
    told = conninfo_to_dict(server.operator_url)
    with psycopg.connect(
        host=server.folder, port=int(told["port"] or 0), user="postgres", dbname="postgres", autocommit=True
    ) as administrator:
        administrator.execute("DROP ROLE IF EXISTS amcloud_perdue")
        administrator.execute("CREATE ROLE amcloud_perdue LOGIN BYPASSRLS PASSWORD 'sauvegarde'")
        administrator.execute("GRANT pg_read_all_data TO amcloud_perdue")
    return f"postgresql://amcloud_perdue:sauvegarde@{told['host']}:{told['port']}/postgres"


def access(cluster: Cluster) -> dict[str, str]:
    """The instance's credentials, decoded."""
    data = cluster.core.read_namespaced_secret("amcloud-credentials", INSTANCE).data
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def foreign_rights() -> dict[str, object]:
    """A binding that is not the platform's: an archive that somebody changed could give anything by one."""
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "administrateur", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": api, "kind": "User", "name": "inconnu"}],
    }


def rights_of(cluster: Cluster) -> list[str]:
    """What people of the organisation may do in its namespace."""
    found = json.loads(cluster.kubectl("get", "rolebindings", "-n", NAMESPACE, "-o", "json").stdout)["items"]
    return [f"{one['metadata']['name']} {one['subjects'][0]['name']} {one['roleRef']['name']}" for one in found]


@dataclass(frozen=True)
class Lost:
    """What was there before everything was lost."""

    commit: str
    image: str
    credentials: dict[str, str]
    folder: Path
    told: str


@pytest.fixture(scope="module")
def lost(
    cluster: Cluster,
    forge: RunningForge,
    operator: Operator,
    registry: RegistryServer,
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Lost:
    """A hosted application with rows of one organisation, and the night's backup of all."""
    secret = {"name": "forge-token", "namespace": NAMESPACE}
    token = {"token": forge.user("organisation")}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": token})
    cluster.apply(rights(NAMESPACE, "671", "developpeur"), deposit(NAMESPACE), foreign_rights())
    project(forge, operator, NAME)
    commit = sample(forge, NAME)
    cluster.apply(local_app(NAME))
    cluster.wait_reason(NAME, "Building")
    push_image(registry, f"{GROUP_PATH}/{NAME}", commit)
    finish(forge, NAME, commit)
    cluster.wait_reason(NAME, "RollingOut", "Provisioning")
    job = until("the migration", lambda: cluster.batch.list_namespaced_job(INSTANCE).items)[0]
    image = job.spec.template.spec.containers[0].image
    made = access(cluster)
    with psycopg.connect(made["owner-database-url"]) as owner:
        for statement in TABLES:
            owner.execute(statement.encode())
    with psycopg.connect(made["database-url"]) as app:
        app.execute("SELECT set_config('amcloud.organisation', '671', false)")
        app.execute("INSERT INTO courrier VALUES (1, '671', 'gardé')")

    folder = tmp_path_factory.mktemp("sauvegardes")
    done = amcloud(
        "backup", "--cluster", "--folder", str(folder),
        kubeconfig=cluster.plane.kubeconfig, AMCLOUD_BACKUP_KEY=KEY, AMCLOUD_DATABASE_URL=postgres.operator_url,
        AMCLOUD_BACKUP_DATABASE_URL=dumper(postgres),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Lost(commit, image, made, folder, done.stdout)


@pytest.fixture(scope="module")
def elsewhere(lost: Lost, cluster: Cluster) -> Iterator[Cluster]:
    """Another cluster, empty but for the definitions and the rights."""
    with planes.temporary(print) as plane:
        yield installed(plane)


@pytest.fixture(scope="module")
def other_postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def rebuilt(lost: Lost, elsewhere: Cluster, other_postgres: PostgresServer) -> Cluster:
    done = restore(lost, elsewhere, other_postgres)
    assert done.returncode == 0, done.stderr
    assert "LocalApp" in done.stdout and "Secret" in done.stdout
    return elsewhere


def restore(lost: Lost, cluster: Cluster, server: PostgresServer, key: str = KEY) -> subprocess.CompletedProcess[str]:
    return amcloud(
        "restore", "--cluster", "--from", "LATEST", "--folder", str(lost.folder),
        kubeconfig=cluster.plane.kubeconfig, AMCLOUD_BACKUP_KEY=key, AMCLOUD_DATABASE_URL=server.operator_url,
    )  # fmt: skip


def test_the_backup_says_what_it_kept_and_shows_no_secret(lost: Lost) -> None:
    assert "Secrets chiffrés" in lost.told
    (kept,) = (lost.folder / "cluster").iterdir()
    plain = subprocess.run(["zcat", str(kept)], capture_output=True, check=True).stdout.decode()
    for secret in (*lost.credentials.values(), KEY):
        assert secret not in plain
        assert base64.b64encode(secret.encode()).decode() not in plain
    assert NAME in plain


def test_a_wrong_passphrase_writes_nothing(lost: Lost, elsewhere: Cluster, other_postgres: PostgresServer) -> None:
    done = restore(lost, elsewhere, other_postgres, key="une autre phrase, tout aussi longue")
    assert done.returncode == 1
    assert "la clé n'est pas la sienne" in done.stderr
    assert elsewhere.kubectl("get", "namespace", NAMESPACE).returncode != 0


def test_resources_credentials_and_rows_are_there_again(
    rebuilt: Cluster, cluster: Cluster, lost: Lost, other_postgres: PostgresServer
) -> None:
    found = rebuilt.local_app(NAME)
    assert found is not None and found["status"]["stages"][0]["lastAttemptedCommit"] == lost.commit
    assert access(rebuilt) == lost.credentials
    given = [one for one in rights_of(cluster) if not one.startswith("administrateur ")]
    assert rights_of(rebuilt) == given
    assert "amcloud-exploitants amcloud:exploitants amcloud-exploitant-espace" in given
    assert "671" in rebuilt.kubectl("get", "organisations").stdout
    selector = f"amcloud.cnamts.fr/app={NAME}"
    report = json.loads(rebuilt.kubectl("get", "cfr", "-n", NAMESPACE, "-l", selector, "-o", "json").stdout)["items"][0]
    assert report["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
    with psycopg.connect(make_conninfo(other_postgres.operator_url, dbname=DATABASE)) as operator:
        operator.execute(f"SET ROLE {DATABASE}_app".encode())
        operator.execute("SELECT set_config('amcloud.organisation', '671', false)")
        assert operator.execute("SELECT objet FROM courrier").fetchall() == [("gardé",)]
        operator.execute("SELECT set_config('amcloud.organisation', '681', false)")
        assert operator.execute("SELECT objet FROM courrier").fetchall() == []
    with psycopg.connect(other_postgres.operator_url) as own:
        row = own.execute("SELECT count(*) FROM reports WHERE app = %s", (NAME,)).fetchone()
        assert row is not None and row[0] > 0


def test_the_operator_hosts_the_same_revision_with_the_same_passwords_and_builds_nothing(
    rebuilt: Cluster,
    lost: Lost,
    other_postgres: PostgresServer,
    operator: Operator,
    forge: RunningForge,
    tmp_path: Path,
) -> None:
    before = len(forge.client().projects.get(f"{GROUP_PATH}/{NAME}").pipelines.list(get_all=True))
    port = free_port()
    environment = {
        **operator.environment,
        "HOME": str(tmp_path), "TMPDIR": str(tmp_path),
        "KUBECONFIG": str(service_account_kubeconfig(rebuilt, tmp_path)),
        "AMCLOUD_DATABASE_URL": other_postgres.operator_url,
        "AMCLOUD_HTTP_PORT": str(port),
    }  # fmt: skip
    again = Operator(environment, tmp_path, port)
    again.start()
    try:
        job = until("the migration", lambda: rebuilt.batch.list_namespaced_job(INSTANCE).items)[0]
        assert job.spec.template.spec.containers[0].image == lost.image
        now = until("passwords that open", lambda: opened(access(rebuilt)))
        for name in ("app-secret", "oidc-client-secret"):
            assert now[name] == lost.credentials[name]
        after = len(forge.client().projects.get(f"{GROUP_PATH}/{NAME}").pipelines.list(get_all=True))
        assert after == before
    finally:
        again.stop()


def opened(credentials: dict[str, str]) -> dict[str, str] | None:
    """The credentials once the application's role signs in with them on the new server."""
    try:
        with psycopg.connect(credentials["database-url"]) as app:
            app.execute("SELECT set_config('amcloud.organisation', '671', false)")
            assert app.execute("SELECT objet FROM courrier").fetchall() == [("gardé",)]
    except psycopg.OperationalError:
        return None
    return credentials


def test_what_is_there_is_not_overwritten(rebuilt: Cluster, lost: Lost, other_postgres: PostgresServer) -> None:
    done = restore(lost, rebuilt, other_postgres)
    assert done.returncode == 1
    assert "n'est pas vide" in done.stderr
