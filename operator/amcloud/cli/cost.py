"""``amcloud cost``: what the fleet costs a year, by application, organisation, track or stage, and what it uses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from amcloud.cli.exits import Exit, answer, refuse

if TYPE_CHECKING:
    from amcloud.clients.usage import Use
    from amcloud.stages.declared.app import Organisation
    from amcloud.stages.steering.cost import Instance

COMMAND: Final = "cost"
_HELP: Final = (
    "Dit ce que la flotte coûte par an, et ce qu'elle utilise.\n\n"
    "Le prix d'une instance (une application à une étape) est celui de sa taille, dans templates/hosting/sizes.yaml. "
    "« servi » compte ce qui est en service, à la taille en service ; « demandé » ce que les LocalApp demandent. Une "
    "application hors-standard n'est pas hébergée : elle ne coûte rien et n'est pas listée. --use ajoute processeur "
    "et mémoire utilisés à l'instant, là où le cluster les mesure (metrics.k8s.io) : montrés, pas facturés.\n\n"
    "Code de retour : 0 c'est dit, 1 un organisme dépasse son plafond (spec.quota), 2 cluster injoignable, "
    "3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\namcloud cost\n\namcloud cost --by organisation --use\n\namcloud cost --by track --output csv"
)
_MIB: Final = 1024 * 1024


class By(StrEnum):
    """What a line is about."""

    APP = "app"
    ORGANISATION = "organisation"
    TRACK = "track"
    STAGE = "stage"


class Output(StrEnum):
    """How lines are printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Line:
    """Some instances together. ``cores`` and ``memory_bytes`` are ``None`` where nothing is measured."""

    name: str
    instances: int
    serving: int
    served_euros: int
    asked_euros: int
    quota_euros: int | None = None
    cores: float | None = None
    memory_bytes: int | None = None

    @property
    def over(self) -> bool:
        """Whether what serves exceeds the organisation's bound."""
        return self.quota_euros is not None and self.served_euros > self.quota_euros


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(cost)


def cost(
    by: Annotated[By, typer.Option("--by", help="Ce dont parle une ligne.")] = By.APP,
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="CODE", help="Cet organisme seulement (code à 3 chiffres).")
    ] = "",
    use: Annotated[bool, typer.Option("--use", help="Ajoute ce qui est utilisé à l'instant.")] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="Forme de la réponse.")] = Output.TEXT,
) -> None:
    """Count, print, and end by whether a bound is exceeded."""
    from amcloud.errors import AmcloudError

    try:
        fleet, known, used = _read(organisation, use=use)
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    if organisation and organisation not in known:
        refuse(COMMAND, f"--organisation {organisation} : cet organisme n'est pas déclaré")
    if use and used is None:
        typer.echo("Ce cluster ne mesure pas l'utilisation (metrics.k8s.io, metrics-server).", err=True)
    known = {code: one for code, one in known.items() if organisation in {"", code}}
    lines = grouped(fleet, by, known, used)
    answer(_SHOWN[output](lines, by).encode(), command=COMMAND)
    if any(line.over for line in grouped(fleet, By.ORGANISATION, known, None)):
        raise typer.Exit(Exit.REFUSED)


def _read(
    organisation: str, *, use: bool
) -> tuple[tuple[Instance, ...], Mapping[str, Organisation], Mapping[str, Use] | None]:
    from functools import partial

    from amcloud import assets
    from amcloud.clients import assembly, usage
    from amcloud.clients.cluster import KubernetesCluster
    from amcloud.stages import manifest, render
    from amcloud.stages.steering import cost as costs

    api = assembly.api()
    cluster = KubernetesCluster(api)
    known = cluster.organisations()
    found = cluster.local_apps()
    spaces = {space: cluster.namespace_organisation(space) for space in {one["metadata"]["namespace"] for one in found}}
    parse = partial(manifest.parse, organisations=known, namespace_organisation=spaces.get)
    fleet = costs.instances(found, parse, render.sizes(assets.hosting_templates()))
    wanted = tuple(one for one in fleet if organisation in {"", one.organisation})
    return wanted, known, usage.measured(api) if use else None


def grouped(
    fleet: Iterable[Instance], by: By, known: Mapping[str, Organisation], used: Mapping[str, Use] | None
) -> list[Line]:
    """One line a group, the dearest first; an organisation that has a bound has a line even when it has no instance."""
    groups: dict[str, list[Instance]] = {}
    for one in fleet:
        groups.setdefault(_name(one, by, known), []).append(one)
    lines = [_line(name, members, by, known, used) for name, members in groups.items()]
    if by is By.ORGANISATION:
        lines += [line for line in _bounded(known, measured=used is not None) if line.name not in groups]
    return sorted(lines, key=lambda line: (-line.asked_euros, line.name))


