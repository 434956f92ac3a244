"""A walk carried out in the cluster: its objects, how far it is by its pod, and what is remembered of it. Pure.

The walk of a revision is done once, before that revision serves, and again from time to time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from amcloud.errors import BrokenInstallationError
from amcloud.masking import one_line
from amcloud.settings import FIELD_MANAGER, GROUP
from amcloud.stages.declared.app import App
from amcloud.stages.objects import templating
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import MANAGED_BY, OWNER, Access, Place, Revision, owner, sizes
from amcloud.stages.seen import walk
from amcloud.stages.seen.isolation import LABELS, Breach, Isolation, TableProbe
from amcloud.stages.seen.walk import Walk

VERSION: Final = "1"
"""Of the walk itself: with another one, everything is walked again."""
MEMORY: Final = "amcloud-isolation"
"""Name of the ConfigMap that remembers what was seen."""
COMPONENT: Final = "walk"
WALKED: Final = f"{GROUP}/walk"
"""Label of a Job: what it walks."""
WALKER: Final = "walker"
PORT: Final = 8931
DEADLINE_S: Final = 300
POLL_S: Final = 2.0
AGAIN_S: Final = 900.0
"""Seconds after which a walk that could not be carried out is tried again."""
REMEMBERED: Final = 3
"""Revisions of which the walk is remembered: a roll back needs none."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a walk saw, and when."""

    isolation: Isolation
    at: datetime

    @property
    def told(self) -> Isolation:
        """What was seen, with its time."""
        return replace(self.isolation, walked_at=self.at)

    def fresh(self, now: datetime, *, every_s: float, instance: str) -> bool:
        """Whether it need not be done again yet; instances take their turns, not all at once."""
        turn = int(hashlib.sha256(instance.encode()).hexdigest()[:4], 16) / 0xFFFF
        failed = self.isolation.walk is not None and bool(self.isolation.walk.problem)
        after_s = AGAIN_S if failed else every_s * (0.75 + turn / 2)
        return (now - self.at).total_seconds() < after_s


@dataclass(frozen=True, slots=True)
class Subject:
    """What is walked: a revision, and the instance that it is for."""

    app: App
    place: Place
    revision: Revision

    @property
    def key(self) -> str:
        """The image, and how it is walked, as a label."""
        return hashlib.sha256(f"{VERSION}\0{self.revision.image}".encode()).hexdigest()[:24]

    @property
    def name(self) -> str:
        """Name of the walk's Job and of its Secret."""
        return f"sonde-{self.key[:12]}"


def trial_access(access: Access, database: str) -> Access:
    """The same roles, in the database of the walk."""
    return replace(
        access, app_url=_elsewhere(access.app_url, database), owner_url=_elsewhere(access.owner_url, database)
    )


def job(
    subject: Subject, variables: Iterable[str], image: str, *, templates: Mapping[str, str], hosting: Mapping[str, str]
) -> Object:
    """The Job of a walk; ``image`` holds the walker, ``hosting`` are the templates that say what a size is.

    ``variables`` are the names that the application's own Secrets define: none of their values goes there.

    Raises:
        BrokenInstallationError: a template does not render, or makes another kind of object.
    """
    app, place, revision = subject.app, subject.place, subject.revision
    values = {
        "name": subject.name,
        "app": app.name,
        "namespace": place.namespace,
        "commit": revision.commit,
        "image": revision.image,
        "walker": WALKER,
        "walker_image": image,
        "domain": place.domain,
        "port": PORT,
        "deadline_s": DEADLINE_S,
        "size": sizes(hosting)[app.hosting.size],
        "environment": [{"name": key, "value": value} for key, value in _environment(place, variables).items()],
    }
    found = [
        one
        for file, text in templating.render(templates, values, functions={})
        for one in templating.documents(file, text)
    ]
    if len(found) != 1 or found[0].get("kind") != "Job":
        raise BrokenInstallationError("gabarits de la sonde : un Job est attendu")
    return _dressed(found[0], subject, key=subject.key)


def secret(subject: Subject, access: Access) -> Object:
    """What the walk's pod is given: the walk's own database, and the two synthetic organisations."""
    listed = [
        {"code": c, "name": f"Organisme fictif {c}", "label": label, "enabled": True} for c, label in LABELS.items()
    ]
    organisations = {"version": 1, "domain": subject.place.domain, "organisations": listed}
    data = {
        "database-url": access.app_url,
        "owner-database-url": access.owner_url,
        "organisations.json": json.dumps(organisations, ensure_ascii=False),
    }
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": subject.name},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
    return _dressed(body, subject, key=subject.key)


