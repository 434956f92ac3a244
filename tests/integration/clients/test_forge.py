"""GitLab's client against the stand-in, which answers as GitLab does, failures included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from amcloud.clients.forge import GitlabForge
from amcloud.errors import BrokenInstallationError, ForgeUnavailableError, RepositoryRefusedError, StatusRefusedError
from amcloud.stages.build import Pipeline, PipelineStatus
from amcloud.stages.report import CommitState, CommitStatus
from amcloud_sandbox.testing.forge import CI_FILE, RunningForge, git
from psram.proofs import CiInclude, ProtectedRef

PROJECT = "cpam-bas-rhin/suivi-courriers"
FAILED = CommitStatus(
    "amcloud/psram", CommitState.FAILED, "1 règle bloquante non respectée", "http://rapports.example/1"
)
JUNIT = '<testsuite><testcase classname="IsolationTest" name="a"/><testcase name="b"><failure/></testcase></testsuite>'


@pytest.fixture
def gitlab(forge: RunningForge, token: str) -> GitlabForge:
    del token  # made with the members of the project
    return GitlabForge(forge.url, forge.user("amcloud"))


def written(forge: RunningForge, since: int) -> list[dict[str, Any]]:
    return forge.requests("*statuses*", "POST", since=since)


def test_a_status_is_written_once(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {"a": "status once"})
    assert gitlab.set_status(PROJECT, commit, FAILED) is True
    assert gitlab.set_status(PROJECT, commit, FAILED) is False
    listed: Any = forge.client().projects.get(PROJECT).commits.get(commit).statuses.list(get_all=True)
    assert [(s.name, s.status, s.target_url) for s in listed] == [
        ("amcloud/psram", "failed", "http://rapports.example/1")
    ]


def test_a_status_among_many_is_found_beyond_the_first_page(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {"a": "many"})
    assert gitlab.set_status(PROJECT, commit, FAILED)
    for number in range(25):
        gitlab.set_status(PROJECT, commit, CommitStatus(f"autre/{number}", CommitState.SUCCESS, "bien"))
    assert gitlab.set_status(PROJECT, commit, FAILED) is False


def test_the_same_state_again_is_no_error(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {"a": "transition"})
    for description in ("un", "deux", "trois"):
        gitlab.set_status(PROJECT, commit, CommitStatus("amcloud/acceptance", CommitState.RUNNING, description))


def test_a_commit_that_is_on_no_branch_gets_its_status_where_its_merge_request_is(
    forge: RunningForge, gitlab: GitlabForge
) -> None:
    commit = forge.commit(PROJECT, {"a": "soon gone"}, branch="passagere")
    forge.push(forge.folder / "work" / PROJECT, PROJECT, "+main:refs/heads/passagere")
    with pytest.raises(StatusRefusedError, match="References for commit"):
        gitlab.set_status(PROJECT, commit, FAILED)
    again = CommitStatus("amcloud/psram", CommitState.SUCCESS, "Conforme")
    assert gitlab.set_status(PROJECT, commit, again, ref="refs/merge-requests/7/head") is True
    assert gitlab.set_status(PROJECT, commit, again, ref="refs/merge-requests/7/head") is False
    listed: Any = forge.client().projects.get(PROJECT).commits.get(commit).statuses.list(get_all=True)
    assert [(s.status, s.ref) for s in listed] == [("success", "refs/merge-requests/7/head")]


def test_a_status_of_a_branch_s_commit_names_no_ref(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {"a": "with its branch"}, branch="gardee")
    gitlab.set_status(PROJECT, commit, FAILED, ref="refs/merge-requests/7/head")
    listed: Any = forge.client().projects.get(PROJECT).commits.get(commit).statuses.list(get_all=True)
    assert [s.ref for s in listed] == ["gardee"]


def test_what_a_protected_branch_asks_for_is_said(forge: RunningForge) -> None:
    project = forge.project("cpam-bas-rhin/protegee")
    commit = forge.commit("cpam-bas-rhin/protegee", {".gitlab-ci.yml": CI_FILE})
    forge.user("juste-developpeur")
    known: Any = forge.client().users.list(username="juste-developpeur", get_all=False)[0]
    project.members.create({"user_id": known.id, "access_level": 30})
    short = GitlabForge(forge.url, forge.user("juste-developpeur"))
    with pytest.raises(RepositoryRefusedError, match="branche protégée"):
        short.set_status("cpam-bas-rhin/protegee", commit, FAILED)
    with pytest.raises(RepositoryRefusedError, match="droit de fusionner sur cette branche"):
        short.start_pipeline("cpam-bas-rhin/protegee", "main", commit)


def test_a_token_without_the_scope_is_the_platform_team_s_business(forge: RunningForge) -> None:
    account: Any = forge.client().users.list(username="amcloud", get_all=False)[0]
    narrow = account.personal_access_tokens.create({"name": "étroit", "scopes": ["read_api"]}).token
    commit = forge.commit(PROJECT, {"a": "narrow"})
    with pytest.raises(BrokenInstallationError, match="AMCLOUD_FORGE_TOKEN\\) n'a pas la portée « api »"):
        GitlabForge(forge.url, narrow).set_status(PROJECT, commit, FAILED)


def test_every_commit_of_a_long_branch_is_told_beyond_the_first_page(forge: RunningForge, gitlab: GitlabForge) -> None:
    first = forge.commit(PROJECT, {"a": "long"}, branch="longue")
    work = forge.folder / "work" / PROJECT
    for number in range(30):
        git(work, "commit", "--quiet", "--allow-empty", "-m", f"n° {number}")
    forge.push(work, PROJECT, "HEAD:refs/heads/longue")
    wanted = {"source_branch": "longue", "target_branch": "main", "title": "Longue"}
    forge.project(PROJECT).mergerequests.create(wanted)
    request = next(one for one in gitlab.merge_requests(PROJECT) if one.source_branch == "longue")
    commits = gitlab.merge_request_commits(PROJECT, request)
    assert (commits[0], commits[-1], len(commits)) == (git(work, "rev-parse", "HEAD"), first, 31)


def test_pipelines_speak_of_their_jobs_and_not_of_our_statuses(forge: RunningForge, gitlab: GitlabForge) -> None:
    project = forge.project(PROJECT)
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE})
    assert [p.status for p in gitlab.pipelines(PROJECT, commit)] in (
        [PipelineStatus.PENDING],
        [PipelineStatus.RUNNING],
    )
    gitlab.set_status(PROJECT, commit, FAILED)
    forge.finish_pipeline(project.id, commit)
    (found,) = gitlab.pipelines(PROJECT, commit)
    assert found.status is PipelineStatus.SUCCESS
    assert found.created_at.tzinfo is not None
    assert found.url.startswith("http")


def test_a_commit_with_a_status_alone_has_no_pipeline_of_ours(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": None, "a": "no ci"})
    gitlab.set_status(PROJECT, commit, FAILED)  # GitLab makes an "external" pipeline for it
    assert gitlab.pipelines(PROJECT, commit) == ()


def test_a_pipeline_is_started_where_the_push_did_not(forge: RunningForge, gitlab: GitlabForge) -> None:
    forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE})
    commit = forge.commit(PROJECT, {"a": "skipped"}, message="Change [skip ci]")
    before = [p for p in gitlab.pipelines(PROJECT, commit) if p.status is not PipelineStatus.SKIPPED]
    assert before == []
    gitlab.start_pipeline(PROJECT, "main", commit)
    assert gitlab.pipelines(PROJECT, commit)[0].status in (PipelineStatus.PENDING, PipelineStatus.RUNNING)


def test_a_project_that_lets_nobody_set_variables_gets_its_pipeline_all_the_same(
    forge: RunningForge, gitlab: GitlabForge
) -> None:
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE, "a": "no variables"})
    refusal = {"message": {"base": ["Insufficient permissions to set pipeline variables"]}}
    forge.fail({"kind": "status", "status": 400, "body": refusal, "path": "*/pipeline", "method": "POST", "count": 1})
    try:
        gitlab.start_pipeline(PROJECT, "main", commit, "envoi-de-la-forge")
    finally:
        forge.fail()
    project = forge.project(PROJECT)
    newest = max(project.pipelines.list(sha=commit, get_all=True), key=lambda one: one.id)
    assert newest.source == "api" and newest.variables.list(get_all=True) == []


def test_a_project_without_ci_says_so(forge: RunningForge, gitlab: GitlabForge) -> None:
    forge.project("cpam-bas-rhin/sans-ci", maintainers=("amcloud",))
    commit = forge.commit("cpam-bas-rhin/sans-ci", {"a": "1"})
    with pytest.raises(RepositoryRefusedError, match=r"\.gitlab-ci\.yml"):
        gitlab.start_pipeline("cpam-bas-rhin/sans-ci", "main", commit)


COBERTURA = (
    '<coverage><packages><package><classes><class filename="src/A.php"><lines><line number="1" hits="2"/>'
    '<line number="2" hits="0"/></lines></class></classes></package></packages></coverage>'
)


def finished(
    forge: RunningForge, gitlab: GitlabForge, commit: str, files: dict[str, str], runner: str = ""
) -> Pipeline:
    """The commit's pipeline, ended with these artifacts of its tests."""
    (pipeline,) = gitlab.pipelines(PROJECT, commit)
    body = {"jobs": {"tests": "success", "image": "success"}, "files": {"tests": files}, "runner": runner}
    forge.internal("POST", f"/pipelines/{pipeline.id}/finish", body)
    return gitlab.pipelines(PROJECT, commit)[0]