def _bounded(known: Mapping[str, Organisation], *, measured: bool) -> Iterator[Line]:
    """A line of nothing for each organisation that has a bound."""
    nothing = (0.0, 0) if measured else (None, None)
    for one in known.values():
        if one.allowance:
            yield Line(f"{one.code} {one.name}", 0, 0, 0, 0, one.allowance.yearly_euros, *nothing)


def _name(one: Instance, by: By, known: Mapping[str, Organisation]) -> str:
    match by:
        case By.APP:
            return f"{one.namespace}/{one.app}"
        case By.ORGANISATION:
            return (
                f"{one.organisation} {known[one.organisation].name}" if one.organisation in known else one.organisation
            )
        case By.TRACK:
            return one.track.value
        case By.STAGE:
            return one.stage.value


def _line(
    name: str, members: list[Instance], by: By, known: Mapping[str, Organisation], used: Mapping[str, Use] | None
) -> Line:
    owner = known.get(members[0].organisation)
    quota = owner.allowance.yearly_euros if by is By.ORGANISATION and owner and owner.allowance else None
    together = None if used is None else [used[space] for one in members if (space := f"{one.app}-{one.stage}") in used]
    return Line(
        name=name,
        instances=len(members),
        serving=sum(one.held is not None for one in members),
        served_euros=sum(one.held_euros for one in members),
        asked_euros=sum(one.asked_euros or 0 for one in members),
        quota_euros=quota,
        cores=None if together is None else round(sum(one.cores for one in together), 4),
        memory_bytes=None if together is None else sum(one.memory_bytes for one in together),
    )


def _as_text(lines: list[Line], by: By) -> str:
    if not lines:
        return "Rien n'est hébergé.\n"
    total = Line(
        "TOTAL",
        sum(line.instances for line in lines),
        sum(line.serving for line in lines),
        sum(line.served_euros for line in lines),
        sum(line.asked_euros for line in lines),
    )
    head = [by.upper(), "INSTANCES", "EN SERVICE", "SERVI €/AN", "DEMANDÉ €/AN"]
    extra = [*(["PLAFOND €/AN"] if by is By.ORGANISATION else []), *(["UTILISÉ"] if lines[0].cores is not None else [])]
    rows = [[*head, *extra], *(_cells(line, by) for line in lines)]
    rows.append([*_cells(total, By.APP), *([""] * len(extra))])
    return "".join(_aligned(rows))


def _cells(line: Line, by: By) -> list[str]:
    cells = [line.name, str(line.instances), str(line.serving), str(line.served_euros), str(line.asked_euros)]
    if by is By.ORGANISATION:
        bound = "-" if line.quota_euros is None else str(line.quota_euros)
        cells.append(f"{bound} (dépassé)" if line.over else bound)
    if line.cores is not None and line.memory_bytes is not None:
        cells.append(f"{line.cores:.3f} cœur, {line.memory_bytes / _MIB:.0f} Mio")
    return cells


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _fields(line: Line, by: By) -> dict[str, Any]:
    return {
        by.value: line.name,
        "instances": line.instances,
        "serving": line.serving,
        "servedYearlyEuros": line.served_euros,
        "askedYearlyEuros": line.asked_euros,
        "quotaYearlyEuros": line.quota_euros,
        "cores": line.cores,
        "memoryBytes": line.memory_bytes,
    }


def _as_json(lines: list[Line], by: By) -> str:
    listed = [_fields(line, by) for line in lines]
    total = {name: sum(one[name] for one in listed) for name in ("servedYearlyEuros", "askedYearlyEuros")}
    return json.dumps({"lines": listed, "total": total}, ensure_ascii=False, indent=2) + "\n"


def _as_csv(lines: list[Line], by: By) -> str:
    written = io.StringIO()
    table = csv.DictWriter(written, _fields(Line("", 0, 0, 0, 0), by), lineterminator="\n")
    table.writeheader()
    table.writerows(_fields(line, by) for line in lines)
    return written.getvalue()


_SHOWN: Final[Mapping[Output, Callable[[list[Line], By], str]]] = {
    Output.TEXT: _as_text,
    Output.JSON: _as_json,
    Output.CSV: _as_csv,
}
