"""Step 4: from the state of the pipelines and of the registry, what to do about the image of a commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from amcloud import paris
from amcloud.stages.reasons import Reason


class PipelineStatus(StrEnum):
    """GitLab's own words, gathered: created, waiting_for_resource, preparing, pending, scheduled are PENDING."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline of the commit in question. ``status`` is that of its jobs; commit statuses do not count."""

    id: int
    status: PipelineStatus
    created_at: datetime
    url: str
    source: str = ""
    """The forge's word for what started it: ``push``, ``web``, ``api``…"""
    fault: str = ""
    """Why it failed, when that was the platform's fault (an exécuteur, a service that did not answer); else ``""``."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the registry. ``reference`` is ``name@sha256:…``; ``revision`` is its revision label or ``""``."""

    reference: str
    revision: str


@dataclass(frozen=True, slots=True)
class Start:
    """No pipeline of this commit exists: start one."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A pipeline is under way, or may yet come from the push (``None``)."""

    pipeline: Pipeline | None
    retry_after_s: float
    sentence: str = ""
    """What is waited for, when that is not the pipeline's end."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No image will come without somebody's action; ``sentence`` says whose."""

    reason: Reason
    sentence: str
    pipeline: Pipeline | None


@dataclass(frozen=True, slots=True)
class GoOn:
    """The image of this very commit, made by a pipeline that succeeded."""

    image: Image
    pipeline: Pipeline


Step = Start | Wait | GiveUp | GoOn


POLL_S = 5.0
"""Seconds between two looks at a pipeline that is young; a webhook makes it sooner."""
POLL_MOST_S = 60.0
POLLS = 12
"""An old pipeline is looked at as often as it has lasted twelve times longer."""
RELAUNCHES_S = (60.0, 300.0, 900.0)
"""A pipeline that failed by the platform's fault is started again after these seconds, so many times at most."""

_ACTIVE = frozenset({PipelineStatus.PENDING, PipelineStatus.RUNNING})


def next_step(
    commit: str,
    pipelines: tuple[Pipeline, ...],
    image: Image | None,
    *,
    seen_at: datetime,
    now: datetime,
    grace_s: float,
    deadline_s: float,
) -> Step:
    """What to do about the image of ``commit``. ``pipelines`` are those of this commit, newest first.

    ``seen_at`` is when the commit was first seen here: for ``grace_s`` seconds the push may yet bring a pipeline.
    A pipeline that succeeded once is enough, whatever is run again later.
    """
    succeeded = next((pipeline for pipeline in pipelines if pipeline.status is PipelineStatus.SUCCESS), None)
    if succeeded is not None:
        return _built(commit, succeeded, image)
    if not pipelines:
        left_s = grace_s - (now - seen_at).total_seconds()
        return Wait(None, max(left_s, 0.5)) if left_s > 0 else Start()
    newest = pipelines[0]
    if newest.status in _ACTIVE:
        return _under_way(newest, now=now, deadline_s=deadline_s)
    if newest.status is PipelineStatus.FAILED and newest.fault:
        return _again(pipelines, now=now)
    return GiveUp(Reason.BUILD_FAILED, _failure(newest), newest)


def for_promotion(step: Step, commit: str) -> Step:
    """``step`` for a commit that is no branch's newest one: no pipeline can be started for it, only found."""
    if not isinstance(step, Start):
        return step
    sentence = (
        f"Le commit promu {commit[:8]} n'a plus de pipeline dans la forge : rien ne prouve comment son image a été "
        "fabriquée. Poussez-le de nouveau, ou promouvez une révision plus récente."
    )
    return GiveUp(Reason.BUILD_FAILED, sentence, None)


def _built(commit: str, pipeline: Pipeline, image: Image | None) -> Step:
    if image is None:
        sentence = (
            f"Le pipeline {pipeline.id} a réussi mais le registre n'a aucune image pour le commit {commit[:8]} : "
            "vérifiez que .gitlab-ci.yml inclut le modèle d'AM Cloud (travail « image »), puis relancez-le."
        )
        return GiveUp(Reason.IMAGE_REFUSED, sentence, pipeline)
    if image.revision != commit:
        found = f"« {image.revision[:40]} »" if image.revision else "aucun commit"
        sentence = (
            f"L'image du registre annonce {found} et non le commit {commit[:8]} : elle n'est pas déployée. "
            "Fabriquez-la avec le modèle de pipeline d'AM Cloud, qui pose l'étiquette de révision."
        )
        return GiveUp(Reason.IMAGE_REFUSED, sentence, pipeline)
    return GoOn(image, pipeline)


def _under_way(pipeline: Pipeline, *, now: datetime, deadline_s: float) -> Step:
    age_s = (now - pipeline.created_at).total_seconds()
    if age_s <= deadline_s:
        return Wait(pipeline, min(max(POLL_S, age_s / POLLS), POLL_MOST_S))
    sentence = (
        f"Le pipeline {pipeline.id} n'est pas terminé après {deadline_s / 60:.0f} minutes : "
        "l'équipe de l'application l'arrête et le relance ; s'il attend un exécuteur, prévenez l'équipe de la forge."
    )
    return GiveUp(Reason.BUILD_FAILED, sentence, pipeline)


def _again(pipelines: tuple[Pipeline, ...], *, now: datetime) -> Step:
    """A failure by the platform's fault mends itself: nobody relaunches by hand what nobody broke. Within bounds."""
    newest = pipelines[0]
    failed = next((n for n, one in enumerate(pipelines) if not one.fault), len(pipelines))
    if failed > len(RELAUNCHES_S):
        sentence = (
            f"Le pipeline {newest.id} a échoué, comme les {failed - 1} précédents, par la faute de la plateforme "
            f"({newest.fault}) : prévenez l'équipe de la plateforme, puis relancez-le."
        )
        return GiveUp(Reason.BUILD_FAILED, sentence, newest)
    due = (newest.ended_at or newest.created_at) + timedelta(seconds=RELAUNCHES_S[failed - 1])
    left_s = (due - now).total_seconds()
    if left_s <= 0:
        return Start()
    sentence = (
        f"Le pipeline {newest.id} a échoué par la faute de la plateforme ({newest.fault}) : il sera relancé tout seul "
        f"à {paris.hour(due)}. Rien à faire."
    )
    return Wait(newest, left_s, sentence)


def _failure(pipeline: Pipeline) -> str:
    match pipeline.status:
        case PipelineStatus.FAILED:
            return f"Le pipeline {pipeline.id} a échoué : lisez son journal, corrigez et poussez, ou relancez-le."
        case PipelineStatus.CANCELED:
            return f"Le pipeline {pipeline.id} a été annulé : relancez-le dans la forge."
        case PipelineStatus.SKIPPED:
            return (
                f"Le pipeline {pipeline.id} a été ignoré ([skip ci]) : lancez-le dans la forge pour fabriquer l'image."
            )
        case PipelineStatus.MANUAL:
            return f"Le pipeline {pipeline.id} attend une action manuelle : déclenchez-la dans la forge."
        case PipelineStatus.PENDING | PipelineStatus.RUNNING | PipelineStatus.SUCCESS:
            raise ValueError(f"{pipeline.status} is no failure")
    assert_never(pipeline.status)
