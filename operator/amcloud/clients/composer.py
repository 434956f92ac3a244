"""Composer, where it is installed: writes the lock of a project. No package is installed, no script is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from amcloud.errors import UnavailableError

TIMEOUT_S = 90
_REASON_CHARACTERS = 300


def lock(project: Path) -> None:
    """The project's ``composer.lock`` is up to date with its ``composer.json``.

    Raises:
        UnavailableError: Composer is not installed, or could not reach the repository or solve the requirements.
    """
    program = shutil.which("composer")
    if program is None:
        raise UnavailableError("composer n'est pas installé sur ce poste")
    argv = [program, "update", "--no-install", "--no-scripts", "--no-plugins", "--no-interaction", "--no-progress"]
    environment = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1"}
    try:
        done = subprocess.run(
            argv, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"composer update : {error}") from error
    if done.returncode:
        reason = " ".join(done.stderr.split())[-_REASON_CHARACTERS:]
        raise UnavailableError(f"composer update a échoué : {reason}")
