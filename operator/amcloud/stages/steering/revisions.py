"""Which revision a stage runs when that is not simply the newest one let in: held, promoted, or gone back to.

Kept revisions are those that the status remembers as having served wholly (``history``); a revision that came to
nothing is remembered too (``withdrawn``), so that it is not tried again and again. All of it from values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from amcloud.stages.build import Image
from amcloud.stages.conditions import bounded, rfc3339
from amcloud.stages.declared.app import App, Stage, StageName
from amcloud.stages.declared.intention import COMMIT, IMAGE, Intention, Kind
from amcloud.stages.outcome import Ended, StageOutcome, Withdrawn
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Revision
from amcloud.stages.repository import Head

HISTORY_MOST: Final = 5
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Memory:
    """What the status remembers of one stage."""

    kept: tuple[Revision, ...] = ()
    """Revisions that served wholly, newest first."""
    withdrawn: Withdrawn | None = None
    leaking: frozenset[Revision] = frozenset()
    """Those of ``kept`` that were seen to leak between organisations: nobody goes back to them, nor promotes them."""


def memory(previous: Values, stage: str) -> Memory:
    """What a status remembers of ``stage``; what is damaged is forgotten."""
    entry = next((one for one in _entries(previous, "stages") if one.get("name") == stage), {})
    listed = _entries(entry, "history")[:HISTORY_MOST]
    found = {revision: one for one in listed if (revision := _revision(one)) is not None}
    leaking = frozenset(revision for revision, one in found.items() if one.get("leak"))
    return Memory(tuple(found), _withdrawn(entry.get("withdrawn")), leaking)


def known(previous: Values, revision: Revision) -> bool:
    """Whether any stage is known to have served that very image of that commit."""
    return any(revision in memory(previous, name).kept for name in StageName)


def leaks(previous: Values, revision: Revision) -> bool:
    """Whether that revision was seen to leak at any stage."""
    return any(revision in memory(previous, name).leaking for name in StageName)


def followed(
    stage: Stage, head: Head | None, previous: Values, outcome: StageOutcome
) -> tuple[Head | None, StageOutcome]:
    """What the stage examines now: its ref's commit, or the one promoted to it; nameless in that case."""
    asked, named = stage.intention, head.commit if head else ""
    if asked is None or asked.kind is not Kind.PROMOTE or asked.instead != named:
        return head, outcome
    wanted = Revision(asked.commit, asked.image)
    if wanted != outcome.was and not known(previous, wanted):
        return head, replace(outcome, problem=_unknown(asked))
    if wanted != outcome.was and leaks(previous, wanted):
        return head, replace(outcome, problem=_leaking(asked))
    return Head("", asked.commit), replace(outcome, ref_commit=named or None, intention=asked)


def image(stage: Stage, commit: str, previous: Values, outcome: StageOutcome) -> Image | None:
    """The image with which an earlier stage served ``commit``: it is promoted as it is, whatever was built since.

    ``None`` when no earlier stage did, and the registry is to be asked.
    """
    asked = outcome.intention
    if asked is not None and outcome.promoted:
        return Image(asked.image, asked.commit)
    names = list(StageName)
    earlier = reversed(names[: names.index(stage.name)])
    served = [one for name in earlier for one in memory(previous, name).kept if one.commit == commit]
    if outcome.was in served:
        return Image(outcome.was.image, commit) if outcome.was else None
    return Image(served[0].image, commit) if served else None


def steered(app: App, stage: Stage, outcome: StageOutcome, previous: Values) -> StageOutcome:
    """The same outcome of ``admit`` with the revision that the stage shall run: held, gone back to, or let in."""
    remembered, asked = memory(previous, stage.name), stage.intention
    if outcome.ended is Ended.CATALOGUED:
        return outcome
    steered = replace(outcome, withdrawn=_still(remembered.withdrawn, outcome, asked))
    steered = _gone_back(app, stage, _held(steered, asked, remembered), remembered)
    return replace(steered, proven=remembered.kept[:1] == (steered.deployed,))


def settled(app: App, stage: Stage, outcome: StageOutcome, previous: Values, now: datetime) -> StageOutcome:
    """The outcome of ``host``; a revision that failed to come to serve is withdrawn if an earlier one may serve."""
    kept, failed = memory(previous, stage.name).kept, outcome.failed
    if outcome.url is not None and outcome.withdrawn and outcome.withdrawn.revision == outcome.deployed:
        return replace(outcome, withdrawn=None)  # tried again, and it serves
    if failed is None or failed.degraded or outcome.deployed is None or not kept or kept[0] == outcome.deployed:
        return outcome
    said, asked = bounded(failed.sentence), _request(app, stage)
    withdrawn = Withdrawn(outcome.deployed, failed.reason, said, now, asked)
    return replace(outcome, withdrawn=withdrawn).again(0.0)


def history(entry: Values, before: Values, moment: str, outcome: StageOutcome) -> list[dict[str, Any]]:
    """Revisions that served, newest first, each once; ``entry`` is the stage's new status, ``before`` the last one."""
    return [_probed(one, outcome) for one in _served(entry, before, moment)]


