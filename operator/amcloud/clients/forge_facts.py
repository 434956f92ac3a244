"""GitLab's JSON of a project, its protections, its CI configuration and its jobs → evidence. Pure and bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from psram.proofs import CiInclude, CiJob, ForgeEvidence, ProtectedRef

NO_ONE: Final = 0
PERSON: Final = 40
"""Level of a rule that names a person, a group or a deploy key: who may name them is a maintainer."""
MOST: Final = 200
TEXT_MOST: Final = 255

Json = Mapping[str, Any]


def project(found: Json, branches: Iterable[Json], tags: Iterable[Json], lint: Json) -> ForgeEvidence:
    """What the forge says of a project and of one commit's CI configuration.

    Without a date: it is asked again whenever it is judged with, so that it never grows old.
    """
    return ForgeEvidence(
        project=_text(found["path_with_namespace"]),
        project_id=int(found["id"]),
        default_branch=_text(found.get("default_branch")),
        protected_branches=tuple(sorted(map(_branch, branches), key=_by_pattern)[:MOST]),
        protected_tags=tuple(sorted(map(_tag, tags), key=_by_pattern)[:MOST]),
        includes=tuple(_includes(lint)),
        jobs=tuple(_jobs(lint)),
    )


def runners(jobs: Iterable[Json]) -> tuple[str, ...]:
    """Who ran these jobs, sorted: an instance's runner by its description, any other by ``#<number>``.

    Only administrators describe an instance's runner. A project's own may call itself what it likes: a number cannot
    be borrowed.
    """
    return tuple(sorted({_runner(job.get("runner")) for job in jobs if job.get("started_at") or job.get("runner")}))


def _runner(found: Any) -> str:
    if not isinstance(found, Mapping):
        return "inconnu"
    description = _text(found.get("description"))
    shared = found.get("runner_type") == "instance_type"
    return description if shared and description and not description.startswith("#") else f"#{int(found['id'])}"


def _branch(rule: Json) -> ProtectedRef:
    return ProtectedRef(
        pattern=_text(rule["name"]),
        force_push=bool(rule.get("allow_force_push")),
        push_level=_weakest(rule.get("push_access_levels")),
        merge_level=_weakest(rule.get("merge_access_levels")),
    )


def _tag(rule: Json) -> ProtectedRef:
    return ProtectedRef(pattern=_text(rule["name"]), push_level=_weakest(rule.get("create_access_levels")))


def _weakest(levels: Any) -> int:
    """The lowest level that is let through; 0, GitLab's "no one", when none is."""
    found = [PERSON if one.get("access_level") is None else int(one["access_level"]) for one in levels or ()]
    return min((level for level in found if level != NO_ONE), default=NO_ONE)


def _includes(lint: Json) -> Iterable[CiInclude]:
    """Every included file; one of the project itself, or from elsewhere than a project, has no ``project``."""
    for one in (lint.get("includes") or ())[:MOST]:
        extra = one.get("extra") or {}
        yield CiInclude(_text(extra.get("project")), _text(one.get("location")), _text(extra.get("ref")))


def _jobs(lint: Json) -> Iterable[CiJob]:
    for one in (lint.get("jobs") or ())[:MOST]:
        never = one.get("when") == "never"
        yield CiJob(_text(one.get("name")), allow_failure=bool(one.get("allow_failure")), never=never)


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:TEXT_MOST]


def _by_pattern(rule: ProtectedRef) -> str:
    return rule.pattern
