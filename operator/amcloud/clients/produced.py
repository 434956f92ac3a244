"""The reports that a pipeline's jobs left → evidence. Their readers are the norm engine's (:mod:`psram.ingest`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from amcloud.clients import forge_facts
from amcloud.forge_ports import Produced
from amcloud.stages import provenance
from amcloud.stages.build import Pipeline
from psram.errors import UsageError
from psram.ingest import cobertura, junit, phpcs, phpstan
from psram.proofs import PipelineEvidence, QualityReport

Artifact = Callable[[int, str], bytes | None]
"""A file of a job's artifacts, by the job's number and the file's name; ``None`` when there is none."""
TEST_JOB: Final = "tests"
JUNIT: Final = "junit.xml"
IMAGE_JOB: Final = "build-image"
IMAGE_FILE: Final = "image.json"


class _Quality(NamedTuple):
    """A report that the template's job may leave, and who reads it."""

    tool: str
    job: str
    file: str
    read: Callable[..., QualityReport]


QUALITY: Final = (
    _Quality(cobertura.TOOL, TEST_JOB, "coverage.xml", cobertura.read),
    _Quality(phpcs.TOOL, TEST_JOB, "phpcs.json", phpcs.read),
    _Quality(phpstan.TOOL, TEST_JOB, "phpstan.json", phpstan.read),
)


def read(pipeline: Pipeline, commit: str, jobs: Sequence[Mapping[str, Any]], artifact: Artifact) -> Produced:
    """Everything that the pipeline says of its commit."""
    told = PipelineEvidence(
        commit=commit,
        status=pipeline.status.value,
        url=pipeline.url,
        source=pipeline.source,
        runners=forge_facts.runners(jobs),
        observed_on=pipeline.created_at.date(),
    )
    numbers = {str(job.get("name")): int(job["id"]) for job in reversed(jobs)}
    built = numbers.get(IMAGE_JOB)
    said = None if built is None else artifact(built, IMAGE_FILE)
    return Produced(
        _with_tests(told, numbers.get(TEST_JOB), artifact),
        tuple(_quality(told, numbers, artifact)),
        None if said is None else provenance.origin(said),
    )


def _with_tests(told: PipelineEvidence, job: int | None, artifact: Artifact) -> PipelineEvidence:
    """``problem`` says why there are no tests."""
    if job is None:
        return msgspec.structs.replace(told, problem=f"le pipeline n'a pas de tâche « {TEST_JOB} »")
    content = artifact(job, JUNIT)
    if content is None:
        return msgspec.structs.replace(told, problem=f"la tâche « {TEST_JOB} » n'a pas rendu {JUNIT}")
    try:
        return msgspec.structs.replace(told, tests=junit.read(content))
    except UsageError as error:
        return msgspec.structs.replace(told, problem=str(error))


def _quality(told: PipelineEvidence, numbers: Mapping[str, int], artifact: Artifact) -> Iterator[QualityReport]:
    """The reports that are there; one that cannot be read is told as such."""
    for kind in QUALITY:
        job = numbers.get(kind.job)
        content = None if job is None else artifact(job, kind.file)
        if content is None:
            continue
        try:
            found = kind.read(content, commit=told.commit, trusted=True)
        except UsageError as error:
            found = QualityReport(kind.tool, told.commit, problem=str(error))
        yield msgspec.structs.replace(found, observed_on=told.observed_on)
