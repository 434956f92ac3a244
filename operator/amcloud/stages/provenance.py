"""Step 4, its end: does the image come from a pipeline of that very commit on the approved template, and who says so?

Two witnesses: the job's own file ``image.json``, read in the forge (:class:`Origin`), and the attestation beside the
image in the registry (:class:`Attestation`), signed out of the reach of every job. The first serves while the pipeline
is young; the second outlives it, and production wants it (docs/decisions/, « who signs an image »).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, assert_never

from amcloud.stages.build import GoOn
from amcloud.stages.declared.app import StageName
from psram.model import Report, Verdict

PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
BUILD_TYPE: Final = "https://amcloud.cnamts.fr/chaine/application/v1"
BUILDER: Final = "https://amcloud.cnamts.fr/usine-logicielle"
RULES: Final = ("GOV-005", "PIP-001")
"""What is true of all that is signed: the approved template, whole, and a green pipeline on approved runners."""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_TEXT_MOST: Final = 255


@dataclass(frozen=True, slots=True)
class Origin:
    """What the job that built an image said of it (``image.json``); only ``digest`` and ``revision`` are relied on."""

    digest: str
    revision: str
    base_name: str = ""
    base_digest: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class Attestation:
    """A signed statement found beside an image. ``problem`` says in French why its signature is not believed."""

    statement: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Proven:
    """The image may run. ``signed``: an attestation says where it comes from."""

    signed: bool


@dataclass(frozen=True, slots=True)
class Sign:
    """The image may run, and what is known of it now should be signed, so that it is known later."""

    statement: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refuse:
    """The image does not run; one sentence says why and who acts."""

    sentence: str


Answer = Proven | Sign | Refuse


def origin(content: bytes) -> Origin | None:
    """What ``image.json`` says; ``None`` when it is not what our step writes."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not _DIGEST.fullmatch(str(found.get("digest"))):
        return None
    base = found.get("base")
    of_base = base if isinstance(base, dict) else {}
    return Origin(
        digest=str(found["digest"]),
        revision=_text(found.get("revision")),
        base_name=_text(of_base.get("name")),
        base_digest=_text(of_base.get("digest")),
        template=_text(found.get("template")),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """All that speaks for an image: ``said`` by the pipeline, attested in the registry, judged in ``report``."""

    project: str
    commit: str
    stage: StageName
    built: GoOn
    attestation: Attestation | None
    said: Origin | None
    report: Report

    @property
    def digest(self) -> str:
        """What the image is."""
        return self.built.image.reference.rpartition("@")[2]


def decide(case: Case, *, forge_url: str) -> Answer:
    """Whether the image is proven to come from the commit, and whether that is to be signed now."""
    if case.attestation is not None:
        problem = case.attestation.problem or _contradiction(case.attestation.statement, case.digest, case.commit)
        return Refuse(_forged(case.digest, problem)) if problem else Proven(signed=True)
    if case.said is None:
        return Refuse(_silent(case.built.pipeline.id))
    contradiction = _other(case, case.said)
    if contradiction:
        return Refuse(contradiction)
    missing = [rule for rule in RULES if not _holds(case.report, rule)]
    if not missing:
        return Sign(statement(case, case.said, forge_url=forge_url))
    match case.stage:
        case StageName.DEVELOPMENT | StageName.ACCEPTANCE:
            return Proven(signed=False)
        case StageName.PRODUCTION:
            return Refuse(_unsigned(missing))
    assert_never(case.stage)


def statement(case: Case, said: Origin, *, forge_url: str) -> dict[str, Any]:
    """The in-toto statement of an image, with SLSA's provenance predicate (v1)."""
    project, commit, built = case.project, case.commit, case.built
    name = built.image.reference.partition("@")[0]
    sources: list[dict[str, Any]] = [{"uri": f"git+{forge_url}/{project}.git", "digest": {"gitCommit": commit}}]
    if _DIGEST.fullmatch(said.base_digest):
        uri = f"oci://{said.base_name}"
        sources.append({"uri": uri, "digest": {"sha256": said.base_digest.removeprefix("sha256:")}})
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": case.digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"project": project, "revision": commit, "template": said.template},
                "internalParameters": {"source": built.pipeline.source, "verified": list(RULES)},
                "resolvedDependencies": sources,
            },
            "runDetails": {
                "builder": {"id": BUILDER},
                "metadata": {"invocationId": built.pipeline.url, "startedOn": _moment(built.pipeline.created_at)},
            },
        },
    }


def _other(case: Case, said: Origin) -> str:
    """How the pipeline's own word is of another image or commit; empty when it is of this one."""
    pipeline = case.built.pipeline.id
    if said.digest != case.digest:
        return _replaced(pipeline, case.digest, said.digest)
    if said.revision != case.commit:
        made = said.revision[:8] or "aucun commit"
        return f"Le pipeline {pipeline} dit avoir construit {made} et non {case.commit[:8]} : rien n'est déployé."
    return ""


def _contradiction(found: Mapping[str, Any], digest: str, commit: str) -> str:
    """How a signed statement does not speak of this image and commit; empty when it does."""
    if found.get("_type") != STATEMENT_TYPE or found.get("predicateType") != PREDICATE_TYPE:
        return "elle n'est pas une déclaration in-toto de provenance"
    subjects = found.get("subject")
    digests = {_at(one, "digest", "sha256") for one in subjects} if isinstance(subjects, list) else set()
    if digest.removeprefix("sha256:") not in digests:
        return "elle est celle d'une autre image"
    revision = _at(found, "predicate", "buildDefinition", "externalParameters", "revision")
    return "" if revision == commit else "elle est celle d'un autre commit"


def _at(found: object, *path: str) -> str:
    """The text at a path of nested objects; empty when there is none."""
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _holds(report: Report, rule: str) -> bool:
    return any(one.rule_id == rule and one.verdict is Verdict.CONFORMING for one in report.results)


def _forged(digest: str, problem: str) -> str:
    return (
        f"L'attestation de l'image {digest[:19]} n'est pas acceptée : {problem}. L'image n'est pas déployée ; prévenez "
        "l'équipe de la plateforme, qui cherche qui a écrit dans le registre."
    )


def _silent(pipeline: int) -> str:
    return (
        f"Rien ne dit que le pipeline {pipeline} a fabriqué cette image : le travail « build-image » n'a pas laissé "
        "image.json et aucune attestation n'accompagne l'image. Relancez le pipeline dans la forge."
    )


def _replaced(pipeline: int, found: str, built: str) -> str:
    return (
        f"L'image du registre ({found[:19]}) n'est pas celle que le pipeline {pipeline} a fabriquée ({built[:19]}) : "
        "elle a été remplacée, par un pipeline relancé qui n'a pas encore réussi ou par quelqu'un, et n'est pas "
        "déployée. Attendez la fin du pipeline, ou relancez le travail « build-image » dans la forge."
    )


def _unsigned(rules: list[str]) -> str:
    return (
        f"La production demande une image attestée par la plateforme, qui n'atteste pas celle-ci : {', '.join(rules)} "
        "n'est pas respectée. Corrigez, puis laissez la chaîne agréée refaire l'image."
    )


def _text(value: object) -> str:
    return value[:_TEXT_MOST] if isinstance(value, str) else ""


def _moment(at: datetime) -> str:
    return at.isoformat()
