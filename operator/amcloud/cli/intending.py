"""What ``amcloud rollback`` and ``amcloud promote`` share: write an intention on a LocalApp, wait, say what came."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from amcloud.cli.exits import Exit, answer, refuse
from amcloud.cli.options import Form
from amcloud.cli.waiting import until_answered

if TYPE_CHECKING:
    from amcloud.clients.local_apps import LocalApps
    from amcloud.stages.declared.intention import Intention, Kind
    from amcloud.stages.objects.operations import Object
    from amcloud.stages.render import Revision

POLL_S: Final = 1.0
_DONE: Final = {"hold": "tenue sur", "promote": "promue à", "follow": "suit de nouveau sa branche ou son étiquette"}


Reason = Annotated[str, typer.Option(metavar="TEXTE", help="Pourquoi, pour ceux qui liront l'état.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Dit ce qui serait demandé, ne demande rien.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Attend que la révision soit en service.")]


@dataclass(frozen=True, slots=True)
class Request:
    """An intention about one stage of one LocalApp, and what serves there before it."""

    found: Object
    stage: str
    asked: Intention
    before: Revision | None

    @property
    def name(self) -> str:
        """Name of the application."""
        return str(self.found["metadata"]["name"])


def now() -> str:
    """A token for a request: its time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def intention(
    kind: Kind, by: str, why: str, revision: Revision | None = None, *, origin: str = "", instead: str = ""
) -> Intention:
    """A request made now.

    Raises:
        InvalidManifestError: the reason is too long, or not one line.
    """
    from amcloud.errors import InvalidManifestError
    from amcloud.stages.declared.intention import BY_LONGEST, REASON_LONGEST, Intention

    if len(why) > REASON_LONGEST or not why.isprintable():
        raise InvalidManifestError("--reason", f"une ligne de {REASON_LONGEST} caractères au plus est attendue")
    commit, image = (revision.commit, revision.image) if revision else ("", "")
    name = "".join(c for c in by if c.isprintable())[:BY_LONGEST]
    return Intention(kind, now(), name, why, commit, image, origin, instead)


def carry_out(
    command: str, apps: LocalApps, request: Request, *, dry_run: bool, wait: bool, timeout: float, output: Form
) -> None:
    """Record the intention unless ``dry_run``, wait for the operator, and end with the exit status that it means."""
    from amcloud.settings import INTENTION, REQUESTED_AT
    from amcloud.stages.declared.intention import written

    asked = request.asked
    if output is Form.TEXT:
        typer.echo(announced(request, dry_run=dry_run), err=not dry_run)
    if dry_run:
        _say(request, "would", "", output)
        return
    apps.annotate(request.found, {INTENTION + request.stage: written(asked), REQUESTED_AT: asked.token})
    if not wait:
        _say(request, "asked", "", output)
        return
    state, said = _awaited(apps, request, timeout)
    _say(request, state, said, output)
    if state != "done":
        refuse(command, said, Exit.REFUSED if state == "refused" else Exit.COULD_NOT_TELL)


def announced(request: Request, *, dry_run: bool) -> str:
    """What is about to be asked."""
    asked, before = request.asked, request.before
    serves = before.commit[:8] if before else "rien"
    goes = f"{asked.commit[:8]} ({asked.image})" if asked.commit else "sa branche ou son étiquette"
    why = f" ; raison : {asked.why}" if asked.why else ""
    head = "Serait demandé" if dry_run else "Demandé"
    return f"{head} pour {request.name}, étape {request.stage} : {serves} → {goes}, par {asked.by or 'inconnu'}{why}"


def described(request: Request, state: str, said: str) -> dict[str, Any]:
    """The request and its state as data."""
    asked, before = request.asked, request.before
    return {
        "app": request.name,
        "namespace": request.found["metadata"]["namespace"],
        "stage": request.stage,
        "kind": str(asked.kind),
        "state": state,
        "message": said,
        "before": None if before is None else {"commit": before.commit, "image": before.image},
        "after": {"commit": asked.commit, "image": asked.image} if asked.commit else None,
        "from": asked.origin or None,
        "by": asked.by,
        "reason": asked.why,
        "at": asked.token,
    }


def _say(request: Request, state: str, said: str, output: Form) -> None:
    if output is Form.JSON:
        content = json.dumps(described(request, state, said), ensure_ascii=False, indent=2) + "\n"
        answer(content.encode(), command=str(request.asked.kind))
    elif state == "done":
        revision = f" {request.asked.commit[:8]}" if request.asked.commit else ""
        typer.echo(f"Fait : {request.name}, étape {request.stage} : {_DONE[request.asked.kind]}{revision}.")


def _awaited(apps: LocalApps, request: Request, timeout: float) -> tuple[str, str]:
    """``done``, ``refused`` or ``late``, with the sentence for people."""
    said = until_answered(partial(_answer, apps, request), timeout_s=timeout, every_s=POLL_S)
    return said or (
        "late",
        f"pas encore fait après {timeout:.0f} s. La demande reste inscrite et l'opérateur continue : "
        f"kubectl get lapp {request.name} -A -o wide dit ce qui le retient.",
    )


def _answer(apps: LocalApps, request: Request) -> tuple[str, str] | None:
    from amcloud.stages.steering import choices

    metadata = request.found["metadata"]
    found = apps.get(metadata["namespace"], metadata["name"])
    if found is None:
        return "refused", "cette LocalApp n'existe plus"
    seen = choices.answer(found, request.stage, request.asked)
    if seen.done:
        return "done", ""
    return ("refused", seen.refused) if seen.refused else None
