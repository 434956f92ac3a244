"""What a norm pack holds: its rules as data. Loading and checking packs is in :mod:`psram.packs`."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

import msgspec


class Track(StrEnum):
    """The three tracks (filières)."""

    LABELLISATION = "labellisation"
    HOMOLOGATION = "homologation"
    HORS_STANDARD = "hors-standard"


class Stage(StrEnum):
    """Where a revision is to be hosted."""

    DEVELOPMENT = "development"
    ACCEPTANCE = "acceptance"
    PRODUCTION = "production"


class Moment(StrEnum):
    """From when a rule counts: source (before the build), pipeline (before hosting), acceptance, production."""

    SOURCE = "source"
    PIPELINE = "pipeline"
    ACCEPTANCE = "acceptance"
    PRODUCTION = "production"


class Severity(StrEnum):
    """What a violation costs: bloquante refuses; majeure refuses beyond the pack's threshold."""

    BLOCKING = "bloquante"
    MAJOR = "majeure"
    MINOR = "mineure"
    INFO = "info"


class EvidenceClass(StrEnum):
    """Who says it: observed by the controller, produced by the pipeline, declared, signed."""

    OBSERVED = "O"
    PRODUCED = "P"
    DECLARED = "D"
    SIGNED = "S"


class Remediation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do about a violation; ``effort`` is faible, moyen or fort."""

    fr: str
    effort: str = "faible"


class Lifecycle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Since which pack, from which day it can block, and from which day it is dropped."""

    since: str
    effective_on: date | None = None
    deprecated_on: date | None = None


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A small tree of files that the rule accepts or refuses: documentation and test at once.

    ``context`` overrides fields of the evaluation's context; ``links`` maps a symbolic link's path to its target,
    ``submodules`` lists paths; ``expect`` is the verdict when it is neither of the two usual ones.
    """

    name: str
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    submodules: tuple[str, ...] = ()
    oversize: tuple[str, ...] = ()
    context: dict[str, Any] = {}
    expect: str = ""
    lines: tuple[str, ...] = ()


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trees that respect the rule (look-alikes included) and trees that break it."""

    good: tuple[Example, ...]
    bad: tuple[Example, ...]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of a pack. ``severity`` maps a track, or ``track/stage``, to a severity."""

    id: str
    title: str
    rationale: str
    references: tuple[str, ...]
    severity: dict[str, Severity]
    moment: Moment
    evidence: EvidenceClass
    remediation: Remediation
    examples: Examples
    lifecycle: Lifecycle
    applies: str = "always"
    requires: tuple[str, ...] = ()
    params: dict[str, Any] = {}

    @property
    def family(self) -> str:
        """The id's first part, ``PHP`` for ``PHP-001``."""
        return self.id.partition("-")[0]

    def severity_for(self, track: Track, stage: Stage) -> Severity:
        """Its severity there; ``hors-standard`` is told what homologation would say."""
        asked = Track.HOMOLOGATION if track is Track.HORS_STANDARD else track
        return self.severity.get(f"{asked}/{stage}", self.severity[asked])


class Pack(msgspec.Struct, frozen=True):
    """A version of the norms. ``major_threshold`` is how many majeure rules may be broken, by track."""

    name: str
    version: str
    title: str
    digest: str
    rules: tuple[Rule, ...]
    effective_on: date | None = None
    families: dict[str, str] = {}
    major_threshold: dict[str, int] = {}

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of that id, or ``None``."""
        return next((r for r in self.rules if r.id == rule_id), None)
