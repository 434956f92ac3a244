"""Each family's decisions, from values alone."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml

from amcloud import assets
from amcloud.clients.installation import Right
from amcloud.doctor import cluster, configuration, kinds, norms, operations, organisations, rights, services
from amcloud.doctor.findings import Finding, State
from amcloud.doctor.ground import Ground
from amcloud.errors import BrokenInstallationError
from amcloud.settings import Settings
from amcloud.stages.declared.app import Organisation, StageName
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.objects.kinds import OPTIONAL, VERSIONS, Offers
from psram import packs
from psram.advisories import Database

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ENVIRONMENT = {
    "AMCLOUD_DOMAIN": "amcloud.test",
    "AMCLOUD_FORGE_URL": "https://forge.test",
    "AMCLOUD_FORGE_TOKEN": "x" * 20,
    "AMCLOUD_REGISTRY_URL": "https://registre.test",
    "AMCLOUD_REGISTRY_NAME": "registre.test",
    "AMCLOUD_DATABASE_URL": "postgresql://amcloud@base.test/amcloud",
    "AMCLOUD_OIDC_ISSUER": "https://connexion.test",
    "AMCLOUD_WEBHOOK_TOKEN": "w" * 32,
    "AMCLOUD_APPROVED_RUNNERS": "usine",
    "AMCLOUD_ADVISORIES": "/avis",
    "AMCLOUD_SERVICE_NETWORKS": "192.0.2.0/24",
    "AMCLOUD_RUNBOOKS_URL": "https://pages.test/runbooks",
    "AMCLOUD_PROVENANCE_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}


def states(found: Any) -> dict[str, State]:
    return {one.check: one.state for one in found}


def ground(**environment: str) -> Ground:
    whole = {name: value for name, value in {**ENVIRONMENT, **environment}.items() if value}
    return Ground(None, whole, "amcloud-system", inside=True, now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(("minor", "state"), [(0, "unknown"), (19, "error"), (20, "ok"), (33, "ok")])
def test_a_cluster_is_1_20_or_newer(minor: int, state: str) -> None:
    assert cluster.version(Offers({}, minor)).state == state


def test_a_cluster_without_what_may_be_missing_is_told_what_it_misses() -> None:
    bare = Offers({kind: versions for kind, versions in VERSIONS.items() if kind not in OPTIONAL}, 30)
    found = states(cluster.kinds(bare))
    assert found == {"api-kinds": State.OK, **{f"api-{kind.lower()}": State.WARNING for kind in OPTIONAL}}
    assert states(cluster.kinds(Offers(VERSIONS, 30)))["api-servicemonitor"] is State.OK


def test_a_cluster_without_what_is_needed_cannot_host() -> None:
    without = {kind: versions for kind, versions in VERSIONS.items() if kind != "Ingress"}
    (finding,) = [one for one in cluster.kinds(Offers(without, 30)) if one.state is State.ERROR]
    assert "Ingress (networking.k8s.io/v1)" in finding.said


@pytest.mark.parametrize(
    ("drift_s", "state"), [(None, "unknown"), (0.0, "ok"), (-4.0, "ok"), (6.0, "warning"), (-90.0, "error")]
)
def test_clocks_agree(drift_s: float | None, state: str) -> None:
    assert cluster.clock(drift_s).state == state


def test_traffic_must_enter_somewhere() -> None:
    assert cluster.edge([]).state is State.WARNING
    assert "ingress-nginx" in cluster.edge(["ingress-nginx"]).said


def test_the_operator_s_namespace_must_be_let_in_by_instances() -> None:
    refused = cluster.let_in("amcloud-system", ["autre"], "")
    assert refused.state is State.ERROR
    assert refused.remedy == "kubectl label namespace amcloud-system amcloud.cnamts.fr/operator=true"
    assert cluster.let_in("amcloud-system", ["amcloud-system"], "").state is State.OK
    assert cluster.let_in("amcloud-system", [], "192.0.2.1:80").state is State.OK


def definition(**status: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((assets.folder("crds") / "localapps.yaml").read_text(encoding="utf-8"))
    found["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
    return found


def test_definitions_that_lack_a_field_are_older_and_those_with_more_are_newer() -> None:
    ours, older = definition(), definition()
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["track"]
    assert kinds.compared(ours, copy.deepcopy(ours)).state is State.OK
    assert kinds.compared(ours, None).state is State.ERROR
    missing = kinds.compared(ours, older)
    assert missing.state is State.ERROR
    assert "v1.spec.track" in missing.said
    assert kinds.compared(older, ours).state is State.WARNING
    assert kinds.compared(ours, {**ours, "status": {}}).state is State.ERROR


def test_the_rights_asked_for_are_those_of_deploy() -> None:
    expected = rights.expected("amcloud-system")
    assert Right("patch", "amcloud.cnamts.fr", "localapps/status") in expected
    assert Right("get", "", "pods/log") in expected
    assert not expected & set(rights._TOO_MUCH)
    assert str(Right("get", "", "pods/log", "essai")) == "get pods/log (espace essai)"


def test_missing_settings_are_all_named_at_once() -> None:
    (finding,) = configuration.examine(ground(AMCLOUD_DOMAIN="", AMCLOUD_FORGE_URL=""))
    assert finding.state is State.ERROR
    assert "AMCLOUD_DOMAIN manque" in finding.said and "AMCLOUD_FORGE_URL manque" in finding.said


@pytest.mark.parametrize(
    ("variable", "value", "check", "state"),
    [
        ("AMCLOUD_FORGE_TOKEN", "a-remplacer", "settings-example", "error"),
        ("AMCLOUD_DOMAIN", "amcloud.example", "settings-example", "error"),
        ("AMCLOUD_URL_SCHEME", "http", "settings-https", "warning"),
        ("AMCLOUD_APPROVED_RUNNERS", "", "settings-runners", "error"),
        ("AMCLOUD_WEBHOOK_TOKEN", "court", "settings-webhook", "warning"),
        ("AMCLOUD_ADVISORIES", "", "settings-advisories", "error"),
        ("AMCLOUD_SERVICE_NETWORKS", "", "settings-networks", "error"),
        ("AMCLOUD_RUNBOOKS_URL", "", "settings-runbooks", "warning"),
        ("AMCLOUD_PROVENANCE_KEY", "", "settings-provenance", "error"),
        ("AMCLOUD_PROVENANCE_KEY", "trop-courte", "settings-provenance", "error"),
        ("AMCLOUD_PROVENANCE_PUBLIC_KEYS", "trop-courte", "settings-provenance", "error"),
    ],
)
def test_doubtful_settings_are_told(variable: str, value: str, check: str, state: str) -> None:
    assert states(configuration.examine(ground())) == {"settings": State.OK, "settings-example": State.OK}
    found = {one.check: one for one in configuration.examine(ground(**{variable: value}))}
    assert found[check].state == state
    assert "x" * 20 not in "".join(one.said + one.remedy for one in found.values())


def test_ports_that_are_open_to_everywhere_are_named_and_an_address_opens_none() -> None:
    (found,) = configuration.doubts(ground(AMCLOUD_SERVICE_NETWORKS="").settings())
    assert "le port 5432 (la base) et le port 443 (l'identité)" in found.said
    by_address = {"AMCLOUD_DATABASE_URL": "postgresql://a@192.0.2.1/a", "AMCLOUD_OIDC_ISSUER": "https://192.0.2.2"}
    assert not list(configuration.doubts(ground(AMCLOUD_SERVICE_NETWORKS="", **by_address).settings()))


def pack(
    *, version: str = packs.DEFAULT, digest: str = "", stages: tuple[StageName, ...] = tuple(StageName)
) -> NormPack:
    return NormPack(version, digest or packs.load().digest, NOW, frozenset(stages))


def test_a_pack_is_known_by_its_content_and_refuses_in_production() -> None:
    assert norms.known(pack()).state is State.OK
    assert norms.known(pack(version="psram-2099.1")).state is State.ERROR
    assert norms.known(pack(digest="sha256:" + "0" * 64)).state is State.ERROR
    assert norms.enforced(pack()).state is State.OK
    assert norms.enforced(pack(stages=())).state is State.WARNING
    assert "development" in norms.enforced(pack(stages=(StageName.ACCEPTANCE, StageName.PRODUCTION))).said


@pytest.mark.parametrize(("age", "state"), [(0, "ok"), (7, "ok"), (8, "warning"), (31, "error")])
def test_advisories_get_old_as_the_rule_says(age: int, state: str) -> None:
    today = date(2026, 3, 2)
    found = Database("/avis", dated=date.fromordinal(today.toordinal() - age))
    assert norms.advisories(found, today, inside=True).state == state
    params = next(rule for rule in packs.load().rules if rule.id == "CMP-002").params
    assert (params["stale_days"], params["refused_days"]) == (norms.STALE_DAYS, norms.REFUSED_DAYS)


def test_advisories_that_cannot_be_read_from_a_desk_may_be_readable_in_the_pod() -> None:
    broken = Database("/avis", problem="illisible")
    assert norms.advisories(broken, NOW.date(), inside=True).state is State.ERROR
    assert norms.advisories(broken, NOW.date(), inside=False).state is State.UNKNOWN


def test_organisations_and_namespaces_go_together() -> None:
    known = {"671": Organisation("671", "CPAM (exemple)", "cpam-bas-rhin", "cpam-bas-rhin")}
    assert states(organisations.paired({}, {})) == {"organisations": State.ERROR}
    assert states(organisations.paired(known, {"cpam-bas-rhin": "671"})) == {"organisations": State.OK}
    assert states(organisations.paired(known, {}))["organisation-namespace"] is State.WARNING
    foreign = states(organisations.paired(known, {"cpam-bas-rhin": "671", "perdu": "999"}))
    assert foreign["organisation-namespace"] is State.ERROR


def test_a_reserved_code_that_was_declared_before_it_was_reserved_is_named() -> None:
    (found,) = organisations.reserved(["671", "995"])
    assert found.state is State.ERROR and "995" in found.said
    assert not list(organisations.reserved(["671", "989"]))


def test_the_tokens_that_applications_name_exist() -> None:
    app = {
        "metadata": {"name": "suivi", "namespace": "cpam-bas-rhin"},
        "spec": {"repository": {"project": "g/p", "credentialsRef": {"name": "forge-token"}}},
    }
    (fine,) = organisations.credentials([app], lambda _: frozenset({"forge-token"}))
    (missing,) = organisations.credentials([app], lambda _: frozenset())
    assert fine.state is State.OK
    assert missing.state is State.ERROR and "cpam-bas-rhin/suivi → forge-token" in missing.said


def test_tokens_that_one_may_not_list_are_no_missing_tokens() -> None:
    app = {
        "metadata": {"name": "suivi", "namespace": "cpam-bas-rhin"},
        "spec": {"repository": {"project": "g/p", "credentialsRef": {"name": "forge-token"}}},
    }

    def refused(_: str) -> frozenset[str]:
        raise BrokenInstallationError("liste des Secrets : interdit")

    (found,) = organisations.credentials([app], refused)
    assert found.state is State.UNKNOWN and "pod de l'opérateur" in found.remedy


def deployment(replicas: int, ready: int) -> dict[str, Any]:
    containers = [{"image": "registre.test/amcloud/operator:1"}]
    spec = {"replicas": replicas, "template": {"spec": {"containers": containers}}}
    return {"spec": spec, "status": {"readyReplicas": ready}}


@pytest.mark.parametrize(
    ("found", "state"),
    [(None, "error"), (deployment(1, 1), "ok"), (deployment(1, 0), "error"), (deployment(2, 2), "error")],
)
def test_one_operator_runs(found: dict[str, Any] | None, state: str) -> None:
    assert operations.running(found).state == state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (None, "warning"),
        ({}, "warning"),
        ({"lastSuccessfulTime": "2026-03-02T01:20:00Z"}, "ok"),
        ({"lastScheduleTime": "2026-03-02T01:15:00Z"}, "ok"),
        ({"lastScheduleTime": "2026-03-02T01:15:00Z", "lastSuccessfulTime": "2026-02-27T01:20:00Z"}, "error"),
    ],
)
def test_backups_are_of_last_night(status: dict[str, str] | None, state: str) -> None:
    assert operations.backups(None if status is None else {"status": status}, NOW).state == state


def test_monitoring_is_asked_for_where_prometheus_is() -> None:
    assert operations.monitored(Offers({}), []).state is State.WARNING
    assert operations.monitored(Offers(VERSIONS), []).state is State.WARNING
    assert operations.monitored(Offers(VERSIONS), ["ServiceMonitor"]).state is State.OK


def test_a_service_that_is_down_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    role = services.services.PostgresRole("amcloud", True, True, False, 15, 10, 100)
    monkeypatch.setattr(
        services.services, "forge", lambda *_: services.services.ForgeAccount("bot", "17.0", date(2026, 3, 20))
    )
    monkeypatch.setattr(services.services, "registry", lambda *_: (_ for _ in ()).throw(services.AmcloudError("muet")))
    monkeypatch.setattr(services.services, "postgres", lambda *_: role)
    monkeypatch.setattr(services.services, "oidc_issuer", lambda *_: "https://autre.test")
    found: dict[str, Finding] = {one.check: one for one in services.examine(ground())}
    assert {name: one.state.value for name, one in found.items()} == {
        "service-forge": "warning", "service-registry": "error", "service-database": "ok", "service-oidc": "error",
    }  # fmt: skip
    assert "encore 18 jour(s)" in found["service-forge"].said


@pytest.mark.parametrize(
    ("creates", "superuser", "major", "state"),
    [(True, False, 15, "ok"), (False, False, 15, "error"), (True, False, 12, "error"), (True, True, 15, "warning")],
)
def test_the_operator_s_role_may_what_it_must_and_no_more(
    monkeypatch: pytest.MonkeyPatch, creates: bool, superuser: bool, major: int, state: str
) -> None:
    role = services.services.PostgresRole("amcloud", creates, True, superuser, major, 10, 100)
    monkeypatch.setattr(services.services, "postgres", lambda _: role)
    assert services.database(Settings.from_environment(ENVIRONMENT), ground()).state == state
