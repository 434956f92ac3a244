"""Why: the closed list of reasons of conditions and events, from every step of a pass."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """The closed list of reasons of conditions and events. Each has a line in docs/raisons.md."""

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
    CONNECTOR_UNKNOWN = "ConnectorUnknown"
    CONNECTOR_UNAUTHORISED = "ConnectorUnauthorised"
    CONNECTOR_ENDED = "ConnectorEnded"
    BUDGET_EXCEEDED = "BudgetExceeded"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, not a password
    MIGRATION_FAILED = "MigrationFailed"
    TENANT_LEAK = "TenantLeak"
    ISOLATION_UNPROVEN = "IsolationUnproven"
    ROLLOUT_FAILED = "RolloutFailed"
    # why pods do not serve: each is one of the ways in which a rollout fails (ROLLOUT_FAILURES)
    QUOTA_EXCEEDED = "QuotaExceeded"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CRASH_LOOPING = "CrashLooping"
    OUT_OF_MEMORY = "OutOfMemory"
    NOT_READY = "NotReady"
    BROKEN_INSTALLATION = "BrokenInstallation"
    STATUS_REFUSED = "StatusRefused"
    INTERNAL_ERROR = "InternalError"


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
