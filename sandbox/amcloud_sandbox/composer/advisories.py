"""The sandbox's database of security advisories: a sample of public ones, with what Debian's packages correct.

A distribution fixes a vulnerability without changing the version that Composer sees; its changelog says which. The
database that is served carries it as ``corrections`` and is dated on the day it is written, as a mirror's would be.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from amcloud_sandbox.composer.derive import Control, upstream_version

SAMPLE = Path(__file__).resolve().parents[2] / "advisories" / "advisories.json"
FILE = "advisories.json"
CORRECTIONS = "corrections.json"
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}")
_MAX_CHANGELOG_BYTES = 4 << 20


def correction(control: Control, members: Mapping[str, bytes], composer_name: str) -> dict[str, object] | None:
    """What this Debian package corrects, by its own changelog; ``None`` when it names no advisory."""
    packed = members.get(f"usr/share/doc/{control.name}/changelog.Debian.gz", b"")
    if not packed:
        return None
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        text = file.read(_MAX_CHANGELOG_BYTES).decode("utf-8", "replace")
    corrected = sorted(set(_CVE.findall(text)))
    if not corrected:
        return None
    return {
        "package": composer_name,
        "version": upstream_version(control.version),
        "advisories": corrected,
        "by": f"Debian 12, {control.name} {control.version}",
    }


def publish(root: Path, today: date) -> None:
    """Writes the database beside the repository's index, dated ``today``."""
    content = json.loads(SAMPLE.read_text(encoding="utf-8"))
    corrections = root / CORRECTIONS
    known = json.loads(corrections.read_text(encoding="utf-8")) if corrections.exists() else []
    content |= {"dated": today.isoformat(), "corrections": [*known, *content["corrections"]]}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    temporary = root / f".{FILE}.new"
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(root / FILE)
