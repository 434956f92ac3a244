"""The offline database of security advisories: read whole once, then reduced to what concerns one lock.

Three forms are read, from a path or from bytes that the caller fetched (nothing here opens a connection):

* the tree of FriendsOfPHP/security-advisories, as a folder or as a zip archive of it;
* one JSON file of the form that Packagist's API answers (``{"advisories": {"vendor/project": […]}}``), which may also
  carry ``dated`` (the day of its mirror's refresh) and ``corrections`` (what a distribution's package fixes without
  changing its version).

A database that cannot be trusted is a value too: its ``problem`` says why, in French, and a rule answers "indéterminé".
"""

from __future__ import annotations

from psram.advisories.database import Correction, Database
from psram.advisories.reading import parse, read
from psram.advisories.writing import dump

__all__ = ["Correction", "Database", "dump", "parse", "read"]
