"""``amcloud connectors``: the directory of national services, and who would feel the end of a version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from amcloud.cli.exits import Exit, answer, refuse
from amcloud.cli.options import AsForm, Form
from amcloud.paris import day

if TYPE_CHECKING:
    from datetime import datetime

    from amcloud.stages.declared.directory import Line, Use

COMMAND: Final = "connectors"
_HELP: Final = (
    "Annuaire des connecteurs SI, et qui s'en sert.\n\n"
    "Sans nom : chaque version de chaque connecteur, sa fin, combien d'applications sont autorisées et combien la "
    "déclarent. Avec un nom : les applications qui déclarent ce connecteur, et ce qu'il en est pour chacune : à lire "
    "avant d'annoncer une fin ou de retirer une autorisation.\n\n"
    "Code de retour : 0 c'est dit, 1 une application déclare un connecteur qui lui est refusé, 2 cluster injoignable, "
    "3 mauvaise commande."
)
_EXAMPLES: Final = "Exemples :\n\namcloud connectors\n\namcloud connectors referentiel-assures --output json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(connectors)


def connectors(
    name: Annotated[str, typer.Argument(metavar="CONNECTEUR", help="Ce connecteur seulement.")] = "",
    output: AsForm = Form.TEXT,
) -> None:
    """List, and end by whether somebody is refused."""
    from amcloud.errors import AmcloudError

    try:
        lines, uses = _read()
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    if name and name not in {*(line.connector for line in lines), *(use.connector for use in uses)}:
        known = ", ".join(sorted({line.connector for line in lines})) or "aucun"
        refuse(COMMAND, f"le connecteur « {name} » n'existe pas ; déclarés : {known}")
    lines = tuple(line for line in lines if name in {"", line.connector})
    uses = tuple(use for use in uses if name in {"", use.connector})
    answer((_as_json(lines, uses) if output is Form.JSON else _as_text(lines, uses, name)).encode(), command=COMMAND)
    if any(use.state.refused for use in uses):
        raise typer.Exit(Exit.REFUSED)


def _read() -> tuple[tuple[Line, ...], tuple[Use, ...]]:
    from datetime import UTC, datetime

    from amcloud.clients import assembly
    from amcloud.clients.cluster import KubernetesCluster
    from amcloud.stages.declared import directory

    cluster, now = KubernetesCluster(assembly.api()), datetime.now(UTC)
    offered = cluster.all_connectors()
    uses = directory.uses(offered, cluster.local_apps(), now)
    return directory.lines(offered, uses, now), uses


def _as_text(lines: Sequence[Line], uses: Sequence[Use], name: str) -> str:
    if not lines and not uses:
        return "Aucun connecteur n'est déclaré.\n"
    listed = [["CONNECTEUR", "VERSION", "ÉTAT", "FIN", "AUTORISÉES", "DÉCLARENT"], *map(_cells, lines)]
    told = [use for use in uses if name or use.state.refused]
    shown = "".join(_aligned(listed))
    if not told:
        return shown
    by_app = [
        ["APPLICATION", "CONNECTEUR", "VERSION", "ÉTAT"],
        *([u.app, u.connector, u.version, u.state] for u in told),
    ]
    return f"{shown}\n{''.join(_aligned(by_app))}"


def _cells(line: Line) -> list[str]:
    version = f"{line.version} (conseillée)" if line.recommended else line.version
    return [line.connector, version, line.state, _day(line.ends_at), str(line.authorised), str(line.callers)]


def _day(moment: datetime | None) -> str:
    return "-" if moment is None else day(moment)


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _as_json(lines: Sequence[Line], uses: Sequence[Use]) -> str:
    def version(line: Line) -> dict[str, Any]:
        return {
            "connector": line.connector,
            "version": line.version,
            "state": line.state,
            "endOfLifeTime": line.ends_at.isoformat() if line.ends_at else None,
            "recommended": line.recommended,
            "authorised": line.authorised,
            "callers": line.callers,
        }

    listed = [{"app": u.app, "connector": u.connector, "version": u.version, "state": u.state} for u in uses]
    return json.dumps({"versions": list(map(version, lines)), "uses": listed}, ensure_ascii=False, indent=2) + "\n"
