"""``amcloud`` as a process, and repositories of one's own for it to read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

AMCLOUD = Path(sys.executable).with_name("amcloud")
LOOSE = "<?php\nnamespace App;\nfinal class A {}\n"
"""A class without strict types."""


def surroundings(home: Path) -> dict[str, str]:
    """What the process finds around it: nothing of the machine's owner."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm"}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    commit(folder, files)
    return folder


def commit(folder: Path, files: Mapping[str, str]) -> str:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, "utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "exemple")
    return git(folder, "rev-parse", "HEAD")


def run(environment: dict[str, str], *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(AMCLOUD), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=60, check=False)
