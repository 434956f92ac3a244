"""What people of one organisation may ask, on a real API server, by the commands that they use, without kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from patience import until

from amcloud_sandbox.demo.cluster import rights

from .conftest import GROUP, NAMESPACE, VERSION, Cluster, Operator, local_app

APP, INSTANCE = "journaux", "journaux-acceptance"
OTHERS = "cpam-haut-rhin"
IMAGE = "localhost:5000/cpam-bas-rhin/journaux@sha256:" + "a" * 64
Amcloud = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def people(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A kubeconfig a person: developers of two organisations, the first one's responsable, and the DDSI."""
    for code, label in (("671", NAMESPACE), ("681", OTHERS)):
        cluster.apply(*(rights(label, code, role) for role in ("developpeur", "responsable")))
    groups = {
        "camille": ["amcloud:developpeurs", "amcloud:developpeurs:671"],
        "dominique": ["amcloud:developpeurs", "amcloud:developpeurs:681"],
        "andrea": ["amcloud:developpeurs", "amcloud:responsables:671"],
        "ddsi": ["amcloud:exploitants"],
    }
    folder, authority = tmp_path_factory.mktemp("people"), cluster.plane.authority
    made = {}
    for name, of in groups.items():
        leaf = authority.leaf(f"person-{name}", user=f"{name}-exemple", groups=of)
        made[name] = authority.kubeconfig(folder / name, server=cluster.plane.server, leaf=leaf, user=name)
    return made


@pytest.fixture(scope="module")
def amcloud(people: dict[str, Path]) -> Amcloud:
    def call(who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(people[who].parent), "KUBECONFIG": str(people[who])}
        command = [sys.executable, "-P", "-m", "amcloud", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)

    return call


@pytest.fixture(scope="module")
def instance(cluster: Cluster, operator: Operator) -> Iterator[str]:
    """An application whose instance exists as a pass would leave it; nothing runs, as there is no node."""
    pod = {
        "metadata": {"labels": {"app.kubernetes.io/name": APP, "app.kubernetes.io/component": "web"},
                     "annotations": {f"{GROUP}/credentials": "abcd"}},
        "spec": {"serviceAccountName": "application", "automountServiceAccountToken": False, "containers": [
            {"name": "web", "image": IMAGE, "ports": [{"containerPort": 8080}],
             "env": [{"name": "DATABASE_URL",
                      "valueFrom": {"secretKeyRef": {"name": "amcloud-credentials", "key": "database-url"}}}],
             "resources": {"limits": {"memory": "256Mi"}}, "securityContext": {"readOnlyRootFilesystem": True},
             "readinessProbe": {"httpGet": {"path": "/sante", "port": 8080}}}]},
    }  # fmt: skip
    selector = {"app.kubernetes.io/name": APP, "app.kubernetes.io/component": "web"}
    owner = {f"{GROUP}/owner": f"{NAMESPACE}/{APP}"}
    labels = {"app.kubernetes.io/managed-by": "amcloud", f"{GROUP}/app": APP}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace",
         "metadata": {"name": INSTANCE, "annotations": owner, "labels": labels}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "application", "namespace": INSTANCE}},
        {"apiVersion": "apps/v1", "kind": "Deployment",
         "metadata": {"name": APP, "namespace": INSTANCE, "annotations": owner},
         "spec": {"replicas": 1, "selector": {"matchLabels": selector}, "template": pod}},
        local_app(APP),
    )  # fmt: skip
    until("a first status", lambda: cluster.ready(APP)[1])
    yield INSTANCE
    cluster.kubectl("delete", "lapp", APP, "-n", NAMESPACE, "--timeout=60s")


