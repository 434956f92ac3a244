"""Settings from the environment: all mistakes at once, words as people write them."""

from __future__ import annotations

import pytest

from amcloud.errors import BrokenInstallationError
from amcloud.settings import Executor, Settings

NAMES = ("DOMAIN", "FORGE_URL", "FORGE_TOKEN", "REGISTRY_URL", "REGISTRY_NAME", "DATABASE_URL")
NEEDED = {f"AMCLOUD_{name}": "x" for name in (*NAMES, "OIDC_ISSUER", "WEBHOOK_TOKEN")}


def test_what_is_not_said_has_a_default() -> None:
    found = Settings.from_environment(NEEDED)
    assert (found.executor, found.check_processes, found.check_jobs) == (Executor.PROCESSES, 2, 10)
    assert (found.approved_runners, found.approved_templates) == ((), ("amcloud/pipelines@v1",))
    assert (found.advisories, found.advisories_s) == ("", 3600.0)


def test_runners_are_separated_by_commas_since_their_descriptions_have_blanks() -> None:
    found = Settings.from_environment({**NEEDED, "AMCLOUD_APPROVED_RUNNERS": " Usine logicielle 1 ,#12,, "})
    assert found.approved_runners == ("Usine logicielle 1", "#12")


@pytest.mark.parametrize("name", ["service_networks", "dns_networks"])
def test_networks_are_networks(name: str) -> None:
    variable = f"AMCLOUD_{name.upper()}"
    found = Settings.from_environment({**NEEDED, variable: "192.0.2.0/24, 198.51.100.7/32"})
    assert getattr(found, name) == ("192.0.2.0/24", "198.51.100.7/32")
    with pytest.raises(BrokenInstallationError, match=rf"{variable}.*base\.example"):
        Settings.from_environment({**NEEDED, variable: "base.example"})


def test_checks_may_be_jobs() -> None:
    assert Settings.from_environment({**NEEDED, "AMCLOUD_EXECUTOR": "kubernetes"}).executor is Executor.KUBERNETES


def test_every_mistake_is_told_at_once() -> None:
    wrong = {"AMCLOUD_EXECUTOR": "nomad", "AMCLOUD_CHECK_JOBS": "0", "AMCLOUD_ADVISORIES_S": "demain"}
    with pytest.raises(BrokenInstallationError) as caught:
        Settings.from_environment({"AMCLOUD_DOMAIN": "x", **wrong})
    said = str(caught.value)
    for name in (*wrong, "AMCLOUD_FORGE_URL", "AMCLOUD_WEBHOOK_TOKEN"):
        assert name in said
    assert "processes ou kubernetes" in said
