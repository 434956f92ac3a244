"""``amcloud doctor``: examines an installation, or a forge project, and says what is missing and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from amcloud.cli.exits import Exit, answer, refuse
from amcloud.cli.options import AsForm, Form

if TYPE_CHECKING:
    from amcloud.doctor import Family, Finding, Ground, State

COMMAND: Final = "doctor"
_HELP: Final = (
    "Examine une installation et dit ce qui manque et quoi faire ; avec PROJET, examine un projet de la forge.\n\n"
    "Rien n'est modifié. Dans le pod de l'opérateur, ses réglages et ses droits sont ceux du pod ; ailleurs, ceux de "
    "KUBECONFIG servent à lire ConfigMap et Secret « amcloud-settings » et à demander au serveur ce que le compte de "
    "l'opérateur a le droit de faire.\n\n"
    "Code de retour : 0 rien à corriger (des avertissements peut-être), 1 au moins une erreur, 2 quelque chose n'a pas "
    "pu être examiné, 3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\nkubectl exec -n amcloud-system deploy/amcloud-operator -- amcloud doctor\n\n"
    "amcloud doctor --only rights --output json\n\namcloud doctor cpam-bas-rhin/suivi-courriers"
)
_MARKS: Final[Mapping[str, str]] = {"ok": "ok    ", "warning": "ALERTE", "error": "ERREUR", "unknown": "?     "}
_WORDS: Final[Mapping[str, str]] = {
    "ok": "correct(s)",
    "warning": "avertissement(s)",
    "error": "erreur(s)",
    "unknown": "sans réponse",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(doctor)


def doctor(
    project: Annotated[
        str, typer.Argument(metavar="[PROJET]", help="Projet de la forge (groupe/projet) ; l'installation sans lui.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="FAMILLE", help="Cette famille seulement ; répétable.")
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="ESPACE", help="Espace de noms de l'opérateur.")
    ] = "amcloud-system",
    output: AsForm = Form.TEXT,
) -> None:
    """Examine, print, and end by what was found."""
    from amcloud import doctor as examination
    from amcloud import logs
    from amcloud.errors import AmcloudError

    logs.configure("critical")  # standard output is for findings
    families = _wanted(examination.PROJECT if project else examination.CLUSTER, only)
    try:
        found = list(examination.examine(families, _ground(namespace, project)))
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    lines = _as_json(found) if output is Form.JSON else "\n".join(_as_text(found)) + "\n"
    answer(lines.encode(), command=COMMAND)
    raise typer.Exit(status(one for _, findings in found for one in findings))


def status(found: Iterator[Finding]) -> Exit:
    """The exit status that these findings deserve."""
    from amcloud.doctor.findings import State, gravest

    ends: dict[State, Exit] = {State.ERROR: Exit.REFUSED, State.UNKNOWN: Exit.COULD_NOT_TELL}
    return ends.get(gravest(found), Exit.OK)


def _wanted(families: tuple[Family, ...], only: list[str] | None) -> tuple[Family, ...]:
    names = [family.name for family in families]
    if strangers := sorted(set(only or ()) - set(names)):
        refuse(COMMAND, f"--only {strangers[0]} : les familles sont {', '.join(names)}")
    return tuple(family for family in families if not only or family.name in only)


def _ground(namespace: str, project: str) -> Ground:
    """Inside the operator's pod its own environment; elsewhere what the cluster keeps."""
    from amcloud.clients import assembly, installation
    from amcloud.doctor.ground import Ground
    from amcloud.errors import BrokenInstallationError

    api, inside = assembly.api(), "KUBERNETES_SERVICE_HOST" in os.environ
    here = {name: value for name, value in os.environ.items() if name.startswith("AMCLOUD_")}
    kept, unread = here, ""
    if "AMCLOUD_DATABASE_URL" not in here:
        try:
            kept = dict(installation.settings(api, namespace))
        except BrokenInstallationError as error:  # no right to read Secrets, and nothing wrong with that
            unread = str(error)
    return Ground(api, kept, namespace, inside, datetime.now(UTC), project, unread)


def _as_text(found: list[tuple[Family, tuple[Finding, ...]]]) -> Iterator[str]:
    for family, findings in (one for one in found if one[1]):
        yield f"{family.title} ({family.name})"
        for one in findings:
            yield f"  {_MARKS[one.state]}  {one.said}"
            if one.remedy:
                yield f"          → {one.remedy}"
        yield ""
    counts = _counts(found)
    yield ", ".join(f"{number} {_WORDS[state]}" for state, number in counts.items() if number or state == "ok")


def _as_json(found: list[tuple[Family, tuple[Finding, ...]]]) -> str:
    listed: list[dict[str, Any]] = [
        {"family": family.name, "check": one.check, "state": one.state.value, "message": one.said, "remedy": one.remedy}
        for family, findings in found
        for one in findings
    ]
    return json.dumps({"findings": listed, "counts": _counts(found)}, ensure_ascii=False, indent=2) + "\n"


def _counts(found: list[tuple[Family, tuple[Finding, ...]]]) -> dict[str, int]:
    every = [one.state.value for _, findings in found for one in findings]
    return {state: every.count(state) for state in _WORDS}
