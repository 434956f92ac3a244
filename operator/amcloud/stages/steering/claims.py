"""Which LocalApp a stage of a forge project belongs to when several follow it: the one declared first. Pure.

Two applications that follow the same stage of the same project would each publish ``amcloud/<stage>`` on the same
commits, and contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from amcloud.stages.objects.operations import Object


def held(found: Object, others: Sequence[Object]) -> Mapping[str, str]:
    """Stages of ``found``'s project that an older LocalApp follows already: its ``namespace/name`` by stage.

    ``others`` are unchecked, and may follow any project.
    """
    mine = _project(found)
    holders: dict[str, str] = {}
    for other in sorted(others, key=_age):
        metadata = other["metadata"]
        if not mine or _project(other) != mine or _age(other) >= _age(found) or metadata.get("deletionTimestamp"):
            continue
        for stage in _stages(other):
            holders.setdefault(stage, f"{metadata['namespace']}/{metadata['name']}")
    return holders


def sentence(project: str, stage: str, holder: str) -> str:
    """What is said to the author of the one that came second."""
    return (
        f"L'étape {stage} du projet {project} est déjà suivie par la LocalApp {holder}, déclarée avant celle-ci : "
        "retirez cette étape de l'une des deux."
    )


def followed(project: str, others: Sequence[Object]) -> frozenset[str]:
    """Stages of the project that some of ``others`` follow; those that are going away follow nothing."""
    staying = (one for one in others if not one["metadata"].get("deletionTimestamp"))
    return frozenset(stage for one in staying if _project(one) == project.casefold() for stage in _stages(one))


def _age(found: Object) -> tuple[str, str, str]:
    metadata = found["metadata"]
    return str(metadata.get("creationTimestamp") or ""), str(metadata.get("namespace")), str(metadata.get("name"))


def _project(found: Object) -> str:
    repository = _part(found.get("spec"), "repository")
    project = repository.get("project") if isinstance(repository, Mapping) else None
    return project.casefold() if isinstance(project, str) else ""


def _stages(found: Object) -> Iterator[str]:
    stages = _part(found.get("spec"), "stages")
    for stage in stages if isinstance(stages, list) else []:
        name = stage.get("name") if isinstance(stage, Mapping) else None
        if isinstance(name, str):
            yield name


def _part(spec: Any, name: str) -> Any:
    return spec.get(name) if isinstance(spec, Mapping) else None
