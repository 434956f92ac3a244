"""What a norm pack holds: its rules as data. Loading and checking packs is in :mod:`psram.packs`."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, Literal

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


class DecidedBy(StrEnum):
    """Who decides a rule: the engine's check, or the hosting gate, which reads the signed resources itself."""

    ENGINE = "engine"
    GATE = "gate"


class Source(StrEnum):
    """Where evidence that is not in the repository comes from: what a rule's ``needs`` may name."""

    PIPELINE = "pipeline"
    TESTS = "tests"
    DECLARATION = "declaration"
    FORGE = "forge"
    ADVISORIES = "advisories"
    PHPCS = "phpcs"
    PHPSTAN = "phpstan"
    COBERTURA = "cobertura"


class Remediation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do about a violation.

    ``effort`` is a word of the pack's ``efforts``; ``minutes_each`` is added for every finding beyond the first (what
    the pack says for that word, when ``None``).
    ``patch`` names the mechanical fix that ``amcloud check --fix`` applies. Rules with the same ``action`` are
    corrected by one and the same gesture, counted once.
    """

    fr: str
    effort: str = "faible"
    minutes_each: float | None = None
    patch: str = ""
    action: str = ""


class Lifecycle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Since which pack, from which day it can block, from which day it is said to end, and from which it is dropped.

    Between ``warned_on`` and ``deprecated_on`` the rule still counts and its reader is told that it ends.
    """

    since: str
    effective_on: date | None = None
    warned_on: date | None = None
    deprecated_on: date | None = None
    replaced_by: str = ""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a rule applies: all that is given must hold. ``fact`` is counted and compared with ``min``."""

    fact: str = ""
    min: int = 1
    tracks: tuple[Track, ...] = ()
    stages: tuple[Stage, ...] = ()
    criticalities: tuple[str, ...] = ()


class Graver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A graver severity where the condition holds."""

    when: Condition
    severity: Severity


class Lifetime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many days evidence stays good after it was observed."""

    days: int


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

    good: tuple[Example, ...] = ()
    bad: tuple[Example, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of a pack. ``severity`` maps a track, or ``track/stage``, to a severity.

    ``needs`` names the evidence beyond the repository that the check cannot do without: where it is absent, of another
    commit, of a lower class than ``evidence`` or older than ``lifetime``, the rule is undecided, its check not asked.
    ``gravest`` says, in French, for what its check answers bloquante whatever ``severity`` says.
    """

    id: str
    title: str
    rationale: str
    references: tuple[str, ...]
    severity: dict[str, Severity]
    moment: Moment
    evidence: EvidenceClass
    remediation: Remediation
    lifecycle: Lifecycle
    examples: Examples = Examples()
    applies: str | Condition = "always"
    requires: tuple[str, ...] = ()
    params: dict[str, Any] = {}
    decided_by: DecidedBy = DecidedBy.ENGINE
    needs: tuple[Source, ...] = ()
    lifetime: Literal["commit"] | Lifetime = "commit"
    graver: tuple[Graver, ...] = ()
    gravest: str = ""

    @property
    def family(self) -> str:
        """The id's first part, ``PHP`` for ``PHP-001``."""
        return self.id.partition("-")[0]

    def severity_for(self, track: Track, stage: Stage) -> Severity:
        """Its severity there; ``hors-standard`` is told what homologation would say."""
        asked = Track.HOMOLOGATION if track is Track.HORS_STANDARD else track
        return self.severity.get(f"{asked}/{stage}", self.severity[asked])


class Pack(msgspec.Struct, frozen=True):
    """A version of the norms. ``major_threshold`` is how many majeure rules may be broken, by track.

    ``sealed`` says that its digest was published: it will never change. ``efforts`` turns an effort's word into hours,
    ``minutes_each`` into minutes for each further place.
    It applies from ``effective_on``, is announced to end from ``deprecated_on`` and no longer applies from ``ends_on``.
    """

    name: str
    version: str
    title: str
    digest: str
    rules: tuple[Rule, ...]
    effective_on: date | None = None
    families: dict[str, str] = {}
    major_threshold: dict[str, int] = {}
    efforts: dict[str, float] = {}
    minutes_each: dict[str, float] = {}
    deprecated_on: date | None = None
    ends_on: date | None = None
    replaced_by: str = ""
    sealed: bool = False

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of that id, or ``None``."""
        return next((r for r in self.rules if r.id == rule_id), None)
