"""What the blocking rules say of PHP packages that nobody wrote for them, each finding triaged: right or wrong.

``python -m bench.triage [FOLDER …]`` reads the trees (``/usr/share/php`` by default), matches each blocking finding
with ``bench/triage.yaml`` and prints the table; ``--write PAGE`` keeps it. Exit 1 when a finding is triaged by nothing.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import yaml

from psram import checks, packs
from psram.collect.memory import collect_files
from psram.model import Context, Finding, Stage, Track

RULES = ("PHP-006", "RGPD-003", "SEC-001", "SEC-002")
MAX_BYTES = 1024 * 1024
SKIPPED = (".png", ".gz", ".json", ".svg", ".gif", ".jpg", ".mo", ".po", ".woff", ".woff2", ".ttf")
VERDICTS = Path(__file__).with_name("triage.yaml")
KNOWN: list[dict[str, str]] = yaml.safe_load(VERDICTS.read_text("utf-8"))
CONTEXT = Context(Track.HOMOLOGATION, Stage.PRODUCTION, date(2026, 6, 1))
HEAD = """\
# Ce que les règles bloquantes trouvent dans des paquets Debian

Ces paquets n'ont pas été écrits pour PSRAM : ils disent si une règle se trompe. **Vrai** : ce que la règle interdit
à une application y est (une bibliothèque peut en avoir besoin). **Faux** : rien à reprocher. Les jugements, par
construction et par paquet, sont dans `bench/triage.yaml`. Écrite par `python -m bench.triage --write PAGE DOSSIERS…`.
"""


class Judged(NamedTuple):
    """Findings of one rule in one file that have the same triage; ``verdict`` is empty when nobody triaged them."""

    rule: str
    path: str
    verdict: str
    reason: str


def main() -> int:
    """Print the table; 1 when a finding is triaged by nothing."""
    parser = argparse.ArgumentParser(description="Trie ce que les règles bloquantes trouvent dans un corpus.")
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("/usr/share/php")])
    parser.add_argument("--rules", nargs="*", default=RULES)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--applications", nargs="*", type=Path, default=[], help="triaged but for SEC-002, counted")
    given = parser.parse_args()
    found: Counter[Judged] = Counter()
    files: dict[str, int] = {}
    sinks: dict[str, int] = {}
    for folder in (*given.folders, *given.applications):
        for path, finding, rule in _findings(folder, given.rules, files):
            if rule == "SEC-002" and folder in given.applications:
                sinks[folder.name] = sinks.get(folder.name, 0) + 1
            else:
                found[_triaged(rule, f"/{path}", finding)] += 1
    page = "\n".join(_page(found, files, sinks))
    sys.stdout.write(page + "\n")
    if given.write is not None:
        given.write.write_text(page + "\n", "utf-8")
    return 1 if any(not judged.verdict for judged in found) else 0


def _findings(folder: Path, rules: list[str], files: dict[str, int]) -> Iterator[tuple[str, Finding, str]]:
    pack = packs.load()
    held = {str(file.relative_to(folder)): file for file in folder.rglob("*") if _is_read(file)}
    files[folder.name] = len(held)
    facts = collect_files({path: file.read_bytes() for path, file in held.items()})
    for rule_id in rules:
        rule = pack.rule(rule_id)
        assert rule is not None
        grave = frozenset(rule.params.get("blocking", ()))
        for finding in checks.find(rule_id)(facts, rule.params, CONTEXT).findings:
            if not grave or any(name in finding.message for name in (*grave, "accents graves")):
                yield f"{folder.name}/{finding.path}", finding, rule_id


def _is_read(file: Path) -> bool:
    regular = file.is_file() and not file.is_symlink()
    return regular and file.stat().st_size <= MAX_BYTES and file.suffix.lower() not in SKIPPED


def _triaged(rule: str, path: str, finding: Finding) -> Judged:
    for known in KNOWN:
        same = known["rule"] == rule and fnmatch.fnmatchcase(path, known["path"])
        if same and fnmatch.fnmatchcase(finding.message, known["said"]):
            return Judged(rule, path, known["verdict"], known["reason"])
    return Judged(rule, path, "", finding.message)


def _page(found: Counter[Judged], files: dict[str, int], sinks: dict[str, int]) -> Iterator[str]:
    yield HEAD
    yield f"Corpus : {', '.join(f'{name} ({count} fichiers)' for name, count in files.items())}."
    yield "\n| règle | trouvés | vrais | faux |\n| --- | --- | --- | --- |"
    for rule in RULES:
        counts = Counter[str]()
        for judged, times in found.items():
            counts[judged.verdict] += times if judged.rule == rule else 0
        yield f"| {rule} | {counts.total()} | {counts['vrai']} | {counts['faux']} |"
    if sinks:
        told = ", ".join(f"{name} {count}" for name, count in sinks.items())
        yield f"\nComptés et non triés, SEC-002 dans des applications d'avant les normes : {told}."
    yield "\n| règle | fichier | fois | jugement | raison |\n| --- | --- | --- | --- | --- |"
    for judged, times in sorted(found.items()):
        path = judged.path.replace("/usr/share/php/", "/").removeprefix("/")
        yield f"| {judged.rule} | `{path}` | {times} | {judged.verdict or '**à trier**'} | {judged.reason} |"


if __name__ == "__main__":
    sys.exit(main())