def test_the_test_job_s_reports_are_evidence(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE, "a": "junit"})
    pipeline = finished(forge, gitlab, commit, {"junit.xml": JUNIT, "coverage.xml": COBERTURA}, runner="usine")
    found = gitlab.pipeline_evidence(PROJECT, pipeline, commit)
    evidence = found.pipeline
    assert evidence.tests is not None
    assert (evidence.tests.tests, evidence.tests.failures, evidence.tests.isolation) == (2, 1, 1)
    assert (evidence.commit, evidence.trusted, evidence.problem) == (commit, True, "")
    assert (evidence.source, evidence.runners) == ("push", ("usine",))
    assert evidence.observed_on == pipeline.created_at.date()
    (coverage,) = found.quality
    assert (coverage.tool, coverage.commit, coverage.totals) == ("cobertura", commit, {"lines": 2.0, "covered": 1.0})


def test_a_missing_test_report_is_said(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE, "a": "no junit"})
    evidence = gitlab.pipeline_evidence(PROJECT, finished(forge, gitlab, commit, {}), commit)
    assert evidence.pipeline.tests is None
    assert "junit.xml" in evidence.pipeline.problem
    assert evidence.quality == ()


def test_a_report_that_cannot_be_read_is_told_as_such(forge: RunningForge, gitlab: GitlabForge) -> None:
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": CI_FILE, "a": "broken report"})
    pipeline = finished(forge, gitlab, commit, {"junit.xml": JUNIT, "coverage.xml": "<coverage"})
    (coverage,) = gitlab.pipeline_evidence(PROJECT, pipeline, commit).quality
    assert coverage.tool == "cobertura"
    assert coverage.problem


