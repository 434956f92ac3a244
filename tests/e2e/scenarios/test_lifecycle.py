"""An application's life on the real cluster: looked after without kubectl, stopped, resumed, deleted, brought back.

How it breaks, and what is then said of it, is in ``test_rollout.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from patience import until

from amcloud_sandbox import access, identity
from amcloud_sandbox.access import Role
from amcloud_sandbox.demo.scene import STAGE, Cast, manifest_of
from amcloud_sandbox.layout import Layout

from ..conftest import Ground

NAME = "courriers-suivis"
INSTANCE = f"{NAME}-{STAGE}"
ONE_REPLICA = {"size": "small", "replicas": {"min": 1, "max": 1}}
NIR = "2690549588157"
# what an application's own role may do: its password shown on purpose, a row of one organisation written and read
INSERT = (
    '$u = parse_url(getenv("DATABASE_URL")); echo "mdp ", $u["pass"], "\\n";'
    '$p = new PDO("pgsql:host={$u["host"]};port={$u["port"]};dbname=".ltrim($u["path"], "/"), $u["user"], $u["pass"]);'
    "$p->exec(\"SELECT set_config('amcloud.organisation', '671', false)\");"
)
WRITE = INSERT + "$p->exec(\"INSERT INTO service (organisation, nom) VALUES ('671', 'Cycle de vie')\");"
READ = INSERT + "foreach ($p->query('SELECT nom FROM service') as $r) echo 'lu ', $r['nom'], \"\\n\";"


def amcloud(*arguments: str, who: Role = Role.DEVELOPER, organisation: str = "671") -> Any:
    kubeconfig = access.role_kubeconfig(who, layout=Layout(), organisation=organisation)
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    command = [sys.executable, "-P", "-m", "amcloud", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def served(ground: Ground) -> Iterator[Cast]:
    """The conforming sample serves."""
    lift = ("delete", "suspension", NAME, "-n", "cpam-bas-rhin", "--ignore-not-found")
    ground.where.kubectl(*lift)
    try:
        with ground.application(NAME, manifest={"hosting": ONE_REPLICA}) as cast:
            ground.scene.wait_until_serving(cast)
            yield cast
            stop(ground)  # without pods its namespace ends at once, and not after half a minute
    finally:
        ground.where.kubectl(*lift)


def ready(ground: Ground, cast: Cast) -> dict[str, Any]:
    found = ground.stage(cast).get("conditions", [])
    return next((c for c in found if c["type"] == "Ready"), {})


def test_its_developer_looks_after_it_without_kubectl(ground: Ground, served: Cast) -> None:
    seen = amcloud("status", NAME)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert f"acceptance : en service (Serving), commit {served.commit[:8]}" in seen.stdout

    opened = json.loads(amcloud("open", NAME, "--output", "json").stdout)
    assert [one["code"] for one in opened] == ["671", "681"]
    answers = [identity.edge_session().get(f"{one['url']}/sante", timeout=10).status_code for one in opened]
    assert answers == [200, 200]

    identity.edge_session().get(f"{opened[0]['url']}/dossiers/{NIR}", timeout=10, allow_redirects=False)
    journal = until("the journal", lambda: amcloud("logs", NAME, "--since", "5m").stdout)
    assert "/dossiers/[donnée personnelle]" in journal and NIR not in journal
    refused = amcloud("logs", NAME, organisation="681")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "organisme 671" in refused.stderr

    done = amcloud("run", NAME, "--", "php", "-r", WRITE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "mdp ***\n"
    failed = amcloud("run", NAME, "--", "php", "-r", "fwrite(STDERR, 'rien'); exit(7);")
    assert failed.returncode == 1
    assert "rien" in failed.stdout and "code 7" in failed.stderr
    events = ground.where.kubectl("get", "events", "-n", served.namespace, "-o", "json")
    said = [e["message"] for e in json.loads(events)["items"] if e["reason"] in {"CommandRun", "JournalRead"}]
    assert any("developpeur-671-exemple a lancé « php -r" in one and "(Done, code 0" in one for one in said), said
    assert any("journal lu par developpeur-671-exemple" in one for one in said)


def stop(ground: Ground) -> None:
    """The DDSI suspends it, and no replica is left."""
    asked = amcloud("suspend", NAME, "--reason", "Essai de bout en bout", "--stop", who=Role.OPERATOR)
    assert asked.returncode == 0, asked.stderr
    pods = ("get", "pods", "-n", INSTANCE, "-l", "app.kubernetes.io/component=web", "-o", "name")
    until("no replica", lambda: not ground.where.kubectl(*pods).strip())


def test_a_suspension_stops_the_service_and_lifting_it_brings_it_back(ground: Ground, served: Cast) -> None:
    stop(ground)
    until("Suspended", lambda: ready(ground, served).get("reason") == "Suspended")
    seen = amcloud("status", NAME)
    assert seen.returncode == 1
    assert "par la DDSI (exploitant-exemple) : Essai de bout en bout." in seen.stdout
    assert "amcloud resume" in seen.stdout
    stopped = amcloud("run", NAME, "--", "date")
    assert stopped.returncode == 1 and "arrêté" in stopped.stderr
    assert amcloud("resume", NAME).returncode == 1, "a developer does not lift the DDSI's"
    assert amcloud("resume", NAME, who=Role.OPERATOR).returncode == 0
    until("serving again", lambda: ready(ground, served).get("reason") == "Serving")
    events = ground.where.kubectl("get", "events", "-n", served.namespace, "-o", "json")
    drifts = [e for e in json.loads(events)["items"] if e["reason"] == "DriftRestored"]
    assert not any(e["involvedObject"]["name"] == NAME for e in drifts)


def test_a_suspension_with_an_end_ends_by_itself_at_its_time(ground: Ground, served: Cast) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=25)
    asked = amcloud(
        "suspend", NAME, "--reason", "Essai avec une fin", "--stop", "--until", f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        who=Role.OPERATOR,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    until("Suspended", lambda: ready(ground, served).get("reason") == "Suspended")
    pods = ("get", "pods", "-n", INSTANCE, "-l", "app.kubernetes.io/component=web", "-o", "name")
    until("no replica", lambda: not ground.where.kubectl(*pods).strip())
    assert datetime.now(UTC) < ends
    until("serving again", lambda: ready(ground, served).get("reason") == "Serving")
    assert datetime.now(UTC) >= ends
    assert ground.where.kubectl.find("get", "suspension", NAME, "-n", served.namespace) is not None, "nobody lifted it"
    ground.where.kubectl("delete", "suspension", NAME, "-n", served.namespace)


def test_deleted_with_its_data_retained_it_comes_back_with_them_once_the_ddsi_lets_it(
    ground: Ground, served: Cast
) -> None:
    kubectl, retain = ground.where.kubectl, '{"spec":{"deletionPolicy":"Retain"}}'
    kubectl("patch", "lapp", NAME, "-n", served.namespace, "--type=merge", "-p", retain)  # the sample says Delete
    stop(ground)
    kubectl("delete", "lapp", NAME, "-n", served.namespace, "--timeout=120s")
    assert kubectl.find("get", "namespace", INSTANCE) is None
    declared = manifest_of(ground.work / f"{NAME}.source")
    declared["spec"].update({"hosting": ONE_REPLICA})
    kubectl.apply(declared)
    until("still suspended", lambda: ready(ground, served).get("reason") == "Suspended")
    assert amcloud("resume", NAME, who=Role.OPERATOR).returncode == 0
    ground.scene.wait_until_serving(served)
    found = amcloud("run", NAME, "--", "php", "-r", READ)
    assert "lu Cycle de vie" in found.stdout, found.stdout + found.stderr
