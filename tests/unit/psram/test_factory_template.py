"""GOV-005 knows the template of this checkout: its jobs, files and inputs, and every way to weaken them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud import assets
from psram import packs
from psram.checks import factory, gov_005
from psram.collect.memory import collect_files
from psram.model import Context, Outcome, Stage, Track, Verdict
from psram.proofs import CiInclude, CiJob, Evidence, ForgeEvidence

RULE = packs.load("psram-2026.1").rule("GOV-005")
assert RULE is not None
PARAMS = RULE.params
PIPELINES = assets.folder("pipelines")
ROOT_FILE = "application.gitlab-ci.yml"
TEMPLATE = f"include:\n  - {{project: amcloud/pipelines, ref: v1, file: {ROOT_FILE}}}\n"
INCLUDED = (CiInclude("amcloud/pipelines", ROOT_FILE, "v1"), CiInclude("", "templates/tests.yml", ""))


def judged(root: str, others: dict[str, str] | None = None, *, forge: ForgeEvidence | None = None) -> Outcome:
    files = {path: text.encode() for path, text in {".gitlab-ci.yml": root, **(others or {})}.items()}
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 11, 22), evidence=Evidence(forge=forge))
    return gov_005.check(collect_files(files), PARAMS, context)


def documents(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a template asks for, and what it brings."""
    header, _, body = path.read_text(encoding="utf-8").partition("\n---\n")
    return yaml.safe_load(header)["spec"]["inputs"], yaml.safe_load(body)


FILES = {str(path.relative_to(PIPELINES)): documents(path) for path in sorted(PIPELINES.glob("templates/*.yml"))}
ENTRIES = {name: value for _, body in FILES.values() for name, value in body.items() if name != "include"}


def test_the_table_names_every_job_file_and_input_of_the_template() -> None:
    inputs, body = documents(PIPELINES / ROOT_FILE)
    assert set(ENTRIES) == {*factory.JOBS, *factory.HIDDEN}
    assert set(FILES) == factory.FILES
    assert {one["local"].lstrip("/") for one in body["include"]} == factory.FILES - {"templates/common.yml"}
    assert set(inputs) == {*PARAMS["inputs"], *factory.FREE_INPUTS}
    assert body["stages"] == list(PARAMS["stages"])


def test_the_template_itself_lets_fail_what_the_table_says_and_nothing_else() -> None:
    assert {name for name, job in ENTRIES.items() if job.get("allow_failure")} == factory.INFORMATIVE


@pytest.mark.parametrize(
    ("what", "how"),
    [
        pytest.param("script: [true]", "(script)", id="another script"),
        pytest.param("before_script: [true]", "(before_script)", id="other steps"),
        pytest.param("allow_failure: true", "(allow_failure)", id="may fail"),
        pytest.param("when: manual", "(when)", id="by hand"),
        pytest.param("rules: [{when: never}]", "(rules)", id="never"),
        pytest.param("only: [tags]", "(only)", id="for tags only"),
        pytest.param("extends: .autre", "(extends)", id="something else"),
        pytest.param("image: php", "(image)", id="another image"),
        pytest.param("tags: [le-mien]", "(tags)", id="a runner of one's own"),
        pytest.param("artifacts: {paths: [x]}", "(artifacts)", id="other artifacts"),
        pytest.param("needs: []", "(needs)", id="before the others"),
        pytest.param("hooks: {pre_get_sources_script: [true]}", "(hooks)", id="something before"),
        pytest.param('variables: {AMCLOUD_PIPELINES: "."}', "AMCLOUD_PIPELINES", id="steps from elsewhere"),
    ],
)
@pytest.mark.parametrize("job", [*factory.JOBS, *factory.HIDDEN])
def test_a_job_of_the_template_cannot_be_changed(job: str, what: str, how: str) -> None:
    found = judged(f"{TEMPLATE}{job}:\n  {what}\n")
    assert found.verdict is Verdict.VIOLATED
    assert any(how in finding.message for finding in found.findings)


@pytest.mark.parametrize(
    ("root", "said"),
    [
        pytest.param(
            TEMPLATE + "  - {project: amcloud/pipelines, ref: v1, file: templates/tests.yml}\n",
            "fait déjà partie",
            id="a piece once more",
        ),
        pytest.param(
            TEMPLATE
            + "  - {project: amcloud/pipelines, ref: v1, file: templates/tests.yml, inputs: {pipelines-ref: x}}\n",
            "fait déjà partie",
            id="a piece with steps from elsewhere",
        ),
        pytest.param(
            TEMPLATE.replace(ROOT_FILE, f"[{ROOT_FILE}, /templates/image.yml]"), "fait déjà partie", id="in one list"
        ),
        pytest.param(
            TEMPLATE + "  - {project: amcloud/pipelines, ref: essai, file: autre.yml}\n",
            "essai",
            id="an unapproved version",
        ),
        pytest.param(
            TEMPLATE + "  - {project: amcloud/pipelines, file: autre.yml}\n", "non agréée", id="the branch that moves"
        ),
        pytest.param(
            TEMPLATE.replace("}", ", inputs: {pipelines-ref: main}}"), "pipelines-ref", id="steps of another version"
        ),
        pytest.param(TEMPLATE.replace("}", ", inputs: {stage: tests}}"), "stage", id="an input that it has not"),
    ],
)
def test_pieces_of_the_template_cannot_be_put_over_it(root: str, said: str) -> None:
    found = judged(root)
    assert found.verdict is Verdict.VIOLATED
    assert any(said in finding.message for finding in found.findings)


def test_a_piece_included_by_a_file_of_the_repository_is_seen_too() -> None:
    plus = f"include: [{{project: amcloud/pipelines, ref: v1, file: {ROOT_FILE}}}]\n"
    found = judged(TEMPLATE + "  - {local: ci/plus.yml}\n", {"ci/plus.yml": plus})
    assert found.verdict is Verdict.VIOLATED


def test_the_track_may_be_said() -> None:
    assert judged(TEMPLATE.replace("}", ", inputs: {track: labellisation}}")).verdict is Verdict.CONFORMING


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        pytest.param((CiJob("sbom", allow_failure=True),), "sbom", id="the SBOM may fail"),
        pytest.param((CiJob("conformance", never=True),), "conformance", id="conformance never runs"),
        pytest.param((CiJob("conformance", allow_failure=True),), "", id="conformance may fail, as in the template"),
        pytest.param((CiJob("provenance", allow_failure=True),), "", id="provenance may fail, as in the template"),
        pytest.param((), "", id="an older version without them"),
    ],
)
def test_what_the_forge_makes_of_the_other_jobs_counts(jobs: tuple[CiJob, ...], said: str) -> None:
    found = judged(TEMPLATE, forge=ForgeEvidence(includes=INCLUDED, jobs=(CiJob("tests"), CiJob("build-image"), *jobs)))
    assert (found.verdict is Verdict.VIOLATED) == bool(said)
    assert all(said in finding.message for finding in found.findings)


def test_a_piece_that_the_forge_takes_at_another_version_is_seen() -> None:
    old = CiInclude("amcloud/pipelines", "templates/image.yml", "v0")
    forge = ForgeEvidence(includes=(*INCLUDED, old), jobs=(CiJob("tests"), CiJob("build-image")))
    assert any("non agréée (v0)" in finding.message for finding in judged(TEMPLATE, forge=forge).findings)