def test_what_the_forge_says_of_a_project_is_evidence(forge: RunningForge, gitlab: GitlabForge) -> None:
    forge.project("amcloud/pipelines", visibility="internal")
    forge.commit("amcloud/pipelines", {"application.gitlab-ci.yml": CI_FILE})
    project = forge.project(PROJECT)
    include = "include: [{project: amcloud/pipelines, ref: main, file: application.gitlab-ci.yml}]\n"
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": include + "tests: {allow_failure: true}\n"})
    project.protectedtags.create({"name": "v*", "create_access_level": 40})
    found = gitlab.project_evidence(PROJECT, commit)
    assert (found.project, found.project_id, found.default_branch) == (PROJECT, project.id, "main")
    assert found.protected_branches == (ProtectedRef("main", force_push=False, push_level=40, merge_level=40),)
    assert found.protected_tags == (ProtectedRef("v*", push_level=40),)
    assert found.includes == (CiInclude("amcloud/pipelines", "application.gitlab-ci.yml", "main"),)
    assert {(job.name, job.allow_failure) for job in found.jobs or ()} == {("tests", True), ("build-image", False)}
    project.protectedtags.delete("v*")


def test_a_project_whose_settings_the_operator_may_not_read_is_its_owner_s_business(forge: RunningForge) -> None:
    project = forge.project("cpam-bas-rhin/ferme")
    commit = forge.commit("cpam-bas-rhin/ferme", {"a": "1"})
    forge.user("lecteur")
    reader = forge.client().users.list(username="lecteur", get_all=False)[0]
    project.members.create({"user_id": reader.id, "access_level": 20})
    with pytest.raises(RepositoryRefusedError, match="rôle Developer"):
        GitlabForge(forge.url, forge.user("lecteur")).project_evidence("cpam-bas-rhin/ferme", commit)


