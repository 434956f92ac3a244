"""``python -m amcloud_sandbox.composer.skeleton``: rule SYM-001 knows the Starter Kit's versions.

The application that ``amcloud new`` writes (``templates/new``) is what the next version's skeleton will be;
``versions.json`` of the kit says, for each published version, which of its files did not exist (``without``) and where
those that were different are kept (``overlay``). The table of git blob ids is written into the rule's data, between its
two marker lines.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from amcloud_sandbox.composer import kit
from amcloud_sandbox.errors import SandboxError

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "templates" / "new"
RULE = ROOT / "conformance/packs/psram-2026.1/rules/SYM-001.yaml"
BEGIN = "  # début : python -m amcloud_sandbox.composer.skeleton\n"
END = "  # fin\n"
OWNED = ("bin/console", "public/index.php", "src/Kernel.php")
"""Files that belong to the kit: an application never changes them."""
_HIDDEN = "dot."
_TOKEN = b"__NOM__", b"__TITRE__", b"__ORGANISATION__", b"__ESPACE__", b"__DEPOT_COMPOSER__"
_OF_THE_APPLICATION = (
    "README.md",
    "composer.",
    "src/Controller/",
    "src/Entity/",
    "migrations/",
    "templates/",
    "tests/",
)


def skeletons() -> dict[str, dict[str, bytes]]:
    """Version (``1.2``) → path → content of every file that an application takes over as it is, newest first."""
    table = json.loads((kit.HOME / "versions.json").read_text(encoding="utf-8"))
    newest = dict(_files(TEMPLATE))
    found = {}
    for version, entry in reversed(table.items()):
        changed = entry.get("skeleton", {})
        without = tuple(changed.get("without", ()))
        files = {path: data for path, data in newest.items() if not path.startswith(without)}
        if "overlay" in changed:
            files |= dict(_files(kit.HOME / changed["overlay"]))
        found[version.rpartition(".")[0]] = files
    return found


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(root.rglob("*")):
        path = file.relative_to(root).as_posix()
        shown = f".{path.removeprefix(_HIDDEN)}" if path.startswith(_HIDDEN) else path
        if file.is_file() and not shown.startswith(_OF_THE_APPLICATION):
            data = file.read_bytes()
            if not any(token in data for token in _TOKEN):
                yield shown, data


def text() -> str:
    """The table as the rule's data writes it, markers included."""
    ends = {
        version.rpartition(".")[0]: entry["support_end"]
        for version, entry in json.loads((kit.HOME / "versions.json").read_text(encoding="utf-8")).items()
    }
    lines = [BEGIN, f"  owned: [{', '.join(OWNED)}]\n", "  versions:\n"]
    for version, files in skeletons().items():
        lines += [f'    - version: "{version}"\n', f"      support_end: {ends[version]}\n", "      files:\n"]
        lines += [f"        {path}: {_blob(data)}\n" for path, data in sorted(files.items())]
    return "".join([*lines, END])


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def written(rule: str) -> str:
    """The rule's data with the table of today.

    Raises:
        SandboxError: it lacks the marker lines.
    """
    head, begin, rest = rule.partition(BEGIN)
    _old, end, tail = rest.partition(END)
    if not begin or not end:
        raise SandboxError("table des versions du Starter Kit", f"{RULE.name} n'a plus ses deux lignes repères")
    return head + text() + tail


def main() -> None:
    """Writes the rule's data again where that changes something."""
    before = RULE.read_text(encoding="utf-8")
    after = written(before)
    if after != before:
        RULE.write_text(after, encoding="utf-8")
    sys.stdout.write(f"{RULE.name} : {'écrit à nouveau' if after != before else 'à jour'}\n")


if __name__ == "__main__":
    main()
