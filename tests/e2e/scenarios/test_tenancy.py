"""Tenancy in real pods: organisations come and go, a leak that shows only at run time is stopped before it serves,
credentials are renewed under load, and a dump made by the backup's own pod brings an application's data back."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from patience import until

from amcloud import assets
from amcloud.stages.seen.isolation import OWNER_OF_CANARIES, READER
from amcloud_sandbox import binaries
from amcloud_sandbox.demo import browser, install
from amcloud_sandbox.demo.scene import STAGE, Cast
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.parts.postgres import PART as POSTGRES

from ..conftest import Ground

NAME, DATABASE = "courriers-cloisonnes", "courriers_cloisonnes_acceptance"
INSTANCE = f"{NAME}-{STAGE}"
SYNTHETIC = (READER, OWNER_OF_CANARIES)
ONE_REPLICA = {
    "size": "small",
    "replicas": {"min": 1, "max": 1},
    "database": {"engine": "postgresql", "storage": "1Gi"},
}
BACKUPS, BACKUP_ROLE = "amcloud-backups", "e2e_sauvegarde"


@pytest.fixture(scope="module")
def served(ground: Ground) -> Iterator[Cast]:
    """The conforming sample serves two organisations."""
    with ground.application(NAME, manifest={"hosting": ONE_REPLICA}) as cast:
        ground.scene.wait_until_serving(cast)
        yield cast


def isolated(ground: Ground, cast: Cast) -> dict[str, Any]:
    found = ground.stage(cast).get("conditions", [])
    return next((c for c in found if c["type"] == "TenantIsolated"), {})


def address(cast: Cast, label: str) -> str:
    return f"http://{label}.{NAME}.{STAGE}.amcloud.localhost:8080"


def databases() -> set[str]:
    with POSTGRES.administrator(Layout()) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}


def test_a_revision_serves_once_its_tables_and_routes_were_proven_closed(ground: Ground, served: Cast) -> None:
    said = isolated(ground, served)
    assert (said["status"], said["reason"]) == ("True", "TenantIsolated"), said
    assert "4 tables et 12 routes" in said["message"]


def test_nothing_of_the_probe_is_left_and_no_synthetic_organisation_is_served(ground: Ground, served: Cast) -> None:
    assert ground.stage(served)["organisationsServed"] == 2
    file = ground.where.kubectl.json("get", "configmap", "organisations", "-n", INSTANCE)["data"]["organisations.json"]
    assert not set(SYNTHETIC) & {one["code"] for one in json.loads(file)["organisations"]}
    left = ground.where.kubectl("get", "jobs,secrets", "-n", INSTANCE, "-l", "app.kubernetes.io/component=walk")
    assert not left.strip()
    assert {name for name in databases() if name.startswith(DATABASE)} == {DATABASE}
    with POSTGRES.administrator(Layout(), DATABASE) as connection:
        for table in ("service", "courrier", "piece_jointe", "relance"):
            query = f"SELECT count(*) FROM {table} WHERE organisation IN ('998', '999')"
            assert connection.execute(query.encode()).fetchone() == (0,), table


def test_an_organisation_is_added_without_a_restart_and_a_removed_one_keeps_its_data(
    ground: Ground, served: Cast
) -> None:
    def organisations(*codes: str) -> None:
        patch = json.dumps({"spec": {"organisations": codes}})
        ground.where.kubectl("patch", "lapp", NAME, "-n", served.namespace, "--type=merge", "-p", patch)

    before, mark = pods(ground), f"Courrier exemple {uuid.uuid4().hex[:8]}"
    there = f"{address(served, 'cpam-haut-rhin')}/courriers"
    agent = browser.sign_in("681", INSTANCE)
    assert agent.post(there, record(mark)).status_code == 201
    new = browser.sign_in("311", INSTANCE)
    organisations("671", "311")
    until("311 is served", lambda: new.get(f"{address(served, 'cpam-haute-garonne')}/courriers").ok, timeout_s=30)
    until("681 is not", lambda: agent.get(there).status_code == 404, timeout_s=30)
    said = ground.where.kubectl("get", "events", "-n", served.namespace, "--field-selector", "reason=OrganisationLeft")
    assert "681" in said and "données restent" in said, said
    organisations("671", "681")
    until("681 is back with its data", lambda: mark in agent.get(there).text, timeout_s=30)
    assert pods(ground) == before


def test_credentials_are_renewed_under_load_without_a_failed_request(ground: Ground, served: Cast) -> None:
    before = access(ground)
    with browser.load(f"{address(served, 'cpam-bas-rhin')}/sante") as load:  # asks the database each time
        amcloud(ground, "rotate-credentials", NAME, "--stage", STAGE, "--timeout", "120")
    assert load.sent > 50 and not load.failures, (load.sent, load.failures[:5])
    assert access(ground) != before
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(before, connect_timeout=5)


def test_a_dump_by_the_backup_s_own_pod_on_its_volume_brings_lost_data_back(
    ground: Ground, served: Cast, backup: Callable[[], Path]
) -> None:
    here, mark = f"{address(served, 'cpam-bas-rhin')}/courriers", f"Courrier exemple {uuid.uuid4().hex[:8]}"
    agent = browser.sign_in("671", INSTANCE)
    assert agent.post(here, record(mark)).status_code == 201
    older, dump = backup(), backup()
    assert not older.exists() and dump.exists(), "the volume keeps as many as AMCLOUD_BACKUP_KEEP says"
    claim = ground.where.kubectl.json("get", "pvc", BACKUPS, "-n", install.NAMESPACE)
    assert (claim["status"]["phase"], claim["spec"]["volumeName"]) == ("Bound", BACKUPS)
    with POSTGRES.administrator(Layout(), DATABASE) as connection:
        connection.execute("TRUNCATE courrier CASCADE")
    assert mark not in agent.get(here).text
    words = ("exec", "-i", "-n", install.NAMESPACE, f"deploy/{install.OPERATOR}", "--", "amcloud", "restore", NAME)
    restored = subprocess.run(
        [*kubectl(), *words, "--stage", STAGE, "--from", "-"], input=dump.read_bytes(), capture_output=True, check=False
    )
    assert restored.returncode == 0, restored.stderr.decode()
    until("the record is back", lambda: mark in agent.get(here).text, timeout_s=30)


def leaking(folder: Path) -> None:
    """A page that is remembered for all organisations: rows are read rightly, no rule and no policy sees it."""
    controller = folder / "src" / "Controller" / "ServiceController.php"
    code, twig = controller.read_text(encoding="utf-8"), "private readonly Environment $twig,"
    page = "return new Response($this->twig->render('services.html.twig', ['services' => $services]));"
    assert twig in code and page in code
    code = code.replace(twig, f"{twig}\n        private readonly CacheInterface $cache,")
    code = code.replace(
        "use Twig\\Environment;", "use Symfony\\Contracts\\Cache\\CacheInterface;\nuse Twig\\Environment;"
    )
    remembered = "fn (): string => $this->twig->render('services.html.twig', ['services' => $services])"
    code = code.replace(page, f"return new Response($this->cache->get('page-des-services', {remembered}));")
    controller.write_text(code, encoding="utf-8")
    (folder / "migrations" / "0099_note.sql").write_text(NOTE, encoding="utf-8")


NOTE = """CREATE TABLE note (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);
COMMENT ON TABLE note IS 'partagée : table d''essai';
"""


def test_a_revision_that_leaks_only_when_it_runs_is_stopped_before_it_serves(ground: Ground, served: Cast) -> None:
    serving = ground.stage(served)["deployedCommit"]
    with browser.load(f"{address(served, 'cpam-bas-rhin')}/sante") as load:
        ground.push(served, leaking)
        status = ground.scene.wait_for_verdict(served)
        assert status.status == "success", status.description
        until("the leak is seen", lambda: isolated(ground, served)["status"] == "False")
    said = isolated(ground, served)
    assert said["reason"] == "TenantLeak" and "GET /services" in said["message"], said
    assert ground.stage(served)["deployedCommit"] == serving != served.commit
    assert load.sent > 50 and not load.failures, load.failures[:5]
    running = ground.where.kubectl.json("get", "deployment", NAME, "-n", INSTANCE)["metadata"]["annotations"]
    assert running["amcloud.cnamts.fr/commit"] == serving
    with POSTGRES.administrator(Layout(), DATABASE) as connection:  # nor did its migrations come near the real tables
        assert connection.execute("SELECT to_regclass('public.note')").fetchone() == (None,)


def record(mark: str) -> dict[str, object]:
    return {"reference": mark[-8:], "objet": mark, "expediteur": "Assuré fictif", "recu_le": "2026-01-05"}


def pods(ground: Ground) -> list[str]:
    labels = "app.kubernetes.io/component=web"
    return ground.where.kubectl("get", "pods", "-n", INSTANCE, "-l", labels, "-o", "name").split()


def access(ground: Ground) -> str:
    """The address of the application's database, as its pods are given it."""
    found = ground.where.kubectl.json("get", "secret", "amcloud-credentials", "-n", INSTANCE)["data"]["database-url"]
    return base64.b64decode(found).decode()


