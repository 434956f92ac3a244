"""The attestor: what it does when nobody had signed, when it cannot, and when the registry lets it read only."""

from __future__ import annotations

import base64
import types
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from amcloud_samples import ONE, report, result

from amcloud.clients.attestations import Attestor, tag
from amcloud.clients.registry import OciRegistry
from amcloud.clients.signing import Signer
from amcloud.errors import BrokenInstallationError
from amcloud.ports import Question
from amcloud.stages.build import GoOn, Image, Pipeline, PipelineStatus
from amcloud.stages.declared.app import StageName
from amcloud.stages.provenance import Origin, Proven, Refuse
from psram.model import Verdict

DIGEST = f"sha256:{'a' * 64}"
BUILT = GoOn(
    Image(f"registre.example/cpam/essai@{DIGEST}", ONE),
    Pipeline(7, PipelineStatus.SUCCESS, datetime(2026, 11, 22, tzinfo=UTC), "https://forge.example/7"),
)
SAID = Origin(DIGEST, ONE)
SOUND = report(ONE, *(result(rule, verdict=Verdict.CONFORMING) for rule in ("GOV-005", "PIP-001")))
KEY = base64.b64encode(bytes(32)).decode()


@dataclass
class Beside:
    """What lies beside the images, in memory; ``read_only`` refuses to take anything."""

    read_only: bool = False
    kept: dict[str, bytes] = field(default_factory=dict)
    asked: int = 0

    def attached(self, project: str, tag: str) -> bytes | None:
        self.asked += 1
        return self.kept.get(tag)

    def attach(self, project: str, tag: str, content: bytes) -> None:
        if self.read_only:
            raise BrokenInstallationError("le registre refuse que l'opérateur y écrive")
        self.kept[tag] = content


def prove(beside: Beside, stage: StageName, *, key: str = KEY, attestor: Attestor | None = None) -> Any:
    asked = types.SimpleNamespace(
        app=types.SimpleNamespace(source=types.SimpleNamespace(project="cpam/essai")),
        stage=types.SimpleNamespace(name=stage),
        commit=ONE,
    )
    signs = attestor or Attestor(cast(OciRegistry, beside), Signer(key), forge_url="https://forge.example")
    return signs.prove(cast(Question, asked), BUILT, SAID, SOUND)


def test_what_nobody_had_signed_is_signed_once_and_found_by_the_next_stage() -> None:
    beside = Beside()
    assert prove(beside, StageName.ACCEPTANCE) == Proven(signed=True)
    first = beside.kept[tag(DIGEST)]
    assert Signer(KEY).opened(first).statement["subject"][0]["digest"] == {"sha256": "a" * 64}
    assert prove(beside, StageName.PRODUCTION) == Proven(signed=True)
    assert beside.kept == {tag(DIGEST): first}


def test_a_verified_attestation_is_remembered_a_false_one_is_not() -> None:
    beside = Beside(kept={tag(DIGEST): b"faux"})
    attestor = Attestor(cast(OciRegistry, beside), Signer(KEY), forge_url="https://forge.example")
    assert isinstance(prove(beside, StageName.DEVELOPMENT, attestor=attestor), Refuse)
    del beside.kept[tag(DIGEST)]
    assert prove(beside, StageName.DEVELOPMENT, attestor=attestor) == Proven(signed=True)
    assert prove(beside, StageName.DEVELOPMENT, attestor=attestor) == Proven(signed=True)
    asked = beside.asked
    assert prove(beside, StageName.PRODUCTION, attestor=attestor) == Proven(signed=True)
    assert beside.asked == asked


@pytest.mark.parametrize("stage", [StageName.DEVELOPMENT, StageName.ACCEPTANCE])
@pytest.mark.parametrize(
    ("beside", "key"), [(Beside(), ""), (Beside(read_only=True), KEY)], ids=["no key", "read only"]
)
def test_what_cannot_be_signed_holds_up_production_alone(beside: Beside, key: str, stage: StageName) -> None:
    assert prove(beside, stage, key=key) == Proven(signed=False)
    with pytest.raises(BrokenInstallationError):
        prove(beside, StageName.PRODUCTION, key=key)
