"""What the blocking rules say of PHP packages that nobody wrote for them, each finding triaged: right or wrong.

``python -m bench.triage [FOLDER …]`` reads the trees (those of :mod:`bench.corpus` by default), matches each blocking
finding with ``bench/triage.yaml`` and prints the table; ``--write PAGE`` keeps it, ``--list`` prints each finding with
its judgement. Exit 1 when a finding is triaged by nothing.
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

from bench import corpus
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
à une application y est (une bibliothèque ou un outil peut en avoir besoin). **Faux** : rien à reprocher, la règle ne
sait pas le voir. Chaque constat est jugé par la première ligne de `bench/triage.yaml` qui lui correspond ; ces lignes
ont été écrites en lisant le code de chaque groupe. Les autres règles bloquantes jugent une application entière
(composer.json, migrations, pipeline) : elles n'ont pas d'objet ici. Page écrite par
`.venv/bin/python -m bench.triage --write docs/normes/corpus.md` ; `--list` donne chaque constat avec son jugement.

Les faux de SEC-002 tiennent presque tous à deux habitudes d'avant Composer et Doctrine : un dossier d'installation
rangé dans un tableau global, un nom de table donné par l'objet de connexion. Une application du Starter Kit n'a ni
l'une ni l'autre ; une autre écrit ces chemins et ces noms en dur, ou demande une dérogation.
"""
SHOWN_CHARS = 60


class Judged(NamedTuple):
    """A finding and its triage; ``verdict`` is empty when nobody triaged it."""

    rule: str
    tree: str
    place: str
    said: str
    verdict: str
    reason: str


def main() -> int:
    """Print the table; 1 when a finding is triaged by nothing."""
    parser = argparse.ArgumentParser(description="Trie ce que les règles bloquantes trouvent dans un corpus.")
    parser.add_argument("folders", nargs="*", type=Path, help="arbres à lire (ceux du corpus sans argument)")
    parser.add_argument("--rules", nargs="*", default=RULES)
    parser.add_argument("--write", type=Path, help="page à écrire")
    parser.add_argument("--list", action="store_true", help="chaque constat, plutôt que la page")
    given = parser.parse_args()
    found: list[Judged] = []
    files: dict[str, int] = {}
    for folder in given.folders or corpus.trees():
        found += [
            _triaged(rule, folder.name, path, finding) for path, finding, rule in _findings(folder, given.rules, files)
        ]
    page = "\n".join(_listed(found) if given.list else _page(found, files))
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


def _triaged(rule: str, tree: str, path: str, finding: Finding) -> Judged:
    said = " ".join(finding.message.split())
    place = f"{path}:{finding.line}" if finding.line else path
    for known in KNOWN:
        same = known["rule"] == rule and fnmatch.fnmatchcase(f"/{path}", known["path"])
        if same and fnmatch.fnmatchcase(said, known["said"]):
            return Judged(rule, tree, place, said, known["verdict"], known["reason"])
    return Judged(rule, tree, place, said, "", "**à trier**")


def _listed(found: list[Judged]) -> Iterator[str]:
    for judged in sorted(found):
        yield f"{judged.rule} {judged.verdict or '?'} {judged.place} {judged.said} ({judged.reason})"


def _page(found: list[Judged], files: dict[str, int]) -> Iterator[str]:
    yield HEAD
    yield f"Corpus : {', '.join(f'{name} ({count} fichiers)' for name, count in files.items())}."
    yield "\n| règle | trouvés | vrais | faux |\n| --- | --- | --- | --- |"
    for rule in RULES:
        counts = Counter(judged.verdict for judged in found if judged.rule == rule)
        yield f"| {rule} | {counts.total()} | {counts['vrai']} | {counts['faux']} |"
    yield "\n| règle | arbre | constats | fichiers | jugement | raison | le premier |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    groups: dict[tuple[str, str, str, str], list[Judged]] = {}
    for judged in sorted(found):
        groups.setdefault((judged.rule, judged.tree, judged.verdict, judged.reason), []).append(judged)
    for (rule, tree, verdict, reason), members in groups.items():
        places = [judged.place.removeprefix(f"{tree}/") for judged in members]
        paths = {place.rpartition(":")[0] or place for place in places}
        first = places[0] if len(places[0]) <= SHOWN_CHARS else f"…{places[0][-SHOWN_CHARS:]}"
        yield f"| {rule} | {tree} | {len(members)} | {len(paths)} | {verdict} | {reason} | `{first}` |"


if __name__ == "__main__":
    sys.exit(main())
