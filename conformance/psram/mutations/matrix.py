"""The kill matrix as a page: rule × violations killed, look-alikes calm, collateral alarms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psram.mutations.run import Judged, Row
from psram.rules import Pack
from psram.wording import counted


def problems(rows: Iterable[Row]) -> list[str]:
    """What went otherwise than it should, one line each; empty when all is well."""
    return [f"{row.rule_id} « {m.name} » : {said}" for row in rows for m in row.mutants for said in m.problems]


def summary(rows: list[Row]) -> str:
    """The whole matrix in one sentence."""
    killed, calm = [m for row in rows for m in row.violations], [m for row in rows for m in row.lookalikes]
    return (
        f"{len(rows)} règles éprouvées : {_of(tuple(killed))} violations tuées, {_of(tuple(calm))} sosies calmes, "
        f"{counted(len(problems(rows)), 'alerte inattendue ou absente', 'alertes inattendues ou absentes')}."
    )


def table(rows: Iterable[Row], pack: Pack) -> Iterator[str]:
    """The matrix, one line a rule."""
    yield "| règle | gravité | violations tuées | sosies calmes | autres règles alertées |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        rule = pack.rule(row.rule_id)
        severity = rule.severity["homologation"].value if rule else "?"
        collateral = ", ".join(sorted({r for m in row.mutants for r in m.collateral})) or "–"
        yield f"| {row.rule_id} | {severity} | {_of(row.violations)} | {_of(row.lookalikes)} | {collateral} |"


def page(rows: list[Row], pack: Pack, reasons: dict[tuple[str, str], dict[str, str]]) -> str:
    """The page kept in docs; ``reasons`` say why other rules rightly change, by rule and mutation."""
    lines = [
        f"# Matrice de mutation de {pack.title}",
        "",
        "Chaque violation est injectée seule dans l'application d'exemple `suivi-courriers`, conforme et munie de",
        "toutes ses preuves : exactement cette règle doit devenir rouge. Chaque sosie ressemble à une violation et",
        "n'en est pas une : rien ne doit changer. Page écrite par",
        "`python -m psram.mutations --write docs/normes/matrice.md`.",
        "",
        f"**{summary(rows)}**",
        "",
        *table(rows, pack),
        "",
    ]
    for row in rows:
        lines += [f"## {row.rule_id}", ""]
        lines += [_line(row.rule_id, mutant, reasons) for mutant in row.mutants]
        lines.append("")
    return "\n".join(lines)


def _line(rule_id: str, mutant: Judged, reasons: dict[tuple[str, str], dict[str, str]]) -> str:
    kind = "violation" if mutant.violation else "sosie"
    state = (
        ("tuée" if mutant.violation else "calme") if not mutant.problems else "**" + " ; ".join(mutant.problems) + "**"
    )
    also = reasons.get((rule_id, mutant.name), {})
    more = "".join(f" ; {rule} change aussi : {why}" for rule, why in sorted(also.items()))
    return f"* {kind} « {mutant.name} » : {state}{more}"


def _of(mutants: tuple[Judged, ...]) -> str:
    good = sum(not m.problems for m in mutants)
    return f"{good}/{len(mutants)}" if mutants else "–"
