"""What ``amcloud rollback`` and ``amcloud promote`` share: write an intention on a LocalApp, wait, say what came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import typer

from amcloud.cli.exits import Exit, answer, refuse

if TYPE_CHECKING:
    from amcloud.clients.local_apps import LocalApps
    from amcloud.stages.intention import Intention, Kind
    from amcloud.stages.render import Object, Revision

POLL_S: Final = 1.0
_DONE: Final = {"hold": "tenue sur", "promote": "promue à", "follow": "suit de nouveau sa branche ou son étiquette"}


class Output(StrEnum):
    """How the answer is printed."""

    TEXT = "text"
    JSON = "json"


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
    from amcloud.stages.intention import BY_LONGEST, REASON_LONGEST, Intention

    if len(why) > REASON_LONGEST or not why.isprintable():
        raise InvalidManifestError("--reason", f"une ligne de {REASON_LONGEST} caractères au plus est attendue")
    commit, image = (revision.commit, revision.image) if revision else ("", "")
    name = "".join(c for c in by if c.isprintable())[:BY_LONGEST]
    return Intention(kind, now(), name, why, commit, image, origin, instead)


@contextmanager
def told(command: str) -> Iterator[None]:
    """Errors become one sentence and the exit status that they mean."""
    from amcloud.errors import AmcloudError, InvalidManifestError, UnavailableError

    try:
        yield
    except InvalidManifestError as error:
        refuse(command, str(error))
    except UnavailableError as error:
        refuse(command, str(error), Exit.COULD_NOT_TELL)
    except AmcloudError as error:
        refuse(command, str(error), Exit.REFUSED)


def carry_out(
    command: str, apps: LocalApps, request: Request, *, dry_run: bool, wait: bool, timeout: float, output: Output
) -> None:
    """Record the intention unless ``dry_run``, wait for the operator, and end with the exit status that it means."""
    from amcloud.settings import INTENTION, REQUESTED_AT
    from amcloud.stages.intention import written

    asked = request.asked
    if output is Output.TEXT:
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


def _say(request: Request, state: str, said: str, output: Output) -> None:
    if output is Output.JSON:
        content = json.dumps(described(request, state, said), ensure_ascii=False, indent=2) + "\n"
        answer(content.encode(), command=str(request.asked.kind))
    elif state == "done":
        revision = f" {request.asked.commit[:8]}" if request.asked.commit else ""
        typer.echo(f"Fait : {request.name}, étape {request.stage} : {_DONE[request.asked.kind]}{revision}.")


def _awaited(
    apps: LocalApps, request: Request, timeout: float, *, clock: Callable[[], float] = time.monotonic
) -> tuple[str, str]:
    """``done``, ``refused`` or ``late``, with the sentence for people."""
    from amcloud.stages import choices

    until, metadata = clock() + timeout, request.found["metadata"]
    while True:
        found = apps.get(metadata["namespace"], metadata["name"])
        if found is None:
            return "refused", "cette LocalApp n'existe plus"
        seen = choices.answer(found, request.stage, request.asked)
        if seen.done:
            return "done", ""
        if seen.refused:
            return "refused", seen.refused
        if clock() > until:
            return "late", (
                f"pas encore fait après {timeout:.0f} s. La demande reste inscrite et l'opérateur continue : "
                f"kubectl get lapp {request.name} -A -o wide dit ce qui le retient."
            )
        time.sleep(POLL_S)
