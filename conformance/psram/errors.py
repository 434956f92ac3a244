"""The engine's errors; each says what the caller should do."""

from __future__ import annotations


class PsramError(Exception):
    """Base of the engine's errors; its text is a French sentence for the person who must act."""


class UsageError(PsramError):
    """The request itself is wrong (no such path, commit, pack or rule): correct it."""


class PackError(PsramError):
    """The norm pack cannot be used: the platform team must repair it."""


class CollectError(PsramError):
    """The repository could not be read: nothing can be said of it; trying again may help."""
