"""Stage 3, the gate: may a commit go on, and if not, the one sentence that says why.

One pure function of (track, stage, verdict, acceptance, suspension, time). Its truth table is
``tests/unit/amcloud/stages/test_verdict.py`` and a page of docs/.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from amcloud.stages.manifest import App, StageName

if TYPE_CHECKING:
    from psram.model import Report


class Reason(StrEnum):
    """The closed list of reasons of conditions and events. Each has a line in docs/raisons.md."""

    # conditions that are True
    SERVING = "Serving"
    CATALOGUED = "Catalogued"
    CONFORMANT = "Conformant"
    # waiting: nobody needs to act
    CHECKING = "Checking"
    BUILDING = "Building"
    PROVISIONING = "Provisioning"
    ROLLING_OUT = "RollingOut"
    FORGE_UNAVAILABLE = "ForgeUnavailable"
    SERVICE_UNAVAILABLE = "ServiceUnavailable"
    # refused: somebody must act
    INVALID_MANIFEST = "InvalidManifest"
    REPOSITORY_REFUSED = "RepositoryRefused"
    REF_NOT_FOUND = "RefNotFound"
    NOT_CONFORMANT = "NotConformant"
    CONFORMANCE_UNKNOWN = "ConformanceUnknown"
    ACCEPTANCE_MISSING = "AcceptanceMissing"
    SPONSOR_MISSING = "SponsorMissing"
    SUSPENDED = "Suspended"
    BUILD_FAILED = "BuildFailed"
    IMAGE_REFUSED = "ImageRefused"
    NOT_OWNED = "NotOwned"
    SECRET_MISSING = "SecretMissing"
    MIGRATION_FAILED = "MigrationFailed"
    ROLLOUT_FAILED = "RolloutFailed"
    BROKEN_INSTALLATION = "BrokenInstallation"


@dataclass(frozen=True, slots=True)
class NormPack:
    """A version of the norms as the platform offers it. ``enforced`` names the stages where its rules refuse."""

    version: str
    digest: str
    effective_at: datetime
    enforced: frozenset[StageName]


def norm_pack(offered: tuple[NormPack, ...], asked: str | None, *, now: datetime) -> NormPack | None:
    """The pack in force: the newest effective one, or a newer one that the application asks for; ``None`` if none is.

    An application may only ask for a newer pack than the platform's, never for an older one.
    """
    raise NotImplementedError


class Moment(StrEnum):
    """When the gate is asked: before building, or before hosting."""

    BUILD = "build"
    HOST = "host"


class Answer(StrEnum):
    """What the gate says."""

    GO = "go"
    REFUSE = "refuse"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A procès-verbal de recette: its outcome for one commit."""

    commit: str
    positive: bool


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the gate reads besides the report; governance fills it from its own resources."""

    acceptances: tuple[Acceptance, ...] = ()
    derogations: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer with its closed reason and one sentence for the person who must act."""

    answer: Answer
    reason: Reason
    sentence: str


def decide(
    *,
    moment: Moment,
    app: App,
    stage: StageName,
    commit: str,
    report: Report,
    enforced: bool,
    dossier: Dossier,
    now: datetime,
) -> Decision:
    """The gate's answer for one commit at one stage, from track, sponsor and suspension of ``app``, report and dossier."""
    raise NotImplementedError
