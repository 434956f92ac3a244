"""The page that :mod:`bench.triage` writes. Pure: judged findings in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

TO_TRIAGE: Final = "**à trier**"
VERDICTS: Final = ("justifié", "discutable", "faux positif")
SHOWN_CHARS: Final = 60
HEAD: Final = """\
# Ce que les règles bloquantes trouvent dans des paquets Debian

Ces paquets n'ont pas été écrits pour PSRAM : ils disent si une règle se trompe. Chaque arbre est vérifié comme une
application à part, validée dans git et lue par le moteur comme il lit les autres (tous ses fichiers), filière
labellisation, étape production. Chaque constat d'une règle bloquante qui décide sur les sources est jugé :

* **justifié** : ce que la règle interdit à une application y est (une bibliothèque ou un outil peut en avoir besoin) ;
* **discutable** : la règle a raison à la lettre, ce dont elle protège n'y est pas ;
* **faux positif** : rien à reprocher, la règle ne sait pas le voir.

Un constat est jugé par la première ligne de `bench/triage.yaml` qui lui correspond ; ces lignes ont été écrites en
lisant le code de chaque groupe. Un constat que rien ne juge fait échouer la commande. Page écrite par
`.venv/bin/python -m bench.triage --write docs/normes/corpus.md` ; `--check docs/normes/corpus.md` dit si elle est à
jour, `--list` donne chaque constat avec son jugement."""
EXPLAINED: Final = """\
Les faux positifs de SEC-002 tiennent presque tous à deux habitudes d'avant Composer et Doctrine : un dossier
d'installation rangé dans un tableau global, un nom de table donné par l'objet de connexion. Une application du Starter
Kit n'a ni l'une ni l'autre ; une autre écrit ces chemins et ces noms en dur, ou demande une dérogation. Ceux de MTN-002
et de MTN-003 parlent à d'autres bases que PostgreSQL, la seule hébergée. Les genres de faux positifs connus sont aussi
dans [Ce que les règles refusent à tort](angles-morts.md#ce-que-les-règles-refusent-à-tort)."""


class Judged(NamedTuple):
    """A finding and its triage; ``verdict`` is empty when nobody triaged it."""

    rule: str
    tree: str
    place: str
    said: str
    verdict: str
    reason: str


class Tree(NamedTuple):
    """What was found in a tree; ``left`` are rules that were not evaluated because another one is not respected."""

    name: str
    files: int
    found: tuple[Judged, ...]
    left: tuple[str, ...] = ()


def listed(trees: Sequence[Tree]) -> str:
    """Each finding with its judgement, a line each."""
    found = sorted(judged for tree in trees for judged in tree.found)
    return "".join(f"{j.rule} {j.verdict or '?'} {j.place} {j.said} ({j.reason})\n" for j in found)


def page(trees: Sequence[Tree], rules: Mapping[str, Mapping[str, str]], without: Mapping[str, str]) -> str:
    """The whole page."""
    found = sorted(judged for tree in trees for judged in tree.found)
    parts = (_corpus(trees), _precision(found, rules), EXPLAINED, _nothing(found, trees, rules, without), _kinds(found))
    return "\n\n".join((HEAD, *parts)) + "\n"


def _corpus(trees: Sequence[Tree]) -> str:
    named = ", ".join(f"{tree.name} ({tree.files} fichiers)" for tree in trees)
    return f"Corpus : {named}."


def _precision(found: Sequence[Judged], rules: Mapping[str, Mapping[str, str]]) -> str:
    """A row a rule: what its right findings mean, how many there are, and their share."""
    rows = ["| règle | un constat justifié dit que | constats | justifiés | discutables | faux positifs | précision |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for rule, told in rules.items():
        counts = Counter(judged.verdict for judged in found if judged.rule == rule)
        right, doubtful, wrong = (counts[verdict] for verdict in VERDICTS)
        share = _percent(right, counts.total())
        rows.append(f"| {rule} | {told['justified']} | {counts.total()} | {right} | {doubtful} | {wrong} | {share} |")
    told_all = Counter(judged.verdict for judged in found)
    right, doubtful, wrong = (told_all[verdict] for verdict in VERDICTS)
    share = _percent(right, len(found))
    rows.append(f"| **toutes** | | {len(found)} | {right} | {doubtful} | {wrong} | {share} |")
    return "## Précision\n\nJustifiés sur trouvés ; un discutable compte contre la règle.\n\n" + "\n".join(rows)


def _percent(right: int, total: int) -> str:
    return f"{right * 100 // total} %" if total else "—"


def _nothing(
    found: Sequence[Judged],
    trees: Sequence[Tree],
    rules: Mapping[str, Mapping[str, str]],
    without: Mapping[str, str],
) -> str:
    """Rules without a finding, one by one, with why."""
    present = {judged.rule for judged in found}
    lines = ["## Les règles bloquantes sans constat", "", "Évaluées sur ces sources, elles n'y trouvent rien :", ""]
    lines += [f"* {rule} : {told['none']}." for rule, told in rules.items() if rule not in present and "none" in told]
    lines += ["", "Elles demandent une preuve que des sources seules n'ont pas :", ""]
    lines += [f"* {rule} : {why}." for rule, why in without.items()]
    left = {rule: [tree.name for tree in trees if rule in tree.left] for rule in rules}
    if any(left.values()):
        said = " ; ".join(f"{rule} ({', '.join(names)})" for rule, names in left.items() if names)
        lines += ["", f"Non évaluées là où composer.json manque, que CMP-001 demande d'abord : {said}."]
    return "\n".join(lines)


def _kinds(found: Sequence[Judged]) -> str:
    return "## Les constats, par genre\n\n" + "\n".join(_rows(found))


def _rows(found: Sequence[Judged]) -> Iterator[str]:
    yield "| règle | arbre | constats | fichiers | jugement | raison | le premier |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    groups: dict[tuple[str, str, str, str], list[Judged]] = {}
    for judged in found:
        groups.setdefault((judged.rule, judged.tree, judged.verdict, judged.reason), []).append(judged)
    for (rule, tree, verdict, reason), members in groups.items():
        places = [judged.place.removeprefix(f"{tree}/") or "(le projet)" for judged in members]
        paths = {place.rpartition(":")[0] or place for place in places}
        first = places[0] if len(places[0]) <= SHOWN_CHARS else f"…{places[0][-SHOWN_CHARS:]}"
        yield f"| {rule} | {tree} | {len(members)} | {len(paths)} | {verdict} | {reason} | `{first}` |"
