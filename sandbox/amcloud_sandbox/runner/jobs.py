"""A pipeline's jobs: which may start, which are skipped, what each leaves. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_TIMEOUT_S = 900.0
UNITS_S = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "second": 1, "minute": 60}
REPORTS = ("junit", "codequality", "cyclonedx", "sast")
STARTS = frozenset({"on_success", "always", "on_failure", "delayed"})


@dataclass(frozen=True, slots=True)
class Job:
    """One job as gitlab-ci-local understood it. ``needs`` None: every job of earlier stages.

    ``reports``: kind and path of each report that GitLab keeps apart, as ``("junit", "junit.xml")``.
    """

    name: str
    stage: str
    when: str = "on_success"
    allow_failure: bool = False
    needs: tuple[str, ...] | None = None
    reports: tuple[tuple[str, str], ...] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S


def parse(listed: Sequence[Mapping[str, Any]], expanded: Mapping[str, Any]) -> tuple[Job, ...]:
    """Jobs in the order of their stages, from ``--list-json`` (rules applied) and ``--preview`` (everything else)."""
    stages = list(expanded.get("stages") or [])
    found = [_job(item, expanded.get(item["name"]) or {}) for item in listed if item.get("when") in STARTS]
    return tuple(sorted(found, key=lambda job: stages.index(job.stage) if job.stage in stages else len(stages)))


def _job(item: Mapping[str, Any], data: Mapping[str, Any]) -> Job:
    needs = item.get("needs")
    reports = (data.get("artifacts") or {}).get("reports") or {}
    allowed = item.get("allow_failure")
    return Job(
        name=str(item["name"]),
        stage=str(item.get("stage", "test")),
        when=str(item["when"]),
        allow_failure=bool(allowed),
        needs=tuple(str(need["job"]) for need in needs) if needs is not None else None,
        reports=tuple((kind, path) for kind in REPORTS for path in _texts(reports.get(kind))),
        timeout_s=min(seconds(data.get("timeout")), DEFAULT_TIMEOUT_S),
    )


def _texts(given: object) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, list | tuple) else (str(given),) if given else ()


def seconds(text: object) -> float:
    """A duration of GitLab's (``1h 30m``, ``90 seconds``); the longest allowed when absent or not understood."""
    words = "".join(char if char.isdigit() else f" {char}" if char == " " else char for char in str(text or "")).split()
    total, number = 0.0, ""
    for word in words:
        digits = "".join(char for char in word if char.isdigit())
        unit = word[len(digits) :].rstrip("s") or ("s" if word.endswith("s") else "")
        number = digits or number
        if unit in UNITS_S and number:
            total, number = total + int(number) * UNITS_S[unit], ""
    return total or DEFAULT_TIMEOUT_S


def may_start(job: Job, jobs: Sequence[Job], states: Mapping[str, str]) -> bool:
    """Whether the job runs, once all that it waits for is over (False: it is skipped).

    ``states``: outcome (``success``, ``failed``, ``skipped``, ``canceled``) of the jobs before it.
    """
    before = earlier(job, jobs)
    bad = [other for other in before if states.get(other.name) != "success" and not _forgiven(other, states)]
    if job.when == "always":
        return True
    return bool(bad) if job.when == "on_failure" else not bad


def _forgiven(job: Job, states: Mapping[str, str]) -> bool:
    state = states.get(job.name)
    # A job that waits for a failure is skipped in a sound pipeline: nothing is wrong with that.
    return (job.allow_failure and state == "failed") or (job.when == "on_failure" and state == "skipped")


def earlier(job: Job, jobs: Sequence[Job]) -> tuple[Job, ...]:
    """Jobs that must be over before ``job``."""
    if job.needs is not None:
        return tuple(other for other in jobs if other.name in job.needs)
    before = []
    for other in jobs:
        if other.stage == job.stage:
            break
        before.append(other)
    return tuple(before)