def ended(job: Object, pods: tuple[Object, ...], *, now: datetime) -> Walk | None:
    """What a walk's Job gave; ``None`` while it is under way."""
    for pod in pods:
        status = pod.get("status") or {}
        for container in status.get("containerStatuses") or ():
            over = (container.get("state") or {}).get("terminated")
            if over and container.get("name") == WALKER:
                return _said(over)
        for container in status.get("initContainerStatuses") or ():
            over = (container.get("state") or {}).get("terminated")
            if over and over.get("exitCode"):
                words = one_line(str(over.get("message") or ""), chars=150)
                return Walk(
                    problem=f"la révision ne se prépare pas dans la base de la sonde ({words or 'sans message'})"
                )
    conditions = (job.get("status") or {}).get("conditions") or ()
    if any(c.get("type") == "Failed" and c.get("status") == "True" for c in conditions):
        return Walk(problem=f"la sonde n'a pas fini en {DEADLINE_S} s")
    created = datetime.fromisoformat(str(job["metadata"]["creationTimestamp"]))
    late = (now - created).total_seconds() > DEADLINE_S
    return Walk(problem=f"le pod de la sonde n'a pas démarré en {DEADLINE_S} s") if late else None


def memory(subject: Subject, known: Mapping[str, Seen]) -> Object:
    """The object that remembers the newest of these walks."""
    newest = sorted(known.items(), key=lambda one: one[1].at, reverse=True)[:REMEMBERED]
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": MEMORY},
        "data": {of: _written(seen) for of, seen in newest},
    }
    return _dressed(body, subject)


def remembered(found: Object | None) -> dict[str, Seen]:
    """The walks in that object; what cannot be read was not done."""
    known = {}
    for of, text in ((found or {}).get("data") or {}).items():
        try:
            known[str(of)] = _read(json.loads(text))
        except (ValueError, LookupError, TypeError, RecursionError):
            continue
    return known


def _said(over: Mapping[str, Any]) -> Walk:
    try:
        return walk.read(str(over.get("message") or ""))
    except ValueError:
        why = over.get("reason") if over.get("reason") not in {None, "Completed", "Error"} else over.get("exitCode")
        return Walk(problem=f"la sonde s'est interrompue ({str(why)[:40]})")


def _environment(place: Place, variables: Iterable[str]) -> dict[str, str]:
    """Variables of the revision under walk: those of an instance, with nothing that opens anything else."""
    named = {key: "sonde" for key in sorted(variables) if _VARIABLE.fullmatch(key)}
    return named | {
        "APP_ENV": "prod",
        "APP_SECRET": hashlib.sha256(f"sonde\0{place.namespace}".encode()).hexdigest(),
        "AMCLOUD_ORGANISATIONS_FILE": "/etc/amcloud/organisations.json",
        "OIDC_ISSUER": f"http://127.0.0.1:{PORT}",
        "OIDC_CLIENT_ID": place.namespace,
        "OIDC_CLIENT_SECRET": "sonde",
        "TRUSTED_PROXIES": "127.0.0.1,REMOTE_ADDR",
    }


def _dressed(found: Mapping[str, Any], subject: Subject, *, key: str = "") -> Object:
    app, place = subject.app, subject.place
    metadata = found["metadata"]
    labels = {
        "app.kubernetes.io/name": app.name,
        "app.kubernetes.io/instance": place.namespace,
        "app.kubernetes.io/component": COMPONENT,
        "app.kubernetes.io/part-of": "amcloud",
        MANAGED_BY: FIELD_MANAGER,
        f"{GROUP}/app": app.name,
        **({WALKED: key} if key else {}),
    }
    annotations = {**metadata.get("annotations", {}), OWNER: owner(app)}
    return {
        **found,
        "metadata": {**metadata, "namespace": place.namespace, "labels": labels, "annotations": annotations},
    }


def _written(seen: Seen) -> str:
    tables = [[one.table, list(map(str, one.breaches)), one.unproven[:200]] for one in seen.isolation.tables]
    told = walk.message(seen.isolation.walk or Walk())
    return json.dumps({"at": seen.at.isoformat(), "tables": tables, "walk": told}, ensure_ascii=False)


def _read(found: Mapping[str, Any]) -> Seen:
    tables = tuple(TableProbe(str(t), tuple(map(Breach, b)), str(u)) for t, b, u in found["tables"])
    return Seen(Isolation(tables, walk.read(found["walk"])), datetime.fromisoformat(found["at"]))


def _elsewhere(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"
