"""The sandbox's advisory database says what Debian's packages correct, and is dated on the day it is written."""

from __future__ import annotations

import gzip
import json
import threading
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path

import pytest

from amcloud_sandbox.composer import advisories, server
from amcloud_sandbox.composer.derive import Control
from psram import advisories as engine
from psram.facts import LockedPackage

CHANGELOG = b"""php-twig (3.5.1-1+deb12u2) bookworm-security; urgency=high

  * Backport security fix for CVE-2024-51754

php-twig (3.5.1-1+deb12u1) bookworm-security; urgency=high

  * CVE-2024-45411, CVE-2024-51754
"""
TWIG = Control("php-twig", "3.5.1-1+deb12u2")
CORRECTED = {
    "package": "twig/twig",
    "version": "3.5.1",
    "advisories": ["CVE-2024-45411", "CVE-2024-51754"],
    "by": "Debian 12, php-twig 3.5.1-1+deb12u2",
}


def test_a_changelog_tells_what_the_package_corrects() -> None:
    members = {"usr/share/doc/php-twig/changelog.Debian.gz": gzip.compress(CHANGELOG)}
    assert advisories.correction(TWIG, members, "twig/twig") == CORRECTED


def test_without_a_changelog_nothing_is_corrected() -> None:
    assert advisories.correction(TWIG, {}, "twig/twig") is None


def test_the_published_database_is_read_by_the_engine_with_its_corrections(tmp_path: Path) -> None:
    (tmp_path / advisories.CORRECTIONS).write_text(json.dumps([CORRECTED]), encoding="utf-8")
    advisories.publish(tmp_path, date(2026, 11, 22))
    database = engine.read(tmp_path / advisories.FILE)
    assert database.problem == ""
    assert database.dated == date(2026, 11, 22)
    found = {a.id: a for a in database.concerning([LockedPackage("twig/twig", "3.5.1")]).entries}
    assert found.keys() == {"CVE-2024-45411", "CVE-2024-51754"}
    assert all(a.corrected_in == "3.5.1" and "deb12u2" in a.corrected_by for a in found.values())
    elsewhere = database.concerning([LockedPackage("twig/twig", "3.5.0")]).entries
    assert elsewhere
    assert all(not a.corrected_in for a in elsewhere)


def test_it_is_served_beside_the_packages_and_what_it_is_made_of_is_not(tmp_path: Path) -> None:
    (tmp_path / advisories.CORRECTIONS).write_text("[]", encoding="utf-8")
    advisories.publish(tmp_path, date(2026, 11, 22))
    served = server.listener(tmp_path, "127.0.0.1", 0)
    threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{served.server_port}"
        with urllib.request.urlopen(f"{address}/advisories.json", timeout=5) as answer:
            assert engine.parse(answer.read(), source=address).size == 18
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}/{advisories.CORRECTIONS}", timeout=5)
    finally:
        served.shutdown()
        served.server_close()
