"""Composer, where it is installed: writes the lock of a project. No package is installed, no script is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from amcloud.errors import UnavailableError

TIMEOUT_S = 90
_REASON_CHARACTERS = 300
_EXCEPTION = re.compile(r"^In \S+ line \d+:$(?P<said>.*?)(?=^\w[\w:-]* \[--|^In \S+ line|\Z)", re.MULTILINE | re.DOTALL)
"""The block of an exception; the synopsis of the options comes after it."""
_PROBLEMS = re.compile(r"^ *Problem 1$(?P<said>.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
"""Why the requirements cannot be solved; general advice comes after it."""
_WIDE = "500"
"""Columns of a terminal in which Composer cuts no word."""


def lock(project: Path) -> None:
    """The project's ``composer.lock`` is up to date with its ``composer.json``.

    Raises:
        UnavailableError: Composer is not installed, or could not reach the repository or solve the requirements.
    """
    program = shutil.which("composer")
    if program is None:
        raise UnavailableError("composer n'est pas installé sur ce poste")
    argv = [program, "update", "--no-install", "--no-scripts", "--no-plugins", "--no-interaction", "--no-progress"]
    environment = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1", "COLUMNS": _WIDE}
    try:
        done = subprocess.run(
            argv, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"composer update : {error}") from error
    if done.returncode:
        raise UnavailableError(f"composer update a échoué : {reason(done.stderr)}")


def reason(said: str) -> str:
    """Why Composer failed, of all that it wrote on standard error; its last words where it has no usual form."""
    found = _EXCEPTION.search(said) or _PROBLEMS.search(said)
    if found is None:
        return " ".join(said.split())[-_REASON_CHARACTERS:]
    return " ".join(found["said"].split())[:_REASON_CHARACTERS]
