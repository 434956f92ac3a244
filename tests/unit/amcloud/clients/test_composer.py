"""What is kept of what Composer says when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from amcloud.clients.composer import lock, reason
from amcloud.errors import UnavailableError

BEFORE = "Loading composer repositories with package information\nWarning: Accessing 192.0.2.1 over http\n\n"
SYNOPSIS = "update [--with WITH] [--prefer-source] " + "[--option] " * 60 + "[--] [<packages>...]\n\n"
ABSENT = """In CurlDownloader.php line 623:

  The "http://192.0.2.1/packages.json" file could not be downloaded (HTTP/1.0 404 File not found)


"""
UNSOLVED = """Updating dependencies
Your requirements could not be resolved to an installable set of packages.

  Problem 1
    - Root composer.json requires amcloud/starter-kit, it could not be found in any version.

Potential causes:
 - A typo in the package name
"""


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param(
            BEFORE + ABSENT + SYNOPSIS,
            'The "http://192.0.2.1/packages.json" file could not be downloaded (HTTP/1.0 404 File not found)',
            id="a repository that is not there",
        ),
        pytest.param(
            BEFORE + UNSOLVED,
            "- Root composer.json requires amcloud/starter-kit, it could not be found in any version.",
            id="requirements that cannot be solved",
        ),
        pytest.param("x" * 400 + " the end\n", "x" * 292 + " the end", id="no usual form"),
    ],
)
def test_the_reason_is_kept_without_what_is_around_it(said: str, kept: str) -> None:
    assert reason(said) == kept


def test_a_failure_carries_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "composer"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{BEFORE}{ABSENT}{SYNOPSIS}END\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(UnavailableError, match=r"échoué : The .*\(HTTP/1.0 404 File not found\)$"):
        lock(tmp_path)
