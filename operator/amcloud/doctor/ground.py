"""What an examination stands on: the cluster's API, the settings as they were found, the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from amcloud.clients.kubernetes_api import Api
from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.settings import Settings


@dataclass(frozen=True, slots=True)
class Ground:
    """Handed to every family."""

    api: Api
    environment: Mapping[str, str]
    """The ``AMCLOUD_*`` variables, from this process or from the cluster's ``amcloud-settings``."""
    namespace: str
    """Where the operator is installed."""
    inside: bool
    """Whether this runs as the operator's own account: then its rights are ours."""
    now: datetime
    project: str = ""
    """Path of the forge project to examine, when one was named."""
    unread: str = ""
    """Why the environment could not be read, when it could not."""

    @property
    def is_norms(self) -> bool:
        """Whether the project is the one where contested rules arrive, and no application's."""
        return bool(self.project) and self.project.casefold() == self.settings().norms_project.casefold()

    def settings(self) -> Settings:
        """The operator's settings.

        Raises:
            UnavailableError: they could not be read from here.
            BrokenInstallationError: one is missing or senseless; all of them are named.
        """
        if self.unread:
            raise UnavailableError(self.unread)
        if not self.environment:
            raise BrokenInstallationError(
                f"les réglages (amcloud-settings de l'espace {self.namespace}) sont illisibles"
            )
        return Settings.from_environment(self.environment)
