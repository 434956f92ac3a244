"""GOV-005 on configurations written to slip through, and on configurations that only look like it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import packs
from psram.checks import gov_005
from psram.collect.memory import collect_files
from psram.model import Context, Outcome, Stage, Track, Verdict
from psram.proofs import CiInclude, CiJob, Evidence, ForgeEvidence

RULE = packs.load("psram-2026.1").rule("GOV-005")
assert RULE is not None
PARAMS = RULE.params
TEMPLATE = "include:\n  - {project: amcloud/pipelines, ref: v1, file: application.gitlab-ci.yml}\n"
FORGE = ForgeEvidence(
    includes=(CiInclude("amcloud/pipelines", "application.gitlab-ci.yml", "v1"),),
    jobs=(CiJob("tests"), CiJob("build-image")),
)


def judged(root: str, others: dict[str, str] | None = None, *, forge: ForgeEvidence | None = None) -> Outcome:
    files = {path: text.encode() for path, text in {".gitlab-ci.yml": root, **(others or {})}.items()}
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 11, 22), evidence=Evidence(forge=forge))
    return gov_005.check(collect_files(files), PARAMS, context)


@pytest.mark.parametrize(
    "root",
    [
        pytest.param(
            ".x: &x {project: amcloud/pipelines, ref: v1, file: application.gitlab-ci.yml}\n"
            "include:\n  - {<<: *x, ref: main}\n",
            id="a ref merged, then changed",
        ),
        pytest.param(
            "include: [{project: amcloud/pipelines, ref: v1, ref: main, file: application.gitlab-ci.yml}]\n",
            id="a ref written twice",
        ),
        pytest.param(TEMPLATE.replace("}", ", project: cpam/autre}"), id="a project written twice"),
        pytest.param(TEMPLATE + "  - [{remote: https://ailleurs.example/x.yml}]\n", id="a list inside the list"),
        pytest.param(TEMPLATE + "  - {local: $CHEMIN}\n", id="a path in a variable"),
        pytest.param(TEMPLATE + "  - {project: $PROJET, file: x.yml}\n", id="a project in a variable"),
        pytest.param(TEMPLATE + "  - {component: ailleurs.example/a/b@1}\n", id="a component"),
        pytest.param(TEMPLATE + "  - {template: Auto-DevOps.gitlab-ci.yml}\n", id="a template with jobs of its own"),
        pytest.param(TEMPLATE + "tests: !reference [.autre]\n", id="a job that is a reference"),
        pytest.param(TEMPLATE + "tests: {variables: !reference [.v, variables]}\n", id="variables by reference"),
        pytest.param(TEMPLATE + "variables: !reference [.v, variables]\n", id="global variables by reference"),
        pytest.param(TEMPLATE + "default: !reference [.d]\n", id="defaults by reference"),
        pytest.param(TEMPLATE + ".d: &d {image: php}\ndefault: {<<: *d}\n", id="an image merged into the defaults"),
        pytest.param(
            TEMPLATE + 'variables: {CI_SERVER_URL: {value: "https://x.example"}}\n', id="a variable with a value"
        ),
        pytest.param(
            TEMPLATE + "workflow: {rules: [{if: $X, variables: {GIT_STRATEGY: none}}]}\n", id="a variable of a rule"
        ),
        pytest.param(TEMPLATE + '"te\\x73ts": {allow_failure: true}\n', id="an escaped name"),
        pytest.param(TEMPLATE + "tests: {timeout: 1h}\ntests: {script: [x]}\n", id="a job written twice"),
        pytest.param(TEMPLATE + "tests: ~\n", id="a job made empty"),
        pytest.param(TEMPLATE + "tests: {needs: []}\n", id="a job without its needs"),
        pytest.param(TEMPLATE + "build-image: {needs: []}\n", id="an image that does not wait for the tests"),
        pytest.param(TEMPLATE + "tests: {artifacts: {reports: {junit: faux.xml}}}\n", id="another report"),
        pytest.param(TEMPLATE + "after_script: [cp faux.xml junit.xml]\n", id="a report replaced afterwards"),
        pytest.param(TEMPLATE + "tests: {inherit: {default: false}}\n", id="no inheritance"),
        pytest.param("\ufeff" + TEMPLATE.replace("v1", "v0"), id="a byte order mark and an old version"),
        pytest.param("include: {{" + TEMPLATE, id="not YAML"),
        pytest.param("- a\n- b\n", id="a list"),
        pytest.param("", id="empty"),
        pytest.param("a: " + "[" * 500, id="deep"),
    ],
)
def test_what_slips_through_a_quick_look_is_seen(root: str) -> None:
    assert judged(root).verdict is Verdict.VIOLATED


def test_files_included_by_included_files_are_read() -> None:
    first = "include: /ci/b.yml\n"
    outcome = judged(TEMPLATE + "  - local: ci/a.yml\n", {"ci/a.yml": first, "ci/b.yml": "tests: {when: never}\n"})
    assert [(f.path, f.line) for f in outcome.findings] == [("ci/b.yml", 1)]
    circle = judged(TEMPLATE + "  - ci/a.yml\n", {"ci/a.yml": first, "ci/b.yml": "include: ci/a.yml\n"})
    assert circle.verdict is Verdict.CONFORMING


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        pytest.param(FORGE, "", id="what is written is what is applied"),
        pytest.param(ForgeEvidence(), "", id="the forge was not asked"),
        pytest.param(ForgeEvidence(includes=(), jobs=FORGE.jobs), "n'inclut pas", id="another file is applied"),
        pytest.param(
            ForgeEvidence(includes=(*(FORGE.includes or ()), CiInclude("", "https://x.example/ci.yml"))),
            "distante",
            id="remote",
        ),
        pytest.param(ForgeEvidence(jobs=(CiJob("tests"),)), "build-image", id="a job is missing"),
        pytest.param(ForgeEvidence(jobs=(CiJob("tests", never=True), CiJob("build-image"))), "jamais", id="never run"),
        pytest.param(
            ForgeEvidence(jobs=(CiJob("tests", allow_failure=True), CiJob("build-image"))), "échouer", id="may fail"
        ),
    ],
)
def test_what_the_forge_applies_counts_where_it_is_known(forge: ForgeEvidence, said: str) -> None:
    outcome = judged(TEMPLATE, forge=forge)
    assert (outcome.verdict is Verdict.VIOLATED) is bool(said)
    assert all(said in f.message for f in outcome.findings)


WORDS = st.sampled_from(
    [
        "include",
        "tests",
        "build-image",
        ".amcloud",
        "variables",
        "default",
        "workflow",
        "rules",
        "stages",
        "image",
        "<<",
    ]
)
VALUES = st.recursive(
    st.one_of(WORDS, st.none(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.one_of(VALUES.map(str), st.text(alphabet="includetsv:-[]{}!&*<> \n'\"$", max_size=120)))
def test_any_configuration_is_judged(text: str) -> None:
    assert judged(text).verdict is Verdict.VIOLATED


def test_a_configuration_too_big_to_be_followed_is_told_and_judged_in_bounded_time() -> None:
    many = {f"ci/{n}.yml": "j: {script: [a]}\n" for n in range(200)}
    assert any("démesurée" in f.message for f in judged(TEMPLATE + "  - ci/*.yml\n", many).findings)
    wide = "".join(f"  - local: absent-{n}.yml\n" for n in range(400))
    assert any("démesurée" in f.message for f in judged(TEMPLATE + wide).findings)
    stars = "*a" * 200
    assert judged(TEMPLATE + f"  - {{local: '**{stars}b.yml'}}\n", {f"{'a' * 200}.yml": "x: 1\n"}).findings


def test_a_pattern_reads_the_files_that_the_forge_would() -> None:
    weak = "tests: {when: never}\n"
    for pattern, path, read in [
        ("ci/*.yml", "ci/a.yml", True),
        ("/ci/*.yml", "ci/a.yml", True),
        ("ci/*.yml", "ci/b/a.yml", False),
        ("ci/**.yml", "ci/b/a.yml", True),
        ("ci/**/*.yml", "ci/b/c/a.yml", True),
        ("ci/*.yml", "autre/a.yml", False),
    ]:
        outcome = judged(TEMPLATE + f"  - local: '{pattern}'\n", {path: weak, "ci/z.yml": "x: {script: [a]}\n"})
        assert (outcome.verdict is Verdict.VIOLATED) is read, (pattern, path)
