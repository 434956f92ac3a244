"""Writes docs/regles/ from the pack's data: ``python -m psram.docs FOLDER`` (``--check`` only compares).

The pages are the rules' documentation for developers and auditors, in French; they are never edited by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from psram import applicability, docs_params, mutations, packs
from psram.reports.projection import MOMENTS
from psram.rules import Condition, DecidedBy, EvidenceClass, Example, Lifetime, Pack, Rule, Severity

_EVIDENCE = {
    EvidenceClass.OBSERVED: "observée par la plateforme",
    EvidenceClass.PRODUCED: "produite par le pipeline",
    EvidenceClass.DECLARED: "déclarée sur le portail",
    EvidenceClass.SIGNED: "signée par une personne",
}
_LANGUAGES = {"php": "php", "yaml": "yaml", "json": "json", "sql": "sql", "twig": "twig", "lock": "json"}


def pages(pack: Pack) -> dict[str, str]:
    """File name → content of every page."""
    return {"README.md": _index(pack), **{f"{rule.id}.md": _page(rule, pack) for rule in pack.rules}}


def _index(pack: Pack) -> str:
    state = f"empreinte `{pack.digest}`" if pack.sealed else "brouillon, non publié"
    lines = [
        f"# Règles de {pack.title}",
        "",
        f"Pages écrites par `python -m psram.docs docs/regles` depuis le pack `{pack.name}` ({state}).",
        "Une règle bloquante enfreinte fait refuser l'hébergement ; au-delà de",
        f"{pack.major_threshold['homologation']} règles majeures enfreintes ({pack.major_threshold['labellisation']} "
        "en labellisation), elles bloquent aussi. Les numéros absents ne sont pas attribués.",
        "",
    ]
    for family, title in pack.families.items():
        lines += [f"## {family} – {title}", ""]
        lines += ["| règle | gravité | compte dès | titre |", "| --- | --- | --- | --- |"]
        for rule in pack.rules:
            if rule.family == family:
                severity = "porte" if rule.decided_by is DecidedBy.GATE else rule.severity["homologation"].value
                lines.append(f"| [{rule.id}]({rule.id}.md) | {severity} | {MOMENTS[rule.moment]} | {rule.title} |")
        lines.append("")
    return "\n".join(lines)


def _page(rule: Rule, pack: Pack) -> str:
    lines = [f"# {rule.id} – {rule.title}", "", rule.rationale, ""]
    lines += [f"* **{name}** : {said}" for name, said in _fields(rule, pack)]
    lines += ["", *docs_params.section(rule.params)]
    lines += ["## Remède", "", f"{rule.remediation.fr} (effort {rule.remediation.effort}{_fix(rule)})", ""]
    if rule.decided_by is DecidedBy.ENGINE:
        lines += ["## Accepté", "", *_examples(rule.examples.good), "## Refusé", "", *_examples(rule.examples.bad)]
    lines.append(f"Depuis {pack.title}. Page écrite depuis `conformance/packs/{pack.name}/rules/{rule.id}.yaml`.")
    return "\n".join(lines) + "\n"


def _fields(rule: Rule, pack: Pack) -> Iterator[tuple[str, str]]:
    yield "Gravité", ", ".join(f"{severity.value} en {track}" for track, severity in sorted(rule.severity.items()))
    yield from (("Plus grave", said) for said in graver(rule))
    yield "Compte dès", MOMENTS[rule.moment]
    if rule.decided_by is DecidedBy.GATE:
        yield "Décidée par", "[la porte d'hébergement](../porte.md) ou une personne ; le moteur répond « à valider »"
    if rule.applies not in ("always", Condition()):
        yield "S'applique si", _condition(rule.applies)
    yield "Preuve", _proof(rule)
    yield "Références", " ; ".join(rule.references)
    if rule.requires:
        yield "Suppose", ", ".join(f"[{required}]({required}.md)" for required in rule.requires)
    yield "Cycle de vie", _lifecycle(rule, pack)
    known = mutations.load(rule.id)
    if known.violations or known.lookalikes:
        counted = f"{_many(len(known.violations), 'violation')} et {_many(len(known.lookalikes), 'sosie')}"
        yield "Éprouvée par", f"[{counted}](../normes/matrice.md) injectés dans une application conforme"


def graver(rule: Rule) -> Iterator[str]:
    """When its violation is graver than its severity by track says, in French."""
    yield from (f"{each.severity.value} si {_condition(each.when)}" for each in rule.graver)
    if rule.gravest:
        yield f"{Severity.BLOCKING.value} pour {rule.gravest}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count > 1 else ''}"


def _condition(condition: str | Condition) -> str:
    asked = applicability.CONDITIONS[condition] if isinstance(condition, str) else condition
    parts = [f"`{asked.fact}` vaut au moins {asked.min}"] if asked.fact else []
    parts += [f"filière {' ou '.join(asked.tracks)}"] if asked.tracks else []
    parts += [f"étape {' ou '.join(asked.stages)}"] if asked.stages else []
    parts += [f"criticité {' ou '.join(asked.criticalities)}"] if asked.criticalities else []
    return " et ".join(parts)


def _proof(rule: Rule) -> str:
    needs = f" ({', '.join(rule.needs)})" if rule.needs else ""
    days = rule.lifetime.days if isinstance(rule.lifetime, Lifetime) else None
    life = f", bonne {days} jours" if days else ""
    return f"{_EVIDENCE[rule.evidence]}{needs}{life} ; une preuve plus faible laisse la règle indéterminée"


def _lifecycle(rule: Rule, pack: Pack) -> str:
    life = rule.lifecycle
    parts = [f"depuis PSRAM {life.since}"]
    if life.effective_on or pack.effective_on:
        parts.append(f"peut refuser à partir du {life.effective_on or pack.effective_on}")
    if life.warned_on:
        parts.append(f"fin annoncée le {life.warned_on}")
    if life.deprecated_on:
        parts.append(f"retirée le {life.deprecated_on}")
    if life.replaced_by:
        parts.append(f"remplacée par {life.replaced_by}")
    return ", ".join(parts)


def _fix(rule: Rule) -> str:
    return ", correction mécanique : `amcloud check --fix`" if rule.remediation.patch else ""


def _examples(examples: tuple[Example, ...]) -> Iterator[str]:
    for example in examples:
        outcome = " (indéterminé)" if example.expect == "indetermine" else ""
        yield f"* {example.name[0].upper()}{example.name[1:]}{outcome}"
        yield from _facts(example)
        yield ""


def _facts(example: Example) -> Iterator[str]:
    for path, text in example.files.items():
        suffix = path.rpartition(".")[2].lower()
        shown = text.replace("@@", "…").rstrip("\n")
        yield ""
        yield f"  `{path!r}`".replace("'", "") if "\n" in path else f"  `{path}`"
        yield ""
        yield f"  ```{_LANGUAGES.get(suffix, 'text')}"
        yield from (f"  {line}".rstrip().replace("\0", "␀") for line in shown.split("\n"))
        yield "  ```"
    notes = [f"lien `{path}` vers `{target}`" for path, target in example.links.items()]
    notes += [f"sous-module `{path}`" for path in example.submodules]
    notes += [f"`{path}`, plus gros que la limite" for path in example.oversize]
    notes += [f"{key} : `{docs_params.yaml_of(value)}`" for key, value in sorted(example.context.items())]
    if notes:
        yield ""
        yield f"  {' ; '.join(notes)}"


def main() -> int:
    """Write the pages, or compare them with ``--check``; 1 when they are out of date."""
    parser = argparse.ArgumentParser(description="Écrit les pages des règles depuis les données du pack.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", default=packs.DEFAULT)
    parser.add_argument("--check", action="store_true", help="compare sans écrire")
    given = parser.parse_args()
    wanted = pages(packs.load(given.pack))
    existing = {f.name: f.read_text("utf-8") for f in given.folder.glob("*.md")} if given.folder.is_dir() else {}
    if given.check:
        return 0 if existing == wanted else 1
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in existing.keys() - wanted.keys():
        (given.folder / name).unlink()
    for name, content in wanted.items():
        (given.folder / name).write_text(content, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
