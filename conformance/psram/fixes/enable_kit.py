"""The Starter Kit's bundle is switched on in ``config/bundles.php``."""

from __future__ import annotations

import re
from typing import Final

from psram.model import Finding

_BUNDLE: Final = b"AmCloud\\StarterKit\\StarterKitBundle"
_ENABLED: Final = re.compile(rb"^([^/#*\n]*?" + re.escape(_BUNDLE) + rb"::class\s*=>\s*)\[[^\]\n]*\]", re.MULTILINE)
_LIST: Final = re.compile(rb"return \[(?P<inside>[^/#]*?)[ \t]*(?P<end>\r?\n)?\];", re.DOTALL)


def fix(content: bytes, findings: tuple[Finding, ...]) -> bytes | None:
    """The list of bundles with the kit for all environments; by hand where the file is not the usual list."""
    if not any(f.path == "config/bundles.php" for f in findings):
        return None
    if _ENABLED.search(content):
        return _ENABLED.sub(rb"\1['all' => true]", content)
    returned = _LIST.search(content)
    if returned is None or _BUNDLE in content:
        return None
    end = b"\r\n" if b"\r\n" in content else b"\n"
    inside = returned["inside"].rstrip()
    comma = b"," if inside.strip() and not inside.endswith(b",") else b""
    line = end + b"    " + _BUNDLE + b"::class => ['all' => true]," + end
    return content[: returned.start("inside")] + inside + comma + line + b"];" + content[returned.end() :]
