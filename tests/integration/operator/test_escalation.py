"""No person's role leads to the operator's tokens or to its signing key: each way is tried, on a real API server.

Three readings: every way that was thought of, role by role; then all that each role may write, as a closed list, so
that a right which nobody thought of is noticed too; then the ways that the exploitants' rights once opened, in deed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import requests
import yaml
from patience import until

from amcloud.clients import connection
from amcloud_sandbox.demo.cluster import deposit, rights

from .conftest import NAMESPACE, ROOT, Cluster, Operator, local_app

SYSTEM, OTHERS, INSTANCE = "amcloud-system", "cpam-haut-rhin", "suivi-courriers-acceptance"
SAMPLE: Final = ROOT / "sandbox" / "apps" / "suivi-courriers" / "localapp.yaml"
SECRET: Final = "amcloud-settings"
KEY: Final = "une clé d'exemple"
CLOUD, RBAC = "amcloud.cnamts.fr", "rbac.authorization.k8s.io"
GROUPS: Final[Mapping[str, list[str]]] = {
    "developpeur": ["amcloud:developpeurs", "amcloud:developpeurs:671"],
    "responsable": ["amcloud:developpeurs", "amcloud:responsables:671"],
    "exploitant": ["amcloud:exploitants"],
    "auditeur": ["amcloud:auditeurs"],
    "dc2r": ["amcloud:dc2r"],
}
KEPT: Final = (SYSTEM, INSTANCE, NAMESPACE, OTHERS)
"""Where exploitants put Secrets and read journals."""
PLACES: Final = (*KEPT, "kube-system", "default")
WRITE: Final = "create update patch delete"
HOOKS, CERTIFICATES = "admissionregistration.k8s.io", "certificates.k8s.io"
WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "a pod of one's own, with the operator's account or Secrets": (
        "create pods", "create replicationcontrollers", "create podtemplates", "create deployments.apps",
        "create daemonsets.apps", "create statefulsets.apps", "create replicasets.apps", "create jobs.batch",
        "create cronjobs.batch",
    ),
    "the operator's own pods, changed": (
        "update patch delete pods", "update patch delete deployments.apps", "update patch deployments.apps/scale",
        "update patch replicasets.apps", "update patch delete jobs.batch", "update patch delete cronjobs.batch",
    ),
    "into a pod that runs": (
        "create get pods/exec", "create get pods/attach", "create get pods/portforward", "create get pods/proxy",
        "update patch pods/ephemeralcontainers", "create get services/proxy", "create get nodes/proxy",
    ),
    "a Secret read": ("get list watch secrets",),
    "a Secret written, which answers with all that it holds": ("update patch delete deletecollection secrets",),
    "a Secret put where somebody believes it (kube-system: a bootstrap token)": ("create secrets",),
    "journals": ("get pods/log",),
    "the operator sent elsewhere with its tokens": (f"{WRITE} configmaps",),
    "an account's token": ("create serviceaccounts/token", f"{WRITE} serviceaccounts"),
    "somebody else": ("impersonate users", "impersonate groups", "impersonate serviceaccounts"),
    "a right given to oneself": (
        f"{WRITE} roles.{RBAC}", f"{WRITE} rolebindings.{RBAC}", f"{WRITE} clusterroles.{RBAC}",
        f"{WRITE} clusterrolebindings.{RBAC}", f"bind escalate clusterroles.{RBAC}", f"bind escalate roles.{RBAC}",
    ),
    "labels that open: edge, operator, organisation, pod security": (f"{WRITE} namespaces",),
    "the network": (
        f"{WRITE} networkpolicies.networking.k8s.io", f"{WRITE} ingresses.networking.k8s.io", f"{WRITE} services",
        f"{WRITE} endpoints",
    ),
    "what every request passes through": (
        f"{WRITE} mutatingwebhookconfigurations.{HOOKS}", f"{WRITE} validatingwebhookconfigurations.{HOOKS}",
        f"{WRITE} customresourcedefinitions.apiextensions.k8s.io", f"{WRITE} apiservices.apiregistration.k8s.io",
    ),
    "a node, or its identity": (
        f"create certificatesigningrequests.{CERTIFICATES}",
        f"update patch certificatesigningrequests.{CERTIFICATES}/approval", "update patch nodes",
        "create persistentvolumes", "create persistentvolumeclaims",
    ),
    "the operator's word": (
        f"update patch localapps.{CLOUD}/status", f"update patch commands.{CLOUD}/status",
        f"{WRITE} conformancereports.{CLOUD}",
    ),
}  # fmt: skip
"""Each way up, as ``verbs resource.group/subresource``."""
OPENED: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "exploitant": {"create secrets": KEPT, "get pods/log": KEPT},
}
"""What one of these is granted all the same, and where: it shows nothing that a Secret holds."""
EVERYWHERE: Final[Mapping[str, set[str]]] = {
    "exploitant": {
        *(f"create delete patch update {kind}.{CLOUD}"
          for kind in ("localapps", "normpacks", "organisations", "connectors", "suspensions", "commands")),
        "create subjectaccessreviews.authorization.k8s.io",
    },
    "dc2r": {f"create acceptancereports.{CLOUD}"},
}  # fmt: skip
WRITES: Final[Mapping[str, Mapping[str, set[str]]]] = {
    "developpeur": {NAMESPACE: {f"create delete commands.{CLOUD}"}},
    "responsable": {NAMESPACE: {f"create delete commands.{CLOUD}", f"create patch update localapps.{CLOUD}"}},
    "exploitant": {place: {"create secrets"} for place in KEPT},
}
"""All that a role may write in one namespace, besides what it may write everywhere."""
SELF: Final = {f"create selfsubject{kind}reviews.authorization.k8s.io" for kind in ("access", "rules")}
"""What the server lets everybody ask about himself."""


@dataclass(frozen=True)
class Person:
    """Somebody who signed in to the cluster."""

    at: connection.Connection
    session: requests.Session

    def ask(self, method: str, path: str, body: Any = None, content: str = "application/json") -> requests.Response:
        """One request, as no tool would make it."""
        return self.session.request(
            method, f"{self.at.server}{path}", json=body, headers={"Content-Type": content}, timeout=30
        )

    def may(self, verb: str, what: str, place: str) -> bool:
        """What the server answers the person about himself."""
        kind, _, subresource = what.partition("/")
        resource, _, group = kind.partition(".")
        asked = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": place}
        return bool(self._reviewed("SelfSubjectAccessReview", {"resourceAttributes": asked})["allowed"])

    def writes(self, place: str) -> set[str]:
        """All that the person may do there beyond reading."""
        return {
            f"{' '.join(verbs)} {resource}" + (f".{group}" if group else "")
            for rule in self._reviewed("SelfSubjectRulesReview", {"namespace": place})["resourceRules"]
            if (verbs := sorted(set(rule["verbs"]) - {"get", "list", "watch"}))
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }

    def _reviewed(self, kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        answer = self.ask("POST", f"/apis/authorization.k8s.io/v1/{kind.lower()}s", body)
        assert answer.ok, answer.text
        status: dict[str, Any] = answer.json()["status"]
        return status


@pytest.fixture(scope="module")
def people(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    """One person a role; organisations, an instance and the operator's Secrets are there as in an installation."""
    for code, label in (("671", NAMESPACE), ("681", OTHERS)):
        cluster.apply(*(rights(label, code, role) for role in ("developpeur", "responsable")), deposit(label))
    secret = {"metadata": {"name": SECRET, "namespace": SYSTEM}, "stringData": {"AMCLOUD_PROVENANCE_KEY": KEY}}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", **secret}, *of_an_instance())
    folder, authority, made = tmp_path_factory.mktemp("people"), cluster.plane.authority, {}
    for role, groups in GROUPS.items():
        leaf = authority.leaf(f"evasion-{role}", user=f"{role}-exemple", groups=groups)
        path = authority.kubeconfig(folder / role, server=cluster.plane.server, leaf=leaf, user=role)
        at = connection.from_kubeconfig(path)
        assert at.certificate is not None
        session = requests.Session()
        session.trust_env = False  # a bundle of this machine would take the place of the authority
        session.cert, session.verify = (str(at.certificate[0]), str(at.certificate[1])), str(at.authority)
        made[role] = Person(at, session)
    return made


