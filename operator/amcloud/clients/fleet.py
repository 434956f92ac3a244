"""The fleet as its last reports left it: of each LocalApp's stages, the facts and the evidence that were judged.

For rehearsals: nothing is asked of the forge that is already known here, and nothing is written anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple, Protocol

from amcloud.errors import AmcloudError, InvalidManifestError
from amcloud.stages import manifest
from amcloud.stages.declared.app import App, Organisation, StageName, Track
from amcloud.stages.objects.operations import Object
from amcloud.stored import ReportStore
from psram import evidence
from psram.errors import PsramError
from psram.evidence import Bundle
from psram.facts import Facts
from psram.model import Context

LINES_MOST: Final = 100
"""Newest reports of an application that are looked through for one of each stage."""


class Known(NamedTuple):
    """A stage of a LocalApp whose last report can be made again."""

    namespace: str
    name: str
    stage: StageName
    facts: Facts
    context: Context


class Unknown(NamedTuple):
    """A LocalApp, or one of its stages, of which too little is known, and why."""

    namespace: str
    name: str
    problem: str


class Apps(Protocol):
    """What is needed of the cluster."""

    def local_apps(self) -> list[Object]:
        """Every LocalApp."""

    def organisations(self) -> Mapping[str, Organisation]:
        """Every organisation by code."""

    def namespace_organisation(self, namespace: str) -> str | None:
        """Code of the organisation that a namespace belongs to."""


class Fleet:
    """Every hosted LocalApp. ``facts`` gives those of an application's commit, read again where they are not kept."""

    def __init__(self, apps: Apps, reports: ReportStore, facts: Callable[[App, str], Facts]) -> None:
        self._apps = apps
        self._reports = reports
        self._facts = facts

    def members(self) -> tuple[Callable[[], Known | Unknown], ...]:
        """One question a stage; each takes as long as its commit takes to be read, and may be asked from any thread.

        Raises:
            UnavailableError: the cluster or the reports' database does not answer.
        """
        found = list(self._parsed())
        bundles = asyncio.run(self._bundles([app for app in found if isinstance(app, App)]))
        return tuple(self._questions(found, bundles))

    def _parsed(self) -> Iterator[App | Unknown]:
        organisations = self._apps.organisations()
        for one in self._apps.local_apps():
            metadata = one["metadata"]
            try:
                app = manifest.parse(one, organisations, self._apps.namespace_organisation)
            except InvalidManifestError as error:
                yield Unknown(metadata["namespace"], metadata["name"], f"LocalApp invalide : {error}")
                continue
            if app.track is not Track.HORS_STANDARD:
                yield app

    async def _bundles(self, apps: list[App]) -> dict[tuple[str, str, StageName], Bundle | str]:
        asked = [(app, stage.name) for app in apps for stage in app.stages]
        read = await asyncio.gather(*(self._bundle(app, stage) for app, stage in asked))
        return {(app.namespace, app.name, stage): bundle for (app, stage), bundle in zip(asked, read, strict=True)}

    async def _bundle(self, app: App, stage: StageName) -> Bundle | str:
        """The newest evidence of a stage, or why there is none."""
        lines = await self._reports.newest(app.namespace, app.name, most=LINES_MOST)
        line = next((each for each in lines if each.stage == stage.value), None)
        stored = await self._reports.by_digest(line.digest) if line is not None else None
        if stored is None:
            return "aucun rapport n'a encore été rendu"
        try:
            return evidence.load(stored.evidence)
        except PsramError as error:
            return str(error)

    def _questions(
        self, found: list[App | Unknown], bundles: Mapping[tuple[str, str, StageName], Bundle | str]
    ) -> Iterator[Callable[[], Known | Unknown]]:
        for app in found:
            if isinstance(app, Unknown):
                yield partial(_same, app)
                continue
            for stage in app.stages:
                bundle = bundles[app.namespace, app.name, stage.name]
                yield partial(self._member, app, stage.name, bundle)

    def _member(self, app: App, stage: StageName, bundle: Bundle | str) -> Known | Unknown:
        if isinstance(bundle, str):
            return Unknown(app.namespace, app.name, f"{stage.value} : {bundle}")
        try:
            facts = self._facts(app, bundle.commit)
        except AmcloudError as error:
            return Unknown(app.namespace, app.name, f"{stage.value} : {error}")
        if not facts.tree:
            return Unknown(app.namespace, app.name, f"{stage.value} : {facts.truncated}")
        return Known(app.namespace, app.name, stage, facts, bundle.context)


def _same(unknown: Unknown) -> Unknown:
    return unknown
