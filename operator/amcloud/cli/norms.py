"""``amcloud norms``: the packs that this engine knows, and what changes from one to another, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from amcloud.cli import completion
from amcloud.cli.exits import answer, told

if TYPE_CHECKING:
    from psram.rules import Pack, Rule

COMMAND: Final = "norms"
_WORDS: Final = {
    "title": "titre",
    "moment": "compte dès",
    "evidence": "preuve exigée",
    "applies": "s'applique à",
    "requires": "après",
    "params": "paramètres",
    "needs": "preuves nécessaires",
    "decided_by": "décidée par",
    "graver": "plus grave si",
    "lifetime": "durée de la preuve",
}
_SHOWN_CHARS: Final = 200


def register(app: typer.Typer) -> None:
    """Add the commands."""
    norms = typer.Typer(
        help="Les normes que ce moteur connaît, et ce qui change de l'une à l'autre.", no_args_is_help=True
    )
    norms.command("list", help="Liste les packs de normes, leur phase et leur empreinte.")(list_packs)
    norms.command(
        "diff",
        help="Dit en mots ce qui change d'un pack à un autre.\n\n"
        "Code de retour : 0 rien, 1 quelque chose, 2 un pack est illisible, 3 mauvaise commande.",
        epilog="Exemple :\n\namcloud norms diff psram-2026.1 ./psram-2027.1",
    )(diff)
    app.add_typer(norms, name=COMMAND)


def list_packs() -> None:
    """One line a pack."""
    from psram import packs
    from psram.timeline import phase

    with told(COMMAND):
        for name in packs.available():
            pack = packs.load(name)
            since = f"depuis le {pack.effective_on}" if pack.effective_on else "sans date"
            typer.echo(
                f"{pack.name}  {phase(pack, date.today()).value}, {since}, {len(pack.rules)} règles, {pack.digest}"
            )


def diff(
    old: Annotated[
        str, typer.Argument(metavar="ANCIEN", autocompletion=completion.pack_names, help="Nom, ou dossier.")
    ],
    new: Annotated[
        str, typer.Argument(metavar="NOUVEAU", autocompletion=completion.pack_names, help="Nom, ou dossier.")
    ],
) -> None:
    """The changes, one a line."""
    from psram import packs

    with told(COMMAND):
        before, after = packs.load(old), packs.load(new)
        changes = list(compared(before, after))
        said = [f"De {before.name} à {after.name} : {_count(len(changes))}", *(["", *changes] if changes else [])]
        answer("\n".join([*said, ""]).encode(), command=COMMAND)
    raise typer.Exit(1 if changes else 0)


def compared(before: Pack, after: Pack) -> Iterator[str]:
    """What a reader of both packs should know, rule by rule."""
    for rule in after.rules:
        if before.rule(rule.id) is None:
            yield f"+ {rule.id} {rule.title} ({_severities(rule)})"
    for rule in before.rules:
        if after.rule(rule.id) is None:
            yield f"- {rule.id} {rule.title}"
    for rule in after.rules:
        known = before.rule(rule.id)
        if known is not None:
            yield from (f"~ {rule.id} {change}" for change in _changes(known, rule))
    for track in sorted({*before.major_threshold, *after.major_threshold}):
        then, now = before.major_threshold.get(track), after.major_threshold.get(track)
        if then != now:
            yield f"~ majeures tolérées en {track} : {_shown(then)} → {_shown(now)}"


def _changes(before: Rule, after: Rule) -> Iterator[str]:
    import msgspec

    for place in sorted({*before.severity, *after.severity}):
        then, now = before.severity.get(place), after.severity.get(place)
        if then != now:
            yield f"gravité en {place} : {then.value if then else '—'} → {now.value if now else '—'}"
    then_data, now_data = msgspec.to_builtins(before), msgspec.to_builtins(after)
    for field, word in _WORDS.items():
        if then_data[field] != now_data[field]:
            yield from _field(word, then_data[field], now_data[field])
    for field in ("effective_on", "warned_on", "deprecated_on"):
        then, now = then_data["lifecycle"][field], now_data["lifecycle"][field]
        if then != now:
            word = {"effective_on": "bloque dès", "warned_on": "annonce sa fin dès", "deprecated_on": "retirée dès"}[
                field
            ]
            yield f"{word} : {_shown(then)} → {_shown(now)}"


def _field(word: str, then: Any, now: Any) -> Iterator[str]:
    """A change of a field; of a mapping, each key's."""
    if not (isinstance(then, dict) and isinstance(now, dict)):
        yield f"{word} : {_shown(then)} → {_shown(now)}"
        return
    for key in sorted({*then, *now}):
        if then.get(key) != now.get(key):
            yield f"{word}, {key} : {_listed(then.get(key), now.get(key))}"


def _listed(then: Any, now: Any) -> str:
    """Of two lists, what came and what went; else both values."""
    if not (isinstance(then, list) and isinstance(now, list)):
        return f"{_shown(then)} → {_shown(now)}"
    came = [f"+{_shown(each)}" for each in now if each not in then]
    gone = [f"-{_shown(each)}" for each in then if each not in now]
    return ", ".join([*came, *gone]) or "un autre ordre"


def _shown(value: Any) -> str:
    import json

    if value is None:
        return "—"
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return said if len(said) <= _SHOWN_CHARS else f"{said[:_SHOWN_CHARS]}…"


def _severities(rule: Rule) -> str:
    return ", ".join(f"{place} {severity.value}" for place, severity in sorted(rule.severity.items()))


def _count(number: int) -> str:
    return "rien ne change" if number == 0 else f"{number} changement{'s' if number > 1 else ''}"
