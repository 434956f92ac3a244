"""Whether an image comes from the commit's own pipeline on the approved template: a table of who says what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from amcloud_samples import ONE, TWO, report, result
from hypothesis import given
from hypothesis import strategies as st

from amcloud.stages import provenance
from amcloud.stages.build import GoOn, Image, Pipeline, PipelineStatus
from amcloud.stages.declared.app import StageName
from amcloud.stages.provenance import Answer, Attestation, Case, Origin, Proven, Refuse, Sign
from psram.model import Report, Verdict

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
FORGE = "https://forge.example"
PIPELINE = Pipeline(7, PipelineStatus.SUCCESS, datetime(2026, 11, 22, tzinfo=UTC), f"{FORGE}/p/-/pipelines/7", "push")
BUILT = GoOn(Image(f"registre.example/cpam/essai@{DIGEST}", ONE), PIPELINE)
SAID = Origin(DIGEST, ONE, "registre.example/amcloud/php-base:8.2", OTHER, "amcloud/pipelines@v1")
D, A, P = StageName.DEVELOPMENT, StageName.ACCEPTANCE, StageName.PRODUCTION


def judged(gov: Verdict = Verdict.CONFORMING, pip: Verdict = Verdict.CONFORMING) -> Report:
    return report(ONE, result("GOV-005", verdict=gov), result("PIP-001", verdict=pip))


CASE = Case("cpam/essai", ONE, A, BUILT, None, SAID, judged())
STATEMENT = provenance.statement(CASE, SAID, forge_url=FORGE)


def attested(**changes: Any) -> Attestation:
    return Attestation({**STATEMENT, **changes})


def about(commit: str) -> Attestation:
    return Attestation(provenance.statement(replace(CASE, commit=commit), SAID, forge_url=FORGE))


@pytest.mark.parametrize(
    ("case", "kind", "says"),
    [
        pytest.param(CASE, Sign, "", id="the pipeline says so and its template is approved: signed"),
        pytest.param(replace(CASE, stage=D), Sign, "", id="signed as early as that"),
        pytest.param(replace(CASE, stage=P), Sign, "", id="signed on the way to production"),
        pytest.param(replace(CASE, stage=P, attestation=attested()), Proven, "", id="attested"),
        pytest.param(replace(CASE, stage=P, attestation=attested(), said=None), Proven, "", id="outlives its pipeline"),
        pytest.param(replace(CASE, said=None), Refuse, "n'a pas laissé image.json", id="nobody says anything"),
        pytest.param(replace(CASE, said=replace(SAID, digest=OTHER)), Refuse, "remplacée", id="pushed over"),
        pytest.param(replace(CASE, said=replace(SAID, revision=TWO)), Refuse, "et non", id="of another commit"),
        pytest.param(replace(CASE, attestation=Attestation(problem="x")), Refuse, "x", id="signed by somebody else"),
        pytest.param(replace(CASE, attestation=about(TWO)), Refuse, "autre commit", id="attested for another commit"),
        pytest.param(
            replace(CASE, attestation=attested(subject=[{"digest": {"sha256": "b" * 64}}])),
            Refuse,
            "autre image",
            id="attested for another image",
        ),
        pytest.param(replace(CASE, attestation=attested(subject=None)), Refuse, "autre image", id="of nothing"),
        pytest.param(replace(CASE, attestation=attested(predicate=[1])), Refuse, "autre commit", id="says nothing"),
        pytest.param(replace(CASE, attestation=attested(predicateType="x")), Refuse, "in-toto", id="of another type"),
        pytest.param(
            replace(CASE, stage=P, report=judged(gov=Verdict.VIOLATED)),
            Refuse,
            "GOV-005",
            id="own chain, production",
        ),
        pytest.param(
            replace(CASE, stage=P, report=judged(pip=Verdict.UNKNOWN)),
            Refuse,
            "PIP-001",
            id="unknown runner",
        ),
        pytest.param(replace(CASE, report=judged(gov=Verdict.VIOLATED)), Proven, "", id="its own chain, acceptance"),
        pytest.param(replace(CASE, stage=P, report=report()), Refuse, "GOV-005, PIP-001", id="not judged, production"),
    ],
)
def test_who_says_what(case: Case, kind: type[Answer], says: str) -> None:
    answer = provenance.decide(case, forge_url=FORGE)
    assert isinstance(answer, kind)
    assert says in (answer.sentence if isinstance(answer, Refuse) else "")


def test_what_is_not_signed_is_not_said_to_be() -> None:
    answer = provenance.decide(replace(CASE, report=judged(gov=Verdict.VIOLATED)), forge_url=FORGE)
    assert answer == Proven(signed=False)


def test_the_statement_is_slsa_provenance_of_that_digest_and_commit() -> None:
    assert STATEMENT["subject"] == [{"name": "registre.example/cpam/essai", "digest": {"sha256": "a" * 64}}]
    definition = STATEMENT["predicate"]["buildDefinition"]
    assert definition["resolvedDependencies"] == [
        {"uri": f"git+{FORGE}/cpam/essai.git", "digest": {"gitCommit": ONE}},
        {"uri": "oci://registre.example/amcloud/php-base:8.2", "digest": {"sha256": "b" * 64}},
    ]
    assert STATEMENT["predicate"]["runDetails"]["metadata"]["invocationId"] == PIPELINE.url


def test_the_step_s_file_is_read() -> None:
    base = {"name": SAID.base_name, "digest": SAID.base_digest}
    content = {"image": "x", "digest": DIGEST, "revision": ONE, "base": base, "template": SAID.template}
    assert provenance.origin(json.dumps(content).encode()) == SAID


KEYS = st.sampled_from(["digest", "revision", "base", "name", "template"])
VALUES = st.recursive(
    st.none() | st.just(DIGEST) | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)
)


@given(st.binary() | VALUES.map(lambda found: json.dumps(found).encode()))
def test_any_file_is_read_or_is_none(content: bytes) -> None:
    found = provenance.origin(content)
    assert found is None or found.digest.startswith("sha256:")
