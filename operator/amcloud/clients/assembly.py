"""Makes the world of a pass from the settings: which adapter stands for which service."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never

from amcloud import assets
from amcloud.clients import connection
from amcloud.clients.advisories import AdvisoryMirror
from amcloud.clients.attestations import Attestor
from amcloud.clients.budget import Budget
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.conformance import Checks, PsramConformance, engine
from amcloud.clients.database import PostgresDatabase
from amcloud.clients.deployments import GitlabDeployments
from amcloud.clients.discussion import GitlabDiscussion
from amcloud.clients.fleet import Fleet
from amcloud.clients.forge import GitlabForge
from amcloud.clients.health import HttpHealth
from amcloud.clients.job_checks import JobChecks
from amcloud.clients.kubernetes_api import Api
from amcloud.clients.process_checks import ProcessChecks
from amcloud.clients.registry import OciRegistry
from amcloud.clients.registry_access import RegistryAccount
from amcloud.clients.report_reader import ReportReader
from amcloud.clients.reports import PostgresReports
from amcloud.clients.signing import Signer
from amcloud.clients.source import GitSource
from amcloud.clients.trial_database import TrialDatabases
from amcloud.clients.walks import WalkJobs
from amcloud.ports import UnderWay, World
from amcloud.settings import Executor, Settings
from amcloud.stages.declared.app import App
from amcloud.stages.jobs.checking import Subject
from amcloud.stages.render import owner
from psram.facts import Facts
from psram.model import Limits, Php
from psram.worker.store import FactCache


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


def world(settings: Settings, *, cluster: connection.Connection | None = None, cache: Path | None = None) -> World:
    """All services of one installation; without ``cluster``, the one that this pod or KUBECONFIG belongs to."""
    # everything in the cache can be made again: it lies where a read-only pod may write
    cache = cache or Path(tempfile.gettempdir()) / "amcloud"
    budget, clock = Budget(settings.forge_requests_per_minute), SystemClock()
    api = Api(cluster or connection.of(os.environ), connections=settings.workers * 2)
    account = RegistryAccount(settings.registry_user, settings.registry_password)
    registry = OciRegistry(settings.registry_url, settings.registry_name, account)
    signer = Signer(settings.provenance_key, settings.provenance_public_keys)
    forge = GitlabForge(settings.forge_url, settings.forge_token, budget=budget, token_file=_file(settings))
    source = GitSource(settings.forge_url, cache / "git", budget=budget, own_token=lambda: forge.calls.token)
    return World(
        settings=settings,
        templates=assets.hosting_templates(),
        source=source,
        conformance=PsramConformance(
            _checks(settings, source, api, clock, cache, budget),
            settings,
            cache / "facts",
            now=clock.now,
            advisories=AdvisoryMirror(settings.advisories, every_s=settings.advisories_s).current,
        ),
        reports=PostgresReports(settings.database_url, settings.reports_url),
        forge=forge,
        discussion=GitlabDiscussion(forge.calls, norms_project=settings.norms_project),
        deployments=GitlabDeployments(forge.calls),
        registry=registry,
        provenance=Attestor(registry, signer, forge_url=settings.forge_url),
        cluster=KubernetesCluster(api),
        database=PostgresDatabase(settings.database_url),
        health=HttpHealth(),
        walks=WalkJobs(
            api,
            settings,
            TrialDatabases(settings.database_url),
            templates=assets.walk_templates(),
            hosting=assets.hosting_templates(),
            now=clock.now,
        ),
        clock=clock,
    )


def fleet(settings: Settings, *, processes: int, cache: Path | None = None) -> Fleet:
    """The fleet as its last reports left it; commits that are not kept here are read again, in processes."""
    cache = cache or Path(tempfile.gettempdir()) / "amcloud"
    cluster = KubernetesCluster(Api(connection.of(os.environ), connections=processes + 1))
    checks = ProcessChecks(
        GitSource(settings.forge_url, cache / "git"),
        php=Php(),
        limits=Limits(),
        processes=processes,
        contents=FactCache(cache / "contents"),
        patience_s=Limits().timeout_s,
    )
    conformance = PsramConformance(checks, settings, cache / "facts", now=SystemClock().now)

    def facts(app: App, commit: str) -> Facts:
        subject = Subject(app.source.project, commit, cluster.forge_token(app), owner(app))
        found = conformance.facts(subject)
        return Facts(commit, "", truncated=found.sentence) if isinstance(found, UnderWay) else found

    return Fleet(cluster, ReportReader(settings.database_url), facts)


def api(*, connections: int = 1) -> Api:
    """The API of the cluster that this pod or KUBECONFIG belongs to, for commands.

    Raises:
        BrokenInstallationError: there is no way to reach a cluster from here.
    """
    return Api(connection.of(os.environ), connections=connections)


def _checks(  # noqa: PLR0917 - what it chooses among
    settings: Settings, source: GitSource, api: Api, clock: SystemClock, cache: Path, budget: Budget
) -> Checks:
    """Who reads commits, as the settings say."""
    php = Php()
    match settings.executor:
        case Executor.PROCESSES:
            contents = FactCache(cache / "contents")
            return ProcessChecks(
                source, php=php, limits=Limits(), processes=settings.check_processes, contents=contents
            )
        case Executor.KUBERNETES:
            templates = assets.check_templates()
            return JobChecks(api, settings, templates, engine=engine(php), now=clock.now, budget=budget)
    assert_never(settings.executor)


def _file(settings: Settings) -> Path | None:
    return Path(settings.forge_token_file) if settings.forge_token_file else None
