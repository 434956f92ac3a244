"""Why: the closed list of reasons that conditions and events give, from every step of a pass.

What each means and who acts: docs/raisons.md. The next thing to do, in a few words: :mod:`amcloud.cli.hints`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Each has a line in docs/raisons.md, which says who acts."""

    # conditions that are True
    SERVING = "Serving"
    PINNED = "Pinned"
    ROLLED_BACK = "RolledBack"
    CATALOGUED = "Catalogued"
    DECLARED = "Declared"
    CONFORMANT = "Conformant"
    SOURCE_FETCHED = "SourceFetched"
    ACCEPTED = "Accepted"
    BUILT = "Built"
    PROVISIONED = "Provisioned"
    DATABASE_READY = "DatabaseReady"
    STORAGE_EXCEEDED = "StorageExceeded"
    TENANT_ISOLATED = "TenantIsolated"
    DEROGATED = "Derogated"
    NOTIFIED = "Notified"
    # waiting: the platform goes on by itself (WAITING)
    CHECKING = "Checking"
    BUILDING = "Building"
    PROVISIONING = "Provisioning"
    ROLLING_OUT = "RollingOut"
    FORGE_UNAVAILABLE = "ForgeUnavailable"
    SERVICE_UNAVAILABLE = "ServiceUnavailable"
    INTERNAL_ERROR = "InternalError"
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
    CONNECTOR_UNKNOWN = "ConnectorUnknown"
    CONNECTOR_UNAUTHORISED = "ConnectorUnauthorised"
    CONNECTOR_ENDED = "ConnectorEnded"
    BUDGET_EXCEEDED = "BudgetExceeded"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, not a password
    MIGRATION_FAILED = "MigrationFailed"
    TENANT_LEAK = "TenantLeak"
    ISOLATION_UNPROVEN = "IsolationUnproven"
    ROLLOUT_FAILED = "RolloutFailed"
    BROKEN_INSTALLATION = "BrokenInstallation"
    STATUS_REFUSED = "StatusRefused"
    # why pods do not serve: each is one of the ways in which a rollout fails (ROLLOUT_FAILURES)
    QUOTA_EXCEEDED = "QuotaExceeded"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CRASH_LOOPING = "CrashLooping"
    OUT_OF_MEMORY = "OutOfMemory"
    NOT_READY = "NotReady"


WAITING: Final = frozenset(
    {
        *(Reason.CHECKING, Reason.BUILDING, Reason.PROVISIONING, Reason.ROLLING_OUT),
        *(Reason.FORGE_UNAVAILABLE, Reason.SERVICE_UNAVAILABLE, Reason.INTERNAL_ERROR),
    }
)
"""Reasons of what the platform goes on with by itself."""
ROLLOUT_FAILURES: Final = frozenset(
    {
        Reason.ROLLOUT_FAILED,
        Reason.QUOTA_EXCEEDED,
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL_FAILED,
        Reason.CRASH_LOOPING,
        Reason.OUT_OF_MEMORY,
        Reason.NOT_READY,
    }
)
"""Reasons of a rollout that does not come to its end, all objects being in place."""
