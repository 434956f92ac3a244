"""Environments and deployments of GitLab (:class:`amcloud.ports.Deployments`).

What was recorded is not looked at again for an hour, so that a pass without news costs no request; then it is compared
with what GitLab shows, and put right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, assert_never

import gitlab
import requests
from gitlab.v4.objects import Project, ProjectEnvironment

from amcloud.clients.forge_calls import ONCE, ForgeCalls
from amcloud.stages.declared.app import RefKind, StageName
from amcloud.stages.to_forge.deployments import TIERS, Change, Deployment, Records, State, change, environment

RECORDED_S: Final = 3600.0
REMEMBERED: Final = 5000
_Done = tuple[Deployment | None, float]


class GitlabDeployments:
    """Adapter of one GitLab."""

    def __init__(self, calls: ForgeCalls, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._clock = clock
        self._done: dict[tuple[str, StageName], _Done] = {}

    def record(self, project: str, records: Records) -> bool:
        """GitLab shows these deployments, and stopped environments where nothing runs; whether something was asked."""
        news = [one for one in records.deployments if not self._known(project, one.stage, one)]
        ended = [stage for stage in sorted(records.ended) if not self._known(project, stage, None)]
        if not news and not ended:
            return False
        with self._calls.asking(f"déploiements de {project} sur la forge", project):
            owner = self._calls.project(project)
            found = _environments(owner)
            for stage in ended:
                _stop(found.get(environment(stage)))
                self._remember(project, stage, None)
            for one in news:
                _deploy(owner, found.get(environment(one.stage)), one)
                self._remember(project, one.stage, one)
        return True

    def _known(self, project: str, stage: StageName, wanted: Deployment | None) -> bool:
        done = self._done.get((project, stage))
        return done is not None and done[0] == wanted and self._clock() - done[1] <= RECORDED_S

    def _remember(self, project: str, stage: StageName, wanted: Deployment | None) -> None:
        self._done.pop((project, stage), None)
        while len(self._done) >= REMEMBERED:
            self._done.pop(next(iter(self._done)), None)
        self._done[project, stage] = (wanted, self._clock())


def _environments(project: Project) -> dict[str, ProjectEnvironment]:
    """Ours, by name; what a project's own pipelines call otherwise is theirs."""
    names = {environment(stage) for stage in StageName}
    listed: Iterable[Any] = project.environments.list(
        search=environment(StageName.PRODUCTION)[:8], get_all=True, **ONCE
    )
    return {one.name: one for one in listed if one.name in names}


def _stop(found: ProjectEnvironment | None) -> None:
    if found is not None and found.attributes.get("state") == "available":
        found.manager.gitlab.http_post(
            f"{found.manager.path}/{found.encoded_id}/stop", post_data={"force": True}, **ONCE
        )


def _deploy(project: Project, place: ProjectEnvironment | None, wanted: Deployment) -> None:
    name = environment(wanted.stage)
    last: Mapping[str, Any] = {}
    if place is None:
        _create(project, name, wanted)
    else:
        if wanted.url and place.attributes.get("external_url") != wanted.url:
            project.environments.update(place.encoded_id, {"external_url": wanted.url}, **ONCE)
        last = _last(project, name)
    available = place is not None and place.attributes.get("state") == "available"
    state = str(last.get("status", ""))
    match step := change(wanted, commit=str(last.get("sha", "")), state=state, available=available):
        case Change.NONE:
            return
        case Change.FINISH:
            project.deployments.update(int(last["id"]), {"status": wanted.state.value}, **ONCE)
        case Change.SUPERSEDE:
            project.deployments.update(int(last["id"]), {"status": State.CANCELED.value}, **ONCE)
            _begin(project, name, wanted)
        case Change.BEGIN:
            _begin(project, name, wanted)
        case _:
            assert_never(step)


def _begin(project: Project, name: str, wanted: Deployment) -> None:
    tagged = wanted.ref.kind is RefKind.TAG
    tag = _tag(project, wanted.commit) if tagged else ""
    project.deployments.create(
        {
            "environment": name,
            "sha": wanted.commit,
            "ref": tag if tagged and tag else wanted.commit if tagged else wanted.ref.pattern,
            "tag": bool(tag),
            "status": wanted.state.value,
        },
        **ONCE,
    )


def _create(project: Project, name: str, wanted: Deployment) -> None:
    body = {"name": name, "tier": TIERS[wanted.stage], **({"external_url": wanted.url} if wanted.url else {})}
    try:
        project.environments.create(body, **ONCE)
    except gitlab.GitlabCreateError as error:
        taken = error.response_code == requests.codes.bad_request and "taken" in str(error.error_message)
        if not taken:  # by another pass, a moment ago
            raise


def _last(project: Project, name: str) -> Mapping[str, Any]:
    listed = project.deployments.list(environment=name, order_by="id", sort="desc", per_page=1, get_all=False, **ONCE)
    return next((dict(one.attributes) for one in listed), {})


def _tag(project: Project, commit: str) -> str:
    """The tag of a commit, the last by name when there are several."""
    listed = project.commits.get(commit, lazy=True).refs("tag", **ONCE)
    return max((str(one["name"]) for one in listed if one.get("type") == "tag"), default="")
