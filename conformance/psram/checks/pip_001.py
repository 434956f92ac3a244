"""PIP-001: a green pipeline of this very commit, started by the forge, on runners that the platform approves."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Facts
from psram.model import Context, Finding, Giver, Outcome, PipelineEvidence


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a failed pipeline, a foreign source or runner; unknown where the platform did not look itself."""
    pipeline = context.evidence.pipeline
    if pipeline is None:
        return unknown("le pipeline de ce commit, que la forge fournit quand il est terminé", giver=Giver.PIPELINE)
    if pipeline.commit != facts.commit:
        said = f"un pipeline de ce commit : celui fourni est du commit {pipeline.commit[:12] or 'inconnu'}"
        return unknown(said, giver=Giver.PIPELINE)
    if not pipeline.trusted:
        return unknown("un pipeline lu par la plateforme elle-même sur la forge", confirm=True)
    found = [*_run(pipeline, params), *_runners(pipeline, context.approved_runners)]
    if found or context.approved_runners is not None:
        return outcome(found)
    return unknown("la liste des exécuteurs agréés, que la plateforme connaît", confirm=True)


def _run(pipeline: PipelineEvidence, params: Params) -> Iterator[Finding]:
    if pipeline.status in params["unfinished"]:
        yield Finding(f"le pipeline de ce commit n'est pas terminé ({pipeline.status})")
    elif pipeline.status not in params["green"]:
        yield Finding(f"le pipeline de ce commit n'a pas réussi ({pipeline.status}) : {pipeline.url}".rstrip(" :"))
    if pipeline.source in params["foreign_sources"]:
        yield Finding(f"le pipeline vient d'ailleurs que de la forge (source « {pipeline.source} »)")


def _runners(pipeline: PipelineEvidence, approved: tuple[str, ...] | None) -> Iterator[Finding]:
    if approved is None:
        return
    if not approved:
        yield Finding("la plateforme n'agrée aucun exécuteur : sa liste est vide")
    elif not pipeline.runners:
        yield Finding("la forge ne dit pas quel exécuteur a lancé le pipeline")
    for runner in pipeline.runners:
        if approved and runner not in approved:
            yield Finding(f"l'exécuteur « {runner} » n'est pas agréé par la plateforme")