def _served(entry: Values, before: Values, moment: str) -> list[dict[str, Any]]:
    past = [dict(one) for one in _entries(before, "history")[:HISTORY_MOST]]
    commit, digest = entry.get("deployedCommit"), entry.get("image")
    newest = past[0] if past else {}
    if commit is None or (newest.get("commit") == commit and newest.get("image") == digest):
        return past
    others = [one for one in past if (one.get("commit"), one.get("image")) != (commit, digest)]
    return [{"commit": commit, "image": digest, "deployedTime": moment}, *others][:HISTORY_MOST]


def _probed(one: dict[str, Any], outcome: StageOutcome) -> dict[str, Any]:
    """``one`` with what this pass saw of it: a leak stays written until it is seen closed."""
    seen = outcome.isolation
    if seen is None or seen.isolated is None or _revision(one) != outcome.deployed:
        return one
    rest = {name: value for name, value in one.items() if name != "leak"}
    return rest if seen.isolated else {**rest, "leak": bounded(seen.sentence())}


def told(outcome: StageOutcome) -> dict[str, Any]:
    """What the stage's status says of all this; :func:`memory` reads some of it again."""
    asked, gone = outcome.intention, outcome.withdrawn
    return {
        "refCommit": outcome.ref_commit,
        "intention": asked
        and {
            "kind": str(asked.kind),
            "commit": asked.commit,
            **{name: text for name, text in (("from", asked.origin), ("by", asked.by), ("why", asked.why)) if text},
            "at": asked.token,
        },
        "withdrawn": gone
        and {
            "commit": gone.revision.commit,
            "image": gone.revision.image,
            "reason": str(gone.reason),
            "message": gone.sentence,
            "time": rfc3339(gone.at),
            "request": gone.request,
        },
    }


def _held(outcome: StageOutcome, asked: Intention | None, remembered: Memory) -> StageOutcome:
    """Whatever was let in, a revision that a person chose stays."""
    if asked is None or asked.kind is not Kind.HOLD:
        return outcome
    wanted = Revision(asked.commit, asked.image)
    if wanted not in (*remembered.kept, outcome.was):
        return replace(outcome, problem=_unknown(asked))
    if wanted in remembered.leaking and wanted != outcome.was:
        return replace(outcome, problem=_leaking(asked))
    return replace(outcome, deployed=wanted, intention=asked)


def _gone_back(app: App, stage: Stage, outcome: StageOutcome, remembered: Memory) -> StageOutcome:
    """Not a revision that failed here, unless somebody asked for it since, or gave it other means: the one before."""
    gone = outcome.withdrawn
    if gone is None or gone.revision != outcome.deployed or not remembered.kept:
        return outcome
    if gone.request != _request(app, stage):
        return outcome
    back = remembered.kept[0]
    sentence = (
        f"{gone.sentence} L'étape est revenue à {back.commit[:8]} et {gone.revision.commit[:8]} n'est plus essayé : "
        "poussez une correction, changez ses moyens (spec.hosting), ou réessayez : "
        f"amcloud rollback {app.name} --stage {outcome.stage} --undo"
    )
    return replace(outcome, deployed=back).blocked(gone.reason, sentence)


def _still(gone: Withdrawn | None, outcome: StageOutcome, asked: Intention | None) -> Withdrawn | None:
    """The failure that still matters: of the commit examined, of the one wanted, or of the one let in."""
    if gone is None or outcome.commit is None:
        return gone
    matters = {outcome.commit, asked.commit if asked else "", outcome.deployed.commit if outcome.deployed else ""}
    return gone if gone.revision.commit in matters else None


def _unknown(asked: Intention) -> str:
    return (
        f"La révision {asked.commit[:8]} demandée par {asked.by or 'quelqu’un'} n'est pas parmi les révisions gardées "
        "(status.stages[].history) : la demande est ignorée."
    )


def _leaking(asked: Intention) -> str:
    return (
        f"La révision {asked.commit[:8]} demandée par {asked.by or 'quelqu’un'} laisse un organisme atteindre les "
        "données d'un autre (status.stages[].history) : la demande est ignorée."
    )


def _request(app: App, stage: Stage) -> str:
    """Tells what people ask of the stage now, by intention and by means, from what they asked before."""
    means = hashlib.sha256(repr((app.hosting, app.size(stage))).encode()).hexdigest()[:8]
    return f"{stage.intention.token if stage.intention else ''}#{means}"


def _withdrawn(value: Any) -> Withdrawn | None:
    if not isinstance(value, Mapping) or (revision := _revision(value)) is None:
        return None
    try:
        at = datetime.fromisoformat(str(value.get("time")))
        reason = Reason(str(value.get("reason")))
    except ValueError:
        return None
    return Withdrawn(revision, reason, str(value.get("message", "")), at, str(value.get("request", "")))


def _revision(value: Values) -> Revision | None:
    commit, digest = value.get("commit"), value.get("image")
    if not isinstance(commit, str) or not isinstance(digest, str):
        return None
    return Revision(commit, digest) if COMMIT.fullmatch(commit) and IMAGE.fullmatch(digest) else None


def _entries(values: Values, name: str) -> list[Values]:
    found = values.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