def test_active_projects_are_named_by_their_path(forge: RunningForge, gitlab: GitlabForge) -> None:
    forge.commit(PROJECT, {"a": "active"})
    assert PROJECT in gitlab.active_projects(datetime.now(UTC) - timedelta(minutes=1))


def test_a_project_that_is_not_there_is_its_owner_s_business(gitlab: GitlabForge) -> None:
    with pytest.raises(RepositoryRefusedError, match="cpam-bas-rhin/inconnu"):
        gitlab.pipelines("cpam-bas-rhin/inconnu", "a" * 40)


def test_a_token_that_was_rotated_is_the_platform_team_s_business(forge: RunningForge) -> None:
    with pytest.raises(BrokenInstallationError, match="jeton"):
        GitlabForge(forge.url, "glpat-perime").pipelines(PROJECT, "a" * 40)


def test_a_renamed_project_still_answers(forge: RunningForge) -> None:
    forge.project("cpam-bas-rhin/ancien", maintainers=("amcloud",))
    commit = forge.commit("cpam-bas-rhin/ancien", {"a": "1"})
    forge.client().projects.update(forge.project("cpam-bas-rhin/ancien").id, {"path": "nouveau", "name": "nouveau"})
    gitlab = GitlabForge(forge.url, forge.user("amcloud"))
    assert gitlab.set_status("cpam-bas-rhin/ancien", commit, FAILED) is True


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "status", "status": 503}, id="503"),
        pytest.param({"kind": "status", "status": 409}, id="409"),
        pytest.param({"kind": "reset"}, id="connection reset"),
        pytest.param({"kind": "truncated"}, id="truncated body"),
        pytest.param({"kind": "html"}, id="a proxy's page"),
    ],
)
def test_a_forge_in_trouble_is_asked_once_and_waited_for(
    forge: RunningForge, gitlab: GitlabForge, fault: dict[str, Any]
) -> None:
    commit = forge.commit(PROJECT, {".gitlab-ci.yml": None, "a": str(fault)})
    forge.fail({"path": "/api/v4/*", **fault})
    try:
        for call in (
            lambda: gitlab.pipelines(PROJECT, commit),
            lambda: gitlab.project_evidence(PROJECT, commit),
            lambda: gitlab.set_status(PROJECT, commit, FAILED),
            lambda: gitlab.active_projects(datetime.now(UTC)),
        ):
            with pytest.raises(ForgeUnavailableError) as caught:
                call()
            assert "<html" not in str(caught.value)
    finally:
        forge.fail()
    assert gitlab.set_status(PROJECT, commit, FAILED) is True


def test_a_rate_limit_says_when_to_come_back(forge: RunningForge, gitlab: GitlabForge) -> None:
    forge.fail({"kind": "rate-limit", "path": "/api/v4/*", "retry_after_s": 42})
    try:
        with pytest.raises(ForgeUnavailableError) as caught:
            gitlab.pipelines(PROJECT, "a" * 40)
    finally:
        forge.fail()
    assert caught.value.retry_after_s == 42.0
