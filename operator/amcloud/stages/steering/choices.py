"""What ``amcloud rollback`` and ``amcloud promote`` may ask, and whether it came about: read from a LocalApp. Pure.

Nothing is decided here that the operator believes: it checks each request again (``revisions``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from amcloud.errors import InvalidManifestError
from amcloud.settings import REQUESTED_AT
from amcloud.stages.declared.app import StageName
from amcloud.stages.declared.intention import Intention, Kind
from amcloud.stages.objects.operations import Object
from amcloud.stages.reasons import WAITING, Reason
from amcloud.stages.render import Revision
from amcloud.stages.steering import revisions

SHORTEST: Final = 7
"""Characters of a commit that name it well enough."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept revision of a stage, with the time (RFC 3339) at which it began to serve."""

    revision: Revision
    served_at: str
    in_service: bool
    leak: str = ""
    """What was seen to leak of it between organisations; empty for all that may be chosen."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request stands: ``done``, ``refused`` with the operator's sentence, or neither while it is under way."""

    done: bool = False
    refused: str = ""


def stage_named(found: Object, asked: str, *, option: str = "--stage") -> str:
    """The stage that is meant: the one asked for by ``option``, else the only one declared.

    Raises:
        InvalidManifestError: there is no such stage, or several and none was asked for.
    """
    declared = [str(one.get("name")) for one in found["spec"].get("stages") or ()]
    if not declared or found["spec"].get("track") == "hors-standard":
        raise InvalidManifestError("spec.stages", "cette application n'est pas hébergée : elle n'a aucune révision")
    if asked and asked not in declared:
        raise InvalidManifestError(option, f"« {asked} » n'est pas dans spec.stages ({', '.join(declared)})")
    if not asked and len(declared) > 1:
        raise InvalidManifestError(option, f"il y a plusieurs étapes, dites laquelle ({', '.join(declared)})")
    return asked or declared[0]


def kept(found: Object, stage: str) -> tuple[Kept, ...]:
    """The revisions to which a stage may go back, newest first."""
    entry = _entry(found, stage)
    written = {(one.get("commit"), one.get("image")): one for one in _list(entry, "history")}
    current = (entry.get("deployedCommit"), entry.get("image"))

    def kept_one(one: Revision) -> Kept:
        said = written.get((one.commit, one.image), {})
        time, leak = str(said.get("deployedTime", "")), str(said.get("leak", ""))
        return Kept(one, time, (one.commit, one.image) == current, leak)

    return tuple(map(kept_one, revisions.memory(found.get("status") or {}, stage).kept))


def back(found: Object, stage: str, commit: str) -> Revision:
    """The kept revision that ``commit`` (or its beginning) names; without one, the last that served before.

    Raises:
        InvalidManifestError: no kept revision is meant.
    """
    offered = kept(found, stage)
    if not commit:
        before = next((one for one in offered if not one.in_service and not one.leak), None)
        if before is None:
            raise InvalidManifestError(stage, "aucune révision gardée avant celle en service : il n'y a où revenir")
        return before.revision
    return _named(offered, stage, commit)


def promotable(found: Object, stage: str, commit: str) -> Revision:
    """The kept revision of ``stage`` to promote: the one that ``commit`` names, else the one in service.

    Raises:
        InvalidManifestError: no kept revision is meant.
    """
    offered = kept(found, stage)
    if commit:
        return _named(offered, stage, commit)
    current = next((one for one in offered if one.in_service), None)
    if current is None:
        raise InvalidManifestError(stage, "aucune révision n'y est en service : il n'y a rien à promouvoir")
    return _closed(current)


def upwards(origin: str, to: str) -> None:
    """A promotion goes from a stage to a later one.

    Raises:
        InvalidManifestError: this one does not.
    """
    order = [str(name) for name in StageName]
    if order.index(origin) >= order.index(to):
        raise InvalidManifestError("--to", f"une promotion va vers une étape suivante ({' → '.join(order)})")


def ref_commit(found: Object, stage: str) -> str:
    """What the stage's own ref named when the operator last looked; empty when it named nothing."""
    entry = _entry(found, stage)
    promoted = (entry.get("intention") or {}).get("kind") == Kind.PROMOTE
    source = _condition(entry, "SourceFetched")
    if promoted:
        return str(entry.get("refCommit") or "")
    if source.get("reason") == Reason.REF_NOT_FOUND:
        return ""
    return str(entry.get("lastAttemptedCommit") or "")


def in_service(found: Object, stage: str) -> Revision | None:
    """The revision that serves at a stage."""
    return next((one.revision for one in kept(found, stage) if one.in_service), None)


def answer(found: Object, stage: str, asked: Intention) -> Answer:
    """How ``asked`` stands, as the LocalApp's status tells it."""
    entry, status = _entry(found, stage), found.get("status") or {}
    held = entry.get("intention") or {}
    annotations = found["metadata"].get("annotations") or {}
    handled = status.get("lastHandledReconcileAt") in {asked.token, annotations.get(REQUESTED_AT)}
    if not handled and held.get("at") != asked.token:
        return Answer()
    gone = entry.get("withdrawn") or {}
    if str(gone.get("request", "")).partition("#")[0] == asked.token:
        return Answer(refused=str(gone.get("message")))
    ready = _condition(entry, "Ready")
    waits = ready.get("reason") in WAITING
    serves = (entry.get("deployedCommit"), entry.get("image")) == (asked.commit, asked.image)
    match asked.kind:
        case Kind.FOLLOW:
            done = ready.get("status") == "True" and ready.get("reason") != Reason.PINNED
        case Kind.HOLD | Kind.PROMOTE if held.get("at") != asked.token:
            return Answer(refused=_ignored(status))
        case Kind.HOLD:
            return Answer(done=serves)  # what becomes of the newest commit is another matter
        case Kind.PROMOTE:
            done = serves and ready.get("status") == "True"
    return Answer(done=done, refused="" if done or waits else str(ready.get("message", "")))


def _ignored(status: Mapping[str, Any]) -> str:
    said = [str(one.get("message")) for one in _list(status, "problems") if "demande est ignorée" in str(one)]
    return said[0] if said else "la demande ne vaut plus : la branche ou l'étiquette suivie a changé entre-temps."


def _named(offered: Sequence[Kept], stage: str, commit: str) -> Revision:
    matching = [one for one in offered if one.revision.commit.startswith(commit.lower())]
    known = ", ".join(one.revision.commit[:8] for one in offered) or "aucune"
    if len(commit) < SHORTEST:
        raise InvalidManifestError("COMMIT", f"{SHORTEST} caractères au moins sont attendus ; gardées : {known}")
    if not matching:
        raise InvalidManifestError(
            "COMMIT", f"« {commit[:40]} » n'est pas gardée à l'étape {stage} ; gardées : {known}"
        )
    return _closed(matching[0])


def _closed(one: Kept) -> Revision:
    if one.leak:
        said = f"{one.revision.commit[:8]} n'est ni reprise ni promue. {one.leak}"
        raise InvalidManifestError("COMMIT", said)
    return one.revision


def _entry(found: Object, stage: str) -> Mapping[str, Any]:
    return next((one for one in _list(found.get("status") or {}, "stages") if one.get("name") == stage), {})


def _condition(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((one for one in _list(entry, "conditions") if one.get("type") == name), {})


def _list(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = values.get(name)
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