def command_of(cluster: Cluster, namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A Command written by the administrator, once it is answered."""
    whole = {"app": APP, "stage": "acceptance", "requestedBy": "essai", **spec}
    cluster.apply({"apiVersion": f"{GROUP}/{VERSION}", "kind": "Command",
                   "metadata": {"name": name, "namespace": namespace}, "spec": whole})  # fmt: skip

    def answered() -> dict[str, Any] | None:
        found = json.loads(cluster.kubectl("get", "command", name, "-n", namespace, "-o", "json").stdout)
        return dict(found["status"]) if found.get("status", {}).get("completionTime") else None

    return until("an answer", answered)


class TestOneOrganisation:
    @pytest.mark.parametrize("arguments", [("logs", APP), ("run", APP, "--", "date")], ids=["logs", "run"])
    def test_a_developer_of_another_organisation_is_refused_and_told_whose_it_is(
        self, instance: str, amcloud: Amcloud, arguments: tuple[str, ...]
    ) -> None:
        done = amcloud("dominique", *arguments)
        assert done.returncode == 1, done.stderr
        assert "organisme 671" in done.stderr and "amcloud:developpeurs:671" in done.stderr
        assert not done.stdout

    def test_a_request_for_another_organisation_s_application_from_one_s_own_namespace_finds_nothing(
        self, cluster: Cluster, instance: str
    ) -> None:
        status = command_of(cluster, OTHERS, "voisin", logs={"lines": 10})
        assert status["reason"] == "NotHosted"
        assert APP in status["message"] and "output" not in status

    @pytest.mark.parametrize(
        ("who", "asked", "allowed"),
        [
            ("camille", ("create", "commands", "-n", NAMESPACE), True),
            ("camille", ("create", "commands", "-n", OTHERS), False),
            ("dominique", ("create", "commands", "-n", NAMESPACE), False),
            ("camille", ("get", "commands", "-n", OTHERS), False),
            ("camille", ("update", "commands/status", "-n", NAMESPACE), False),
            ("camille", ("get", "pods/log", "-n", INSTANCE), False),
            ("camille", ("create", "jobs", "-n", INSTANCE), False),
            ("camille", ("get", "secrets", "-n", INSTANCE), False),
            ("camille", ("patch", "localapps", "-n", NAMESPACE), False),
            ("andrea", ("patch", "localapps", "-n", NAMESPACE), True),
            ("andrea", ("patch", "localapps", "-n", OTHERS), False),
            ("andrea", ("delete", "localapps", "-n", NAMESPACE), False),
            ("andrea", ("delete", "suspensions", "-n", NAMESPACE), False),
            ("andrea", ("create", "suspensions", "-n", NAMESPACE), False),
            ("ddsi", ("delete", "suspensions", "-n", NAMESPACE), True),
            ("ddsi", ("get", "secrets", "-n", INSTANCE), False),
        ],
    )
    def test_rights_end_where_the_organisation_ends(
        self, cluster: Cluster, people: dict[str, Path], who: str, asked: tuple[str, ...], allowed: bool
    ) -> None:
        program = str(cluster.plane.programs.path("kubectl"))
        done = subprocess.run(
            [program, "--kubeconfig", str(people[who]), "auth", "can-i", *asked],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert (done.stdout.strip() == "yes") is allowed

    @pytest.mark.parametrize("role", ["amcloud-developpeur", "amcloud-exploitant-espace", "cluster-admin"])
    def test_the_ddsi_gives_no_role(self, cluster: Cluster, people: dict[str, Path], role: str) -> None:
        command = ["create", "rolebinding", f"essai-{role}", "-n", OTHERS, f"--clusterrole={role}", "--group=essai"]
        program = str(cluster.plane.programs.path("kubectl"))
        done = subprocess.run(
            [program, "--kubeconfig", str(people["ddsi"]), *command],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode != 0 and "forbidden" in done.stderr


class TestCommands:
    def test_an_unknown_application_is_refused_with_what_may_be_meant(self, instance: str, amcloud: Amcloud) -> None:
        done = amcloud("camille", "status", "jornaux")
        assert done.returncode == 3
        assert "vouliez-vous dire journaux ?" in done.stderr

    def test_status_is_one_screen_with_what_blocks_and_the_next_step(self, instance: str, amcloud: Amcloud) -> None:
        done = amcloud("dominique", "status", APP)  # the catalogue is everybody's
        assert done.returncode in {1, 2}, done.stderr
        assert done.stdout.startswith("journaux : journaux (exemple)\norganisme 671")
        assert "Ensuite : " in done.stdout
        seen = json.loads(amcloud("camille", "status", APP, "--output", "json").stdout)
        assert seen["stages"][0]["reason"] == seen["reason"]

    def test_nothing_in_service_has_no_address(self, instance: str, amcloud: Amcloud) -> None:
        done = amcloud("camille", "open", APP)
        assert done.returncode == 1
        assert "amcloud status journaux" in done.stderr

    def test_a_journal_without_replicas_is_empty_and_says_so(self, instance: str, amcloud: Amcloud) -> None:
        done = amcloud("camille", "logs", APP, "--since", "10m")
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert "Rien n'a été écrit" in done.stderr

    def test_a_command_is_a_job_of_the_image_that_serves_told_by_an_event_and_removed(
        self, cluster: Cluster, instance: str, people: dict[str, Path]
    ) -> None:
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": str(people["camille"])}
        arguments = ["run", APP, "--timeout", "60", "--", "bin/console", "app:relances", "--nir=2690549588157"]
        asked = subprocess.Popen(
            [sys.executable, "-P", "-m", "amcloud", *arguments],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        job = until("the Job", lambda: cluster.batch.list_namespaced_job(INSTANCE).items)[0]
        spec = job.spec.template.spec
        (container,) = spec.containers
        assert (container.image, container.args) == (IMAGE, arguments[5:])
        assert container.env[0].value_from.secret_key_ref.key == "database-url"  # the role that owns nothing
        assert container.resources.limits == {"memory": "256Mi"} and container.readiness_probe is None
        assert (spec.restart_policy, job.spec.active_deadline_seconds, job.spec.backoff_limit) == ("Never", 60, 0)
        labels = job.spec.template.metadata.labels
        assert labels["app.kubernetes.io/component"] == "command", "the Service must not send it anybody's requests"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        status = {"succeeded": 1, "startTime": now, "completionTime": now,
                  "conditions": [{"type": "Complete", "status": "True"}]}  # fmt: skip
        cluster.batch.patch_namespaced_job_status(job.metadata.name, INSTANCE, {"status": status})
        out, err = asked.communicate(timeout=30)
        assert asked.returncode == 0, out + err
        until("the Job removed", lambda: not cluster.batch.list_namespaced_job(INSTANCE).items)
        events = cluster.kubectl("get", "events", "-n", NAMESPACE, "-o", "yaml").stdout
        said = [e["message"] for e in yaml.safe_load(events)["items"] if e["reason"] == "CommandRun"]
        assert any("camille-exemple a lancé « bin/console app:relances" in one for one in said), said
        assert not any("2690549588157" in one for one in said)
        listed = cluster.kubectl("get", "commands", "-n", NAMESPACE, "-o", "name").stdout
        assert APP not in listed, "the request goes with its reader"

    def test_ctrl_c_ends_the_command_too(self, cluster: Cluster, instance: str, people: dict[str, Path]) -> None:
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": str(people["camille"])}
        asked = subprocess.Popen(
            [sys.executable, "-P", "-m", "amcloud", "run", APP, "--", "sleep", "600"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until("the Job", lambda: cluster.batch.list_namespaced_job(INSTANCE).items)
        asked.send_signal(2)
        asked.communicate(timeout=30)
        assert asked.returncode == 130
        until("the Job removed", lambda: not cluster.batch.list_namespaced_job(INSTANCE).items)


class TestSuspension:
    def test_the_ddsi_s_suspension_is_lifted_by_the_ddsi_only(
        self, cluster: Cluster, instance: str, amcloud: Amcloud
    ) -> None:
        asked = amcloud("ddsi", "suspend", APP, "--reason", "Fuite en cours d'analyse", "--stop", "--until", "2h")
        assert asked.returncode == 0, asked.stderr
        assert "suspension de la DDSI, par ddsi-exemple" in asked.stdout
        for who in ("andrea", "camille"):
            refused = amcloud(who, "resume", APP)
            assert refused.returncode == 1, refused.stdout
            assert "reste suspendue par la DDSI (ddsi-exemple) : Fuite en cours d'analyse." in refused.stderr
            assert "seule la DDSI lève sa suspension" in refused.stderr
        assert cluster.kubectl("get", "suspension", APP, "-n", NAMESPACE).returncode == 0
        assert amcloud("ddsi", "resume", APP).returncode == 0
        assert cluster.kubectl("get", "suspension", APP, "-n", NAMESPACE).returncode != 0
        assert "n'était pas suspendue" in amcloud("ddsi", "resume", APP).stdout

    def test_an_organisation_suspends_and_resumes_its_own(
        self, cluster: Cluster, instance: str, amcloud: Amcloud
    ) -> None:
        asked = amcloud("andrea", "suspend", APP, "--reason", "Bascule du réseau", "--until", "2099-12-31")
        assert asked.returncode == 0, asked.stderr
        assert "suspension de l'organisme, par andrea-exemple" in asked.stdout
        written = cluster.local_app(APP)["spec"]["suspend"]  # type: ignore[index]
        assert written == {"reason": "Bascule du réseau", "author": "andrea-exemple", "service": "Keep",
                           "until": "2099-12-31T23:00:00Z"}  # fmt: skip
        again = amcloud("andrea", "suspend", APP, "--reason", "Plus longue")
        assert again.returncode == 0, again.stderr
        assert "until" not in cluster.local_app(APP)["spec"]["suspend"]  # type: ignore[index]
        lifted = amcloud("andrea", "resume", APP)
        assert "la suspension par l'organisme est levée" in lifted.stdout
        assert "suspend" not in cluster.local_app(APP)["spec"]  # type: ignore[index]

    def test_a_developer_who_answers_for_nothing_suspends_nothing(self, instance: str, amcloud: Amcloud) -> None:
        refused = amcloud("camille", "suspend", APP, "--reason", "Essai")
        assert refused.returncode == 1
        assert "vous n'en avez pas le droit" in refused.stderr
