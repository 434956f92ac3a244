"""Does an instance answer on its health endpoint for each synthetic organisation? Pods that are ready are not enough.

The question goes the way of an agent's request: over HTTP, to the Service, under each organisation's host name.
Whoever could not be asked is no answer: it keeps a new revision waiting, and never a running service from being so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from amcloud.stages.manifest import SYNTHETIC, App
from amcloud.stages.objects.operations import Key, Object
from amcloud.stages.observe import Observation, Progress
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Place
from amcloud.stages.seen import troubles

PATH: Final = "/sante"
PORT: Final = 80
HEALTHY: Final = 200
AGAIN_S: Final = 5.0
AGAIN_RUNNING_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came for one host: an HTTP status, or ``None`` and in ``why`` (French) what happened instead."""

    host: str
    status: int | None
    why: str = ""


def hosts(place: Place) -> tuple[str, ...]:
    """The host names under which the instance is asked: those of the synthetic organisations, in any stage."""
    return tuple(f"{one.label}.{place.domain}" for one in SYNTHETIC)


def address(app: App, place: Place, live: Mapping[Key, Object], elsewhere: str) -> str:
    """``host:port`` to ask: the instance's Service unless ``elsewhere`` is given; empty while there is none."""
    service = live.get(Key("", "Service", place.namespace, app.name), {})
    cluster_ip = str(service.get("spec", {}).get("clusterIP") or "None")
    if elsewhere or cluster_ip == "None":
        return elsewhere
    return f"[{cluster_ip}]:{PORT}" if ":" in cluster_ip else f"{cluster_ip}:{PORT}"


def judged(
    seen: Observation,
    answers: tuple[Answer, ...],
    deployment: Object | None,
    *,
    proven: bool,
    now: datetime,
    deadline_s: float,
) -> Observation:
    """``seen`` (the pods are ready) in the light of ``answers``.

    ``proven``: the revision has served before. Then a wrong answer is told and waited for, and none at all is a note.
    """
    wrong = next((one for one in answers if one.status not in {None, HEALTHY}), None)
    silent = next((one for one in answers if one.status is None), None)
    if wrong is None and silent is None:
        return seen
    if proven and wrong is None and silent is not None:
        return replace(seen, sentence=f"L'opérateur n'a pas pu demander {PATH} à l'instance : {_said(silent)}")
    words = _said(wrong or silent or answers[0])
    if proven:
        sentence = f"Les répliques sont prêtes et l'instance ne répond pas bien sur {PATH} : {words}"
        return replace(seen, progress=Progress.UNDER_WAY, reason=Reason.NOT_READY, sentence=sentence,
                       retry_after_s=AGAIN_RUNNING_S)  # fmt: skip
    since = _rolled_out_at(deployment)
    if since is not None and (now - since).total_seconds() > deadline_s:
        sentence = f"Le déploiement n'aboutit pas : les répliques sont prêtes et {PATH} ne répond pas bien : {words}"
        return replace(seen, progress=Progress.FAILED, reason=Reason.NOT_READY, sentence=sentence)
    sentence = f"Les répliques sont prêtes ; {PATH} est attendu pour chaque organisme fictif : {words}"
    return replace(seen, progress=Progress.UNDER_WAY, reason=Reason.ROLLING_OUT, sentence=sentence,
                   retry_after_s=AGAIN_S)  # fmt: skip


def deployment(app: App, place: Place, live: Mapping[Key, Object]) -> Object | None:
    """The instance's Deployment."""
    return live.get(Key("apps", "Deployment", place.namespace, app.name))


def _rolled_out_at(found: Object | None) -> datetime | None:
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    progressing: Object = next((one for one in conditions if one.get("type") == "Progressing"), {})
    return troubles.time(progressing.get("lastUpdateTime")) or (troubles.created(found) if found else None)


def _said(one: Answer) -> str:
    return f"{one.host} : {one.why or f'HTTP {one.status}'}."