def kubectl() -> list[str]:
    program = str(binaries.ensure(("kubectl",), layout=Layout(), say=print).path("kubectl"))
    return [program, f"--kubeconfig={Layout().kubeconfig}"]


def amcloud(ground: Ground, *arguments: str) -> str:
    argv = [sys.executable, "-m", "amcloud", *arguments]
    env = {**os.environ, "KUBECONFIG": str(Layout().kubeconfig)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def backup(ground: Ground) -> Iterator[Callable[[], Path]]:
    """Runs the CronJob of deploy/backups, in a pod, on its claim; the volume is a folder here, the role the guide's."""
    folder, password = Path(tempfile.mkdtemp(prefix="amcloud-sauvegardes-")), uuid.uuid4().hex
    folder.chmod(0o777)  # the pod's account has no name here
    with POSTGRES.administrator(Layout()) as connection:
        without_role(connection)  # one that a run which was cut short left
        connection.execute(f"CREATE ROLE {BACKUP_ROLE} LOGIN BYPASSRLS PASSWORD '{password}'".encode())
        connection.execute(f"GRANT pg_read_all_data TO {BACKUP_ROLE}".encode())

    def run() -> Path:
        installed = overlay(ground)
        url = f"postgresql://{BACKUP_ROLE}:{password}@{POSTGRES.hosts[0]}:{POSTGRES.port}/postgres"
        ground.where.kubectl.apply(secret(url), volume(folder), *installed)
        inside = ("-n", install.NAMESPACE)
        ground.where.kubectl("create", "job", BACKUPS, f"--from=cronjob/{BACKUPS}", *inside)
        try:
            ground.where.kubectl("wait", "--for=condition=Complete", f"job/{BACKUPS}", *inside, "--timeout=60s")
        except SandboxError:
            pytest.fail(ground.where.kubectl("describe", f"job/{BACKUPS}", *inside))
        ground.where.kubectl("delete", f"job/{BACKUPS}", *inside)
        (_,) = (folder / "cluster").iterdir()  # and the cluster's resources, with the rights of its own account
        (dump,) = (folder / DATABASE).glob("*.dump")
        return dump

    try:
        yield run
    finally:
        for kind in ("job", "cronjob", "pvc", "pv", "secret", "serviceaccount", "clusterrole", "clusterrolebinding"):
            ground.where.kubectl("delete", kind, BACKUPS, "-n", install.NAMESPACE, "--ignore-not-found")
        with POSTGRES.administrator(Layout()) as connection:
            without_role(connection)
        shutil.rmtree(folder)


def without_role(connection: psycopg.Connection) -> None:
    """The backup's role is gone, and the rights that backups were given."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (BACKUP_ROLE,)).fetchone():
        connection.execute(f"DROP OWNED BY {BACKUP_ROLE}".encode())
        connection.execute(f"DROP ROLE {BACKUP_ROLE}".encode())


def overlay(ground: Ground) -> list[dict[str, Any]]:
    """What deploy/backups-1.20 adds to the operator, with this image, for this instance, and one dump kept."""
    built = ground.where.kubectl("kustomize", str(assets.folder("deploy") / "backups-1.20"))
    named = [one for one in yaml.safe_load_all(built) if one and one["metadata"]["name"] == BACKUPS]
    kept = [one for one in named if one["kind"] != "NetworkPolicy"]
    job = next(one for one in kept if one["kind"] == "CronJob")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = ground.image
    pod["containers"][0]["args"].append(INSTANCE)  # other tests' instances come and go meanwhile
    pod["containers"][0]["env"].append({"name": "AMCLOUD_BACKUP_KEEP", "value": "1"})
    return kept


def volume(folder: Path) -> dict[str, Any]:
    """What a storage class would make for the claim: this folder, for it alone."""
    claim = {"namespace": install.NAMESPACE, "name": BACKUPS}
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "100Gi"},
        "claimRef": claim,
        "hostPath": {"path": str(folder)},
        "persistentVolumeReclaimPolicy": "Retain",
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": BACKUPS}, "spec": spec}


def secret(url: str) -> dict[str, Any]:
    metadata = {"name": BACKUPS, "namespace": install.NAMESPACE}
    data = {"AMCLOUD_BACKUP_DATABASE_URL": url, "AMCLOUD_BACKUP_KEY": "une phrase d'essai assez longue"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
