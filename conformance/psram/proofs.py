"""Evidence that does not come from the repository: what the pipeline produced, the forge says, the portal declares.

Values only. ``None`` or an empty tuple means absent, not refused: a rule that needs it answers "indéterminé". Every
kind of evidence says since when it holds (``observed_on``), so that a rule can refuse what is older than its lifetime.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class Giver(StrEnum):
    """Who can give evidence that is missing: a closed list."""

    DEVELOPER = "développeur"
    PIPELINE = "pipeline"
    PLATFORM = "plateforme"
    AUDITOR = "auditeur"


class TestCase(msgspec.Struct, frozen=True, order=True):
    """One case of a JUnit report, its data sets together.

    ``outcome`` is the worst of passed, empty (it asserts nothing), skipped and failed.
    """

    __test__ = False  # pytest: not a test class

    class_name: str
    name: str
    outcome: str = "passed"


class TestSummary(msgspec.Struct, frozen=True):
    """What a JUnit report counts; ``isolation`` counts the cases whose name or class speaks of isolation.

    ``cases`` are the first of them by name (bounded, those that speak of isolation before the others), for the tenancy
    matrix; ``cases_total`` says how many there would be.
    """

    __test__ = False  # pytest: not a test class

    tests: int
    failures: int
    errors: int
    skipped: int
    isolation: int = 0
    failed_names: tuple[str, ...] = ()
    cases: tuple[TestCase, ...] = ()
    cases_total: int = 0


class PipelineEvidence(msgspec.Struct, frozen=True):
    """What the pipeline of ``commit`` produced; ``trusted`` says that the platform itself fetched it from the forge.

    ``source`` is the forge's word for what started it (``push``, ``web``, ``external``…); ``runners`` names the runners
    that ran its jobs; ``image`` is the digest of what it built.
    """

    commit: str
    status: str
    tests: TestSummary | None = None
    url: str = ""
    trusted: bool = True
    problem: str = ""
    source: str = ""
    runners: tuple[str, ...] = ()
    observed_on: date | None = None
    image: str = ""


class Declaration(msgspec.Struct, frozen=True):
    """What the portal's record (the LocalApp) declares; ``project`` is the forge project's path."""

    name: str
    project: str = ""
    project_id: int | None = None
    owner: str = ""
    track: str = ""
    criticality: str = ""
    maturity: str = ""
    classification: str = ""
    register: str = ""
    observed_on: date | None = None


class ProtectedRef(msgspec.Struct, frozen=True):
    """A protection of the forge: ``pattern`` is a branch or tag name, wildcards included; levels are the forge's."""

    pattern: str
    force_push: bool = False
    push_level: int = 0
    merge_level: int = 0


class CiInclude(msgspec.Struct, frozen=True):
    """A template that the merged CI configuration includes, at the ref it names."""

    project: str
    file: str
    ref: str = ""


class CiJob(msgspec.Struct, frozen=True):
    """A job of the merged CI configuration; ``overridden`` when the project redefines a job of the template."""

    name: str
    allow_failure: bool = False
    never: bool = False
    overridden: bool = False


class ForgeEvidence(msgspec.Struct, frozen=True):
    """What the forge says of the project; ``project`` and ``project_id`` are what the declared path resolves to."""

    project: str = ""
    project_id: int | None = None
    default_branch: str = ""
    protected_branches: tuple[ProtectedRef, ...] = ()
    protected_tags: tuple[ProtectedRef, ...] = ()
    approvals_required: int | None = None
    includes: tuple[CiInclude, ...] | None = None
    jobs: tuple[CiJob, ...] | None = None
    observed_on: date | None = None
    problem: str = ""


class QualityFinding(msgspec.Struct, frozen=True):
    """One finding of a tool; ``line`` 0 for a whole file."""

    message: str
    path: str = ""
    line: int = 0
    rule: str = ""


class QualityReport(msgspec.Struct, frozen=True):
    """A report of phpcs, PHPStan or coverage made by the pipeline of ``commit``.

    ``totals`` holds the tool's counts (``errors``, ``warnings``, ``lines``, ``covered``, ``baseline``, ``level``…);
    ``findings`` are bounded, ``findings_total`` counts them all; ``configuration`` is the tool's settings' digest.
    """

    tool: str
    commit: str
    trusted: bool = True
    totals: dict[str, float] = {}
    findings: tuple[QualityFinding, ...] = ()
    findings_total: int = 0
    configuration: str = ""
    observed_on: date | None = None
    problem: str = ""


class Advisory(msgspec.Struct, frozen=True, order=True):
    """One published vulnerability: ``affected`` are Composer constraints, each one of which is concerned.

    ``corrected_in`` is the version of which a distribution's package, named by ``corrected_by``, holds the fix.
    """

    package: str
    id: str
    title: str = ""
    affected: tuple[str, ...] = ()
    link: str = ""
    reported_on: date | None = None
    severity: str = ""
    corrected_in: str = ""
    corrected_by: str = ""


class AdvisoryDatabase(msgspec.Struct, frozen=True):
    """The offline advisory database as it was read; ``entries`` concern the lock's packages only.

    ``dated`` is the day of its last entry or of its mirror's refresh, ``digest`` names its exact content.
    """

    digest: str
    dated: date
    entries: tuple[Advisory, ...] = ()
    source: str = ""
    advisories: int = 0
    problem: str = ""


class Accepted(msgspec.Struct, frozen=True):
    """What the last accepted commit counted: what must not grow worse. ``None`` means not known.

    ``coverage`` is the share of lines that a test ran, from 0 to 1.
    """

    commit: str
    tests: int | None = None
    coverage: float | None = None
    baseline: int | None = None
    fingerprints: tuple[str, ...] = ()


class Evidence(msgspec.Struct, frozen=True):
    """Evidence that does not come from the repository; ``None`` means absent, not refused."""

    pipeline: PipelineEvidence | None = None
    declaration: Declaration | None = None
    forge: ForgeEvidence | None = None
    quality: tuple[QualityReport, ...] = ()
    advisories: AdvisoryDatabase | None = None
    accepted: Accepted | None = None

    def report(self, tool: str) -> QualityReport | None:
        """The report of that tool, or ``None``."""
        return next((r for r in self.quality if r.tool == tool), None)