def of_an_instance() -> list[dict[str, Any]]:
    """An instance's namespace, and what people may do in it, as a pass makes them."""
    command = [sys.executable, "-m", "amcloud", "render", str(SAMPLE), "--stage", "acceptance"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = [one for one in yaml.safe_load_all(done.stdout) if one["kind"] in {"Namespace", "RoleBinding"}]
    assert found[0]["metadata"]["name"] == INSTANCE
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", GROUPS)
def test_no_role_has_a_way_to_the_operator_s_tokens(people: dict[str, Person], role: str, way: str) -> None:
    asked = [(verb, one.split()[-1]) for one in WAYS[way] for verb in one.split()[:-1]]
    open_ = {
        (f"{verb} {what}", place) for verb, what in asked for place in PLACES if people[role].may(verb, what, place)
    }
    meant = OPENED.get(role, {})
    assert open_ == {(one, place) for one in meant for place in meant[one] if tuple(one.split()) in asked}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("role", GROUPS)
def test_all_that_a_role_may_write_is_known(people: dict[str, Person], role: str, place: str) -> None:
    meant = EVERYWHERE.get(role, set()) | WRITES.get(role, {}).get(place, set())
    assert people[role].writes(place) - SELF == meant


class TestTheExploitantInDeed:
    """What the role once opened (a change of nothing showed the key), and what must stay shut with what it has now."""

    @pytest.mark.parametrize("content", ["merge-patch+json", "apply-patch+yaml"])
    def test_an_empty_change_of_a_secret_does_not_show_it(self, people: dict[str, Person], content: str) -> None:
        whole = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}}
        place = f"/api/v1/namespaces/{SYSTEM}/secrets/{SECRET}"
        body, more = (whole, "?fieldManager=essai") if content == "apply-patch+yaml" else ({}, "")
        answer = people["exploitant"].ask("PATCH", place + more, body, f"application/{content}")
        assert "AMCLOUD_PROVENANCE_KEY" not in answer.text
        assert answer.status_code == requests.codes.forbidden

    def test_a_deletion_that_waits_does_not_show_a_secret(self, people: dict[str, Person]) -> None:
        place = f"/api/v1/namespaces/{SYSTEM}/secrets/{SECRET}?dryRun=All&propagationPolicy=Foreground"
        answer = people["exploitant"].ask("DELETE", place)
        assert "AMCLOUD_PROVENANCE_KEY" not in answer.text
        assert answer.status_code == requests.codes.forbidden

    def test_the_operator_does_not_print_its_environment(self, people: dict[str, Person], cluster: Cluster) -> None:
        done = cluster.kubectl("apply", "-f", str(ROOT / "deploy" / "base" / "operator.yaml"))
        assert done.returncode == 0, done.stderr
        place = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/amcloud-operator"
        containers = [{"name": "operator", "command": ["env"]}]
        body = {"spec": {"template": {"spec": {"containers": containers}}}}
        answer = people["exploitant"].ask("PATCH", place, body, "application/strategic-merge-patch+json")
        assert answer.status_code == requests.codes.forbidden

    @pytest.mark.parametrize("place", KEPT)
    def test_a_secret_is_put_once_and_answers_with_what_was_given(self, people: dict[str, Person], place: str) -> None:
        given = {"apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "essai-"}, "stringData": {"a": "b"}}
        answer = people["exploitant"].ask("POST", f"/api/v1/namespaces/{place}/secrets", given)
        assert answer.status_code == requests.codes.created
        assert answer.json()["data"] == {"a": "Yg=="}
        name = answer.json()["metadata"]["name"]
        for method in ("GET", "PUT", "DELETE"):
            again = people["exploitant"].ask(method, f"/api/v1/namespaces/{place}/secrets/{name}", given)
            assert again.status_code == requests.codes.forbidden

    def test_the_operator_s_own_token_is_not_written_into_a_secret_that_can_be_read(
        self, people: dict[str, Person]
    ) -> None:
        metadata = {"name": "jeton", "annotations": {"kubernetes.io/service-account.name": "amcloud-operator"}}
        kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token"}
        put = people["exploitant"].ask("POST", f"/api/v1/namespaces/{SYSTEM}/secrets", {**kind, "metadata": metadata})
        assert put.status_code == requests.codes.created and not put.json().get("data")
        read = people["exploitant"].ask("GET", f"/api/v1/namespaces/{SYSTEM}/secrets/jeton")
        assert read.status_code == requests.codes.forbidden

    def test_the_operator_uses_no_secret_of_its_own_namespace_for_a_project(
        self, people: dict[str, Person], cluster: Cluster, operator: Operator
    ) -> None:
        asked = local_app(
            "evasion", repository={"project": "cpam-bas-rhin/evasion", "credentialsRef": {"name": SECRET}}
        )
        asked["metadata"]["namespace"] = SYSTEM
        put = people["exploitant"].ask("POST", f"/apis/{CLOUD}/v1/namespaces/{SYSTEM}/localapps", asked)
        assert put.status_code == requests.codes.created
        words = "jsonpath={.status.conditions[?(@.type=='Ready')].message}"
        said = until("an answer", lambda: cluster.kubectl("get", "lapp", "evasion", "-n", SYSTEM, "-o", words).stdout)
        assert "n'appartient à aucun organisme" in said
        cluster.kubectl("delete", "lapp", "evasion", "-n", SYSTEM, "--timeout=60s")
