"""The norm engine as a pass needs it (:class:`amcloud.ports.Conformance`): somebody reads, this judges.

Reading a repository is what is dangerous and slow: it happens once a commit, in psram's bounded worker, started by
:mod:`amcloud.clients.process_checks` here or by :mod:`amcloud.clients.job_checks` elsewhere; its facts are kept on
disk. Judging facts is pure and takes milliseconds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

from amcloud.clients import baseline
from amcloud.clients.verdicts import Verdicts
from amcloud.errors import BrokenInstallationError
from amcloud.paris import today
from amcloud.ports import Judged, Question, UnderWay
from amcloud.settings import Settings
from amcloud.stages.jobs.checking import Subject
from amcloud.stages.render import owner
from psram import evidence, model, packs
from psram.advisories import Database
from psram.errors import PsramError
from psram.facts import Facts, Gap
from psram.judge import judge
from psram.rules import Pack
from psram.worker import extractor

FACTS_MAX: Final = 500
"""Commits whose facts are kept; the ones not used for longest go."""
BASE_IMAGE: Final = "amcloud/php-base"


class Checks(Protocol):
    """Who reads commits."""

    @property
    def goes_on(self) -> bool:
        """Whether another reading of a commit begins where the last one stopped."""

    def facts(self, subject: Subject) -> Facts | UnderWay:
        """Facts of the commit, or that they are under way."""


class PsramConformance:
    """Adapter of the norm engine."""

    def __init__(
        self,
        checks: Checks,
        settings: Settings,
        cache: Path,
        *,
        now: Callable[[], datetime],
        advisories: Callable[[], Database | None] = lambda: None,
        php: model.Php | None = None,
    ) -> None:
        self._checks = checks
        self._settings = settings
        self._cache = cache
        self._now = now
        self._advisories = advisories
        self._engine = engine(php or model.Php())
        self._verdicts = Verdicts()

    def judge(self, question: Question) -> Judged | UnderWay:
        """The verdict, or that it is under way.

        Raises:
            RepositoryRefusedError: the commit cannot be read within bounds (size, files, links, time).
            BrokenInstallationError: the pack is missing or has another digest.
        """
        pack = _pack(question.pack.version, question.pack.digest)
        app = question.app
        facts = self.facts(Subject(app.source.project, question.commit, question.token, owner(app)))
        if isinstance(facts, UnderWay):
            return facts
        context = self._context(question, facts)
        return self._verdicts.of(
            facts,
            self._engine,
            pack,
            context,
            lambda: Judged(judge(facts, pack, context), evidence.dump(facts, context, pack)),
        )

    def _context(self, question: Question, facts: Facts) -> model.Context:
        database = self._advisories()
        concerning = None if database is None else database.concerning(facts.composer.packages)
        organisations = sorted(model.Organisation(o.code, o.label) for o in question.organisations)
        quality = baseline.counted(question.evidence.quality, facts)
        return model.Context(
            track=model.Track(question.app.track),
            stage=model.Stage(question.stage.name),
            evaluated_on=today(self._now()),
            evidence=msgspec.structs.replace(question.evidence, advisories=concerning, quality=quality),
            organisations=tuple(organisations),
            package_sources=self._settings.package_sources,
            base_images=(f"{self._settings.registry_name}/{BASE_IMAGE}",),
            approved_runners=self._settings.approved_runners,
            approved_templates=self._settings.approved_templates,
        )

    def facts(self, subject: Subject) -> Facts | UnderWay:
        """Facts of the commit, from the cache or read now.

        What could not be read is not kept: it is tried again. Nor is a history that the next reading knows better.
        """
        named = "\0".join((subject.project, subject.commit, self._engine))
        kept = self._cache / f"{hashlib.sha256(named.encode()).hexdigest()[:40]}.json"
        if (known := _read(kept)) is not None:
            return known
        found = self._checks.facts(subject)
        if isinstance(found, Facts) and found.tree and not _again(found, goes_on=self._checks.goes_on):
            self._keep(kept, found)
        return found

    def _keep(self, file: Path, facts: Facts) -> None:
        self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = sorted(self._cache.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for old in found[: max(0, len(found) - FACTS_MAX + 1)]:
            old.unlink(missing_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_bytes(msgspec.json.encode(facts))
        partial.replace(file)  # whole or not at all


def _again(facts: Facts, *, goes_on: bool) -> bool:
    """Whether another reading may know more of the history."""
    gap = None if facts.history is None else facts.history.gap
    return gap is Gap.FAILED or (goes_on and gap in (Gap.LONG, Gap.SHALLOW))


def engine(php: model.Php) -> str:
    """What facts depend on besides the commit."""
    return f"{extractor.digest()}/{php.version}"


def _read(file: Path) -> Facts | None:
    try:
        facts = msgspec.json.decode(file.read_bytes(), type=Facts)
        os.utime(file)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return facts


def _pack(version: str, digest: str) -> Pack:
    try:
        pack = packs.load(version)
    except PsramError as error:
        raise BrokenInstallationError(f"pack de normes {version} : {error}") from error
    if pack.digest != digest:
        raise BrokenInstallationError(
            f"le pack de normes {version} de ce moteur n'a pas l'empreinte déclarée (kubectl get normpack {version})"
        )
    return pack
