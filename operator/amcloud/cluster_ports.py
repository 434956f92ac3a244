"""What a pass needs of the Kubernetes API, a Protocol for each kind of asker; :class:`Cluster` is all of it.

As in ``ports``: every method may raise :class:`~amcloud.errors.UnavailableError`, and calls are idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from amcloud.stages.apply import Inventory
from amcloud.stages.conditions import Event
from amcloud.stages.declared.connectors import Connector, Given
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.gate import Dossier
from amcloud.stages.manifest import App, Organisation, Stage, Suspension
from amcloud.stages.objects.kinds import Offers
from amcloud.stages.objects.operations import Key, Object, Operation
from amcloud.stages.render import Access, Place
from psram.model import Report


class Declared(Protocol):
    """What people declared: applications, organisations, norms, and what speaks for or against an application."""

    def local_app(self, namespace: str, name: str) -> Object | None:
        """The LocalApp as it is now, or ``None``."""

    def declared_by(self, organisation: str) -> tuple[Object, ...]:
        """Every LocalApp in the namespaces of the organisation of that code."""

    def organisations(self) -> Mapping[str, Organisation]:
        """Every organisation by code."""

    def namespace_organisation(self, namespace: str) -> str | None:
        """Code of the organisation to which a namespace belongs, by its label."""

    def subscribed(self, app: App) -> frozenset[str]:
        """Codes of the organisations whose subscription to this app is approved."""

    def connectors(self, app: App) -> Mapping[str, Connector]:
        """The connectors that ``app`` declares, by name; those that do not exist are left out."""

    def suspension(self, app: App) -> Suspension | None:
        """The DDSI's suspension of this app, in force or not; ``None`` when there is none."""

    def norm_packs(self) -> tuple[NormPack, ...]:
        """Every norm pack declared."""

    def dossier(self, app: App) -> Dossier:
        """What the gate reads of this app besides its report (procès-verbaux, dérogations)."""


class Credentials(Protocol):
    """What the platform keeps in Secrets, and which ones there are."""

    def access(self, place: Place) -> Access | None:
        """Credentials of an instance as kept in its Secret, or ``None``."""

    def given(self, place: Place) -> tuple[Given, ...]:
        """The connectors that the instance was given last, with their versions and credentials."""

    def connector_token(self, namespace: str, name: str) -> str | None:
        """A service's credential for one application, from that Secret; ``None`` when there is none of that type."""

    def forge_token(self, app: App) -> str | None:
        """The organisation's own credential for its project, or ``None`` when the manifest names none (public project).

        Raises:
            RepositoryRefusedError: the manifest names a Secret that is absent or has no ``token``.
        """

    def secret_names(self, namespace: str) -> frozenset[str]:
        """Names of the Secrets of a namespace."""


class Instances(Protocol):
    """What runs, and what the server can be asked to run."""

    def offers(self) -> Offers:
        """API versions of this server, by discovery; cached."""

    def instances(self, manifest: Object) -> tuple[str, ...]:
        """Namespaces of all instances of this LocalApp (by its metadata alone), those of stages given up included."""

    def instance_owner(self, namespace: str) -> str | None:
        """``namespace/name`` of the LocalApp whose instance lives in ``namespace``; ``None`` when that does not exist.

        ``""`` when the namespace exists and is nobody's instance.
        """

    def inventory(self, namespace: str) -> Inventory:
        """What was applied there; empty when nothing was."""

    def live(self, keys: frozenset[Key]) -> Mapping[Key, Object]:
        """The objects that exist among ``keys``."""

    def pods(self, namespace: str) -> tuple[Object, ...]:
        """Pods of an instance; a crashing container's last log lines are in its status (bounded, masked)."""


class Hands(Protocol):
    """What changes instances."""

    def execute(self, operation: Operation) -> None:
        """Carry out one intention.

        Raises:
            BrokenInstallationError: the server refuses it for good.
        """

    def delete_namespace(self, namespace: str) -> bool:
        """Ask for the removal of an instance's namespace; whether it is gone."""


class Debts(Protocol):
    """Data whose removal is owed; they stand in the operator's own namespace."""

    def owe(self, operator_namespace: str, namespace: str) -> None:
        """Remember that the data of this instance have yet to be removed."""

    def owed(self, operator_namespace: str) -> tuple[str, ...]:
        """Instances whose data have yet to be removed."""

    def settle(self, operator_namespace: str, namespace: str) -> None:
        """The data of this instance are removed: nothing is owed any more."""


class Words(Protocol):
    """What an application's people read, and the mark that keeps it until we are done with it."""

    def set_local_app_status(self, app_namespace: str, app_name: str, status: Mapping[str, Any]) -> None:
        """Write the status subresource; an object deleted meanwhile is not an error."""

    def keep_report(self, app: App, stage: Stage, report: Report, url: str, correlation: str = "") -> str:
        """Name of the ``ConformanceReport`` of this verdict, made unless it exists."""

    def emit(self, manifest: Object, event: Event) -> None:
        """An event on the LocalApp; never raises."""

    def set_finalizer(self, manifest: Object, *, present: bool) -> None:
        """Add or remove our finalizer, and no other."""


class Reader(Declared, Credentials, Instances, Protocol):
    """All that can be known; who holds this alone changes nothing."""


class Cluster(Reader, Hands, Debts, Words, Protocol):
    """The Kubernetes API."""
