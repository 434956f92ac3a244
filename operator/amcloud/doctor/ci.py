"""The CI of a forge project: does its file hold, does it include the software factory, and who runs its jobs?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from amcloud.clients.forge_state import LastPipeline, ProjectState
from amcloud.doctor.findings import Finding, error, ok, warning
from amcloud.doctor.forge_ground import state, visible
from amcloud.doctor.ground import Ground

STUCK: Final = timedelta(minutes=10)
_WAITING: Final = frozenset({"created", "pending", "waiting_for_resource", "preparing"})


def examine(ground: Ground) -> Iterator[Finding]:
    """The file, the template, the runner."""
    if not visible(ground) or ground.is_norms:
        return  # the project's own family says it; where norms are discussed nothing is made
    found, settings = state(ground), ground.settings()
    yield file(found)
    yield template(found, settings.approved_templates)
    yield runner(found.pipeline, settings.approved_runners, ground.now)


def file(found: ProjectState) -> Finding:
    """Whether GitLab can make pipelines of it."""
    if found.ci_valid:
        return ok("ci-file", ".gitlab-ci.yml est valide.")
    said = f".gitlab-ci.yml manque ou n'est pas valide : {' ; '.join(found.ci_errors) or 'absent'}"
    return error("ci-file", said, "Partez de celui d'« amcloud new », ou corrigez-le (Build > Pipeline editor).")


def template(found: ProjectState, approved: Sequence[str]) -> Finding:
    """Whether the software factory's template is included, in an approved version."""
    included = [f"{one.project}@{one.ref}" for one in found.includes if one.project]
    if any(one in approved for one in included):
        return ok("ci-template", f"Le modèle agréé est inclus ({', '.join(dict.fromkeys(included))}).")
    wanted = approved[0] if approved else "amcloud/pipelines@v1"
    project, _, ref = wanted.partition("@")
    remedy = f"include: [{{project: {project}, ref: {ref}, file: application.gitlab-ci.yml}}]"
    what = f"il inclut {', '.join(dict.fromkeys(included))}" if included else "il n'inclut rien"
    return error("ci-template", f".gitlab-ci.yml n'inclut aucun modèle agréé : {what}.", remedy)


def runner(pipeline: LastPipeline | None, approved: Sequence[str], now: datetime) -> Finding:
    """Whether jobs are taken, by runners that are believed."""
    if pipeline is None:
        remedy = "Poussez un commit : l'opérateur en lance un s'il n'en vient pas."
        return warning("ci-runner", "Aucun pipeline sur la branche par défaut.", remedy)
    age = now - datetime.fromisoformat(pipeline.created_at)
    if pipeline.status in _WAITING and age > STUCK and not pipeline.runners:
        said = (
            f"Le pipeline {pipeline.id} attend depuis {age.total_seconds() / 60:.0f} min : aucun exécuteur ne le prend."
        )
        return error(
            "ci-runner", said, "Settings > CI/CD > Runners : un exécuteur partagé doit être actif pour ce projet."
        )
    strangers = [name for name in pipeline.runners if name not in approved]
    if strangers:
        said = f"Le pipeline {pipeline.id} a été exécuté par {', '.join(strangers)}, que la plateforme ne croit pas."
        return error("ci-runner", said, "Utilisez les exécuteurs de l'usine logicielle (AMCLOUD_APPROVED_RUNNERS).")
    by = ", ".join(pipeline.runners) or "personne encore"
    return ok("ci-runner", f"Dernier pipeline : n° {pipeline.id} ({pipeline.status}), exécuté par {by}.")
