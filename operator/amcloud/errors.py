"""Errors named by what the caller should do. Refusing and waiting are outcomes, not errors: they are not here.

Only ``clients/`` turn foreign errors into these, keeping the cause and saying what was being done.
"""

from __future__ import annotations


class AmcloudError(Exception):
    """Base of all errors of the product. The text is a French sentence for the person who must act."""


class UnavailableError(AmcloudError):
    """A service did not answer as it should; trying again later may work."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ForgeUnavailableError(UnavailableError):
    """The same, of the forge: its API or its git."""


class InvalidManifestError(AmcloudError):
    """The manifest asks for something impossible: its author must mend ``field``."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} : {problem}")
        self.field = field
        self.problem = problem


class RepositoryRefusedError(AmcloudError):
    """The repository or one of its parts cannot be read or must not be: its owner must act (rights, size, content)."""


class StatusRefusedError(RepositoryRefusedError):
    """The forge refuses a status on a commit, for a reason that asking again at once does not change."""


class NotOwnedError(AmcloudError):
    """An object that the pass would write exists and belongs to somebody else."""

    def __init__(self, reference: str, owner: str) -> None:
        super().__init__(f"{reference} existe déjà et appartient à {owner} : rien n'a été modifié")
        self.reference = reference
        self.owner = owner


class BrokenInstallationError(AmcloudError):
    """The platform itself is wrongly installed or configured: the platform team must act."""
