"""What ``--list-rules`` and ``--explain`` say: rules as text for people, or as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psram.rules import Pack, Rule, Stage, Track

TEXT, JSON = "texte", "json"


def rules(pack: Pack, track: Track, stage: Stage, form: str) -> bytes:
    """All rules of the pack, with the severity that they have there."""
    import msgspec

    if form == JSON:
        listed = [described(rule, track, stage) for rule in pack.rules]
        head = {"pack": pack.name, "version": pack.version, "digest": pack.digest, "rules": listed}
        return msgspec.json.format(msgspec.json.encode(head), indent=2) + b"\n"
    return "\n".join([*_listed(pack, track, stage), ""]).encode()


def _listed(pack: Pack, track: Track, stage: Stage) -> Iterator[str]:
    from psram.reports.projection import MOMENTS
    from psram.rules import DecidedBy

    yield f"{pack.title} : {len(pack.rules)} règles ({pack.digest})"
    yield ""
    for rule in pack.rules:
        severity = "porte" if rule.decided_by is DecidedBy.GATE else rule.severity_for(track, stage).value
        yield f"{rule.id:9} {severity:10} {MOMENTS[rule.moment]:10} {rule.title}"
    yield ""
    yield "Ensuite : amcloud check --explain RÈGLE"


def described(rule: Rule, track: Track, stage: Stage) -> dict[str, Any]:
    """A rule as data: what a program may need, without its examples' files."""
    import msgspec

    whole: dict[str, Any] = msgspec.to_builtins(rule)
    examples = {kind: [each["name"] for each in whole["examples"][kind]] for kind in ("good", "bad")}
    here = rule.severity_for(track, stage).value
    return {**whole, "family": rule.family, "severity_here": here, "examples": examples}


def explanation(pack: Pack, rule_id: str, track: Track, stage: Stage, *, form: str, width: int) -> bytes:
    """All that is known of one rule. Raises ``UsageError`` when the pack has none of that name."""
    import msgspec

    from psram.errors import UsageError

    rule = pack.rule(rule_id.upper())
    if rule is None:
        near = _near(rule_id.upper(), [each.id for each in pack.rules])
        raise UsageError(f"la règle « {rule_id} » n'existe pas dans {pack.name}{near} ; voyez --list-rules")
    if form == JSON:
        return msgspec.json.format(msgspec.json.encode(described(rule, track, stage)), indent=2) + b"\n"
    return "\n".join([*_explained(rule, width), ""]).encode()


def _near(asked: str, known: list[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(asked, known, n=1)
    return f" (vouliez-vous dire {found[0]} ?)" if found else ""


def _explained(rule: Rule, width: int) -> Iterator[str]:
    from amcloud.cli import parameters
    from psram import docs
    from psram.reports.projection import MOMENTS
    from psram.rules import DecidedBy

    by_gate = rule.decided_by is DecidedBy.GATE
    severities = ", ".join(f"{track} {severity.value}" for track, severity in sorted(rule.severity.items()))
    yield f"{rule.id}  {rule.title}"
    yield ""
    yield from textwrap.wrap(" ".join(rule.rationale.split()), width)
    yield ""
    yield from _field("Gravité", severities, width)
    yield from _field("Compte dès", MOMENTS[rule.moment], width)
    if by_gate:
        yield from _field("Décidée par", "la porte d'hébergement ou une personne, jamais le moteur", width)
    if rule.lifecycle.effective_on is not None:
        yield from _field("Bloque dès", f"{rule.lifecycle.effective_on}", width)
    for said in docs.graver(rule):
        yield from _field("Plus grave", said, width)
    if rule.requires:
        yield from _field("Après", ", ".join(rule.requires), width)
    if rule.params:
        yield ""
        yield "Paramètres"
        yield from (f"  {line}" for line in parameters.lines(rule.params, width - 2))
        yield ""
    yield from _field("Remède", f"{' '.join(rule.remediation.fr.split())} (effort {rule.remediation.effort})", width)
    if rule.remediation.patch:
        yield from _field("Mécanique", "amcloud check --fix propose la correction", width)
    yield from _field("Références", " ; ".join(rule.references), width)
    if by_gate:
        return
    yield ""
    for name, examples in (("Accepté", rule.examples.good), ("Refusé", rule.examples.bad)):
        for number, example in enumerate(examples):
            yield from _field(name if number == 0 else "", example.name, width)
    yield from _field("Code", f"docs/regles/{rule.id}.md montre celui de chaque exemple", width)
    yield ""
    yield "Ensuite : amcloud check --full pour tous les endroits de votre application"


def _field(name: str, value: str, width: int) -> list[str]:
    head = f"{name:11} : " if name else " " * 14
    return textwrap.wrap(head + value, width, subsequent_indent=" " * 14, break_on_hyphens=False)
