"""What the platform team chooses for the operator, read once from the environment at its start.

Commands that use something of their own (backups, reports, images) name it among their options: docs/reglages.md.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from amcloud.errors import BrokenInstallationError

GROUP = "amcloud.cnamts.fr"
VERSION = "v1"
FIELD_MANAGER = "amcloud"
FINALIZER = f"{GROUP}/hosting"
REQUESTED_AT = f"{GROUP}/requestedAt"
ROTATE = f"{GROUP}/rotate-"
"""With a stage's name: annotation of a LocalApp that asks for new credentials of that instance."""
INTENTION = f"{GROUP}/revision-"
"""With a stage's name: annotation of a LocalApp that says which revision a person wants there."""

RUNBOOKS = "docs/runbooks.md"
"""The page of this repository: no address, where an installation gives none."""


class Executor(StrEnum):
    """Where repositories are read."""

    PROCESSES = "processes"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Settings:
    """Addresses and limits of one installation."""

    domain: str
    """DNS domain under which applications are served, e.g. ``amcloud.example``."""
    url_scheme: str
    """``https`` everywhere but on the sandbox."""
    url_port: str
    """``""`` or ``":8080"``: the port that people's browsers use to reach the edge."""
    forge_url: str
    forge_token: str
    registry_url: str
    """Address of the registry's API, as the operator reaches it."""
    registry_name: str
    """Name of the registry in an image reference, as the nodes reach it."""
    database_url: str
    """DSN of the shared PostgreSQL, with a role that may create databases and roles."""
    reports_url: str
    """Public address of the reports, without a trailing slash."""
    oidc_issuer: str
    webhook_token: str
    webhook_url: str = ""
    """Where the forge reaches the operator's web hook."""
    forge_token_file: str = ""
    """File that holds the forge's token, read again when the forge refuses it: a rotation needs no restart."""
    forge_requests_per_minute: float = 600.0
    """Requests that the operator sends to the forge at most, for all applications together."""
    service_networks: tuple[str, ...] = ()
    """CIDRs where the platform's services that are given by name answer; without them, their port is open anywhere."""
    dns_networks: tuple[str, ...] = ()
    """CIDRs of resolvers that instances ask besides the cluster's own DNS pods, such as a cache on each node."""
    runbooks_url: str = RUNBOOKS
    """Where people read what to do about an alert: ``#<alert>`` is added to it."""
    package_sources: tuple[str, ...] = ()
    """Composer repositories (URL prefixes) that applications may use, besides those of the norm pack."""
    approved_runners: tuple[str, ...] = ()
    """Runners whose jobs are believed: descriptions of the forge's shared ones, ``#<number>`` of any other."""
    approved_templates: tuple[str, ...] = ("amcloud/pipelines@v1",)
    """CI templates that make up the software factory, as ``group/project@ref``."""
    norms_project: str = ""
    """Project of the forge where contested rules are discussed; empty when there is none."""
    registry_user: str = ""
    """Account of the registry, which reads images and writes their attestations; empty where it asks for none."""
    registry_password: str = ""
    provenance_key: str = ""
    """Seed of the Ed25519 key that signs where images come from, in base64; without it production takes none."""
    provenance_public_keys: tuple[str, ...] = ()
    """Other keys whose attestations are believed: former ones, or another factory's."""
    advisories: str = ""
    """Where the database of security advisories is: a folder, a file or a URL; empty when there is none."""
    advisories_s: float = 3600.0
    """Seconds between two looks at whether that database has changed."""
    poll_s: float = 60.0
    """Seconds between two looks at the forge when no webhook came."""
    resync_s: float = 300.0
    """Seconds in which every application gets a pass, whatever happened."""
    walk_s: float = 86400.0
    """Seconds between two walks over the routes of a revision that serves; a new one is walked before it does."""
    rollout_deadline_s: float = 300.0
    health_address: str = ""
    """Where instances are asked how they are: ``host:port`` of the edge; empty for each instance's own Service."""
    pipeline_deadline_s: float = 3600.0
    pipeline_grace_s: float = 10.0
    """Seconds that the forge gets to start a pipeline by itself after a push, before the operator asks for one."""
    http_port: int = 8080
    """Port of web hooks, liveness and metrics."""
    workers: int = 8
    """Passes that may run at the same time; each waits mostly on the network."""

    executor: Executor = Executor.PROCESSES
    """Whether checks run in worker processes here, or each as a Job."""
    check_processes: int = 2
    """Worker processes that may read repositories at the same time."""
    check_jobs: int = 10
    """Jobs that may do so, with ``executor: kubernetes``."""
    check_image: str = ""
    """Image of these Jobs; empty for the operator's own, read on its pod."""
    namespace: str = "amcloud-system"
    """The operator's own namespace."""
    pod: str = ""
    """Name of the operator's own pod, when it runs in one."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Settings from ``AMCLOUD_*`` variables.

        Raises:
            BrokenInstallationError: a variable is missing or is not a number; all of them are named.
        """
        return _Reader(environment).settings()


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def settings(self) -> Settings:
        scheme = self._text("URL_SCHEME", "https")
        domain = self._text("DOMAIN")
        port = self._text("URL_PORT", "")
        settings = Settings(
            domain=domain,
            url_scheme=scheme,
            url_port=port,
            forge_url=self._text("FORGE_URL").rstrip("/"),
            forge_token=self._text("FORGE_TOKEN"),
            registry_url=self._text("REGISTRY_URL").rstrip("/"),
            registry_name=self._text("REGISTRY_NAME"),
            database_url=self._text("DATABASE_URL"),
            reports_url=self._text("REPORTS_URL", f"{scheme}://rapports.{domain}{port}").rstrip("/"),
            oidc_issuer=self._text("OIDC_ISSUER"),
            webhook_token=self._text("WEBHOOK_TOKEN"),
            webhook_url=self._text("WEBHOOK_URL", f"{scheme}://webhooks.{domain}{port}/webhooks/gitlab"),
            forge_token_file=self._text("FORGE_TOKEN_FILE", ""),
            forge_requests_per_minute=self._number("FORGE_REQUESTS_PER_MINUTE", 600.0),
            service_networks=self._networks("SERVICE_NETWORKS"),
            dns_networks=self._networks("DNS_NETWORKS"),
            runbooks_url=self._text("RUNBOOKS_URL", "") or RUNBOOKS,
            package_sources=tuple(self._text("PACKAGE_SOURCES", "").split()),
            approved_runners=self._words("APPROVED_RUNNERS", ""),
            approved_templates=self._words("APPROVED_TEMPLATES", "amcloud/pipelines@v1"),
            norms_project=self._text("NORMS_PROJECT", "").strip("/"),
            registry_user=self._text("REGISTRY_USER", ""),
            registry_password=self._text("REGISTRY_PASSWORD", ""),
            provenance_key=self._text("PROVENANCE_KEY", ""),
            provenance_public_keys=self._words("PROVENANCE_PUBLIC_KEYS", ""),
            advisories=self._text("ADVISORIES", ""),
            advisories_s=self._number("ADVISORIES_S", 3600.0),
            poll_s=self._number("POLL_S", 60.0),
            resync_s=self._number("RESYNC_S", 300.0),
            walk_s=self._number("WALK_S", 86400.0),
            rollout_deadline_s=self._number("ROLLOUT_DEADLINE_S", 300.0),
            health_address=self._text("HEALTH_ADDRESS", ""),
            pipeline_deadline_s=self._number("PIPELINE_DEADLINE_S", 3600.0),
            pipeline_grace_s=self._number("PIPELINE_GRACE_S", 10.0),
            http_port=int(self._number("HTTP_PORT", 8080)),
            workers=int(self._number("WORKERS", 8)),
            executor=self._executor(),
            check_processes=int(self._number("CHECK_PROCESSES", 2)),
            check_jobs=int(self._number("CHECK_JOBS", 10)),
            check_image=self._text("CHECK_IMAGE", ""),
            namespace=self._text("NAMESPACE", "amcloud-system"),
            pod=self._text("POD", ""),
        )
        if self._problems:
            raise BrokenInstallationError("réglages de l'opérateur : " + " ; ".join(self._problems))
        return settings

    def _text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(f"AMCLOUD_{name}", default)
        if value is None:
            self._problems.append(f"AMCLOUD_{name} manque")
            return ""
        return value

    def _executor(self) -> Executor:
        text = self._text("EXECUTOR", Executor.PROCESSES)
        try:
            return Executor(text)
        except ValueError:
            offered = " ou ".join(Executor)
            self._problems.append(f"AMCLOUD_EXECUTOR doit être {offered}, trouvé « {text[:20]} »")
            return Executor.PROCESSES

    def _words(self, name: str, default: str) -> tuple[str, ...]:
        """Texts separated by commas; blanks around them do not count, those inside do: descriptions have some."""
        return tuple(word for part in self._text(name, default).split(",") if (word := part.strip()))

    def _networks(self, name: str) -> tuple[str, ...]:
        words = self._words(name, "")
        for word in words:
            try:
                ipaddress.ip_network(word)
            except ValueError:
                said = f"un réseau comme 192.0.2.0/24 est attendu, trouvé « {word[:40]} »"
                self._problems.append(f"AMCLOUD_{name} : {said}")
        return words

    def _number(self, name: str, default: float) -> float:
        text = self._text(name, str(default))
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            self._problems.append(f"AMCLOUD_{name} doit être un nombre positif, trouvé « {text[:20]} »")
            return default
        return number
