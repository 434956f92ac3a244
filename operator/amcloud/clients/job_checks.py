"""Checks as Kubernetes Jobs in the operator's own namespace: a fleet's checks spread over the cluster's nodes.

The Job reads and hands its facts back in its journal; judging stays here. What was tried is read in the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, assert_never

from amcloud.clients import handover
from amcloud.clients.budget import FETCH_REQUESTS, Budget
from amcloud.clients.handover import Handover, UnreadableError
from amcloud.clients.kubernetes_api import APPLY_PATCH, MERGE_PATCH, Api, ConflictError
from amcloud.errors import BrokenInstallationError, ForgeUnavailableError, RepositoryRefusedError, UnavailableError
from amcloud.ports import UnderWay
from amcloud.settings import FIELD_MANAGER, GROUP, Settings
from amcloud.stages.jobs import checking
from amcloud.stages.jobs.checking import Attempt, GiveUp, Read, Start, Subject, Wait
from amcloud.stages.objects.operations import Object
from psram.facts import Facts

DEADLINE_S: Final = 600
CONTAINER: Final = "check"
OF_CHECKS: Final = "app.kubernetes.io/name=amcloud,app.kubernetes.io/component=check"
UNANSWERING: Final = f"{GROUP}/unanswering"
"""Annotation of a Job that ended well and whose journal holds no answer: why."""
AGAIN_S: Final = 1.0


class JobChecks:
    """Reads commits, at most ``settings.check_jobs`` at the same time."""

    def __init__(
        self,
        api: Api,
        settings: Settings,
        templates: Mapping[str, str],
        *,
        engine: str,
        now: Callable[[], datetime],
        budget: Budget | None = None,
    ) -> None:
        self._budget = budget or Budget()
        self._api = api
        self._settings = settings
        self._templates = templates
        self._engine = engine
        self._now = now
        self._image = settings.check_image

    @property
    def goes_on(self) -> bool:
        """A Job has neither mirror nor cache: a second one would read the same."""
        return False

    def facts(self, subject: Subject) -> Facts | UnderWay:
        """Facts of the commit; under way until a Job has handed them back.

        Raises:
            RepositoryRefusedError: the Job could not fetch the commit within bounds.
            ForgeUnavailableError: the forge did not answer the Job.
            BrokenInstallationError: Jobs cannot be made here.
        """
        check = checking.check_id(subject.project, subject.commit, self._engine)
        step = checking.next_step(self._attempts(check))
        match step:
            case Start(number=number):
                return self._start(subject, check, number)
            case Wait(attempt=attempt):
                self._give_token(subject, attempt.name)
                return UnderWay("Les sources sont en cours de contrôle dans le cluster.", checking.POLL_S)
            case Read(attempt=attempt):
                return self._read(subject, attempt)
            case GiveUp(why=why):
                return Facts(commit=subject.commit, tree="", truncated=why)
        assert_never(step)

    def _attempts(self, check: str) -> tuple[Attempt, ...]:
        labels = f"{OF_CHECKS},{checking.CHECK}={check}"
        jobs = self._list("Job", labels)
        pods = self._list("Pod", labels) if any(_failed(job) for job in jobs) else []
        return tuple(self._attempt(job, pods) for job in jobs)

    def _attempt(self, job: Object, pods: list[Object]) -> Attempt:
        of_job = tuple(pod for pod in pods if _job_of(pod) == job["metadata"]["name"])
        seen = checking.attempt(job, of_job, age_s=self._age_s(job))
        why = (job["metadata"].get("annotations") or {}).get(UNANSWERING)
        return checking.unanswered(seen, why) if why else seen

    def _start(self, subject: Subject, check: str, number: int) -> UnderWay:
        jobs = self._list("Job", OF_CHECKS)
        for job in jobs:
            if checking.outdated(checking.attempt(job, (), age_s=self._age_s(job))):
                self._remove(job["metadata"]["name"])
        active = sum(1 for job in jobs if not _ended(job))
        if active >= self._settings.check_jobs:
            return UnderWay(f"Le contrôle attend son tour ({active} contrôles en cours).", checking.POLL_S)
        self._budget.spend(FETCH_REQUESTS)  # the Job asks the forge in our stead
        policy, job = checking.objects(
            subject,
            number,
            check=check,
            namespace=self._settings.namespace,
            image=self._own_image(),
            forge_url=self._settings.forge_url,
            deadline_s=DEADLINE_S,
            templates=self._templates,
        )
        self._apply(policy)
        try:
            made = self._api.create(self._path("Job"), job, doing="lancement d'un contrôle")
        except ConflictError:
            return UnderWay("Les sources sont en cours de contrôle dans le cluster.", AGAIN_S)
        if made is None:
            raise BrokenInstallationError(f"lancement d'un contrôle : l'espace {self._settings.namespace} n'existe pas")
        self._give_token(subject, made["metadata"]["name"], made)
        return UnderWay("Le contrôle des sources est lancé dans le cluster.", checking.POLL_S)

    def _give_token(self, subject: Subject, name: str, job: Object | None = None) -> None:
        """The Job's pod waits for this Secret: it is made after the Job, so that it goes with it."""
        if subject.token is None or (job is None and self._get("Secret", name) is not None):
            return
        found = job or self._get("Job", name)
        if found is not None:
            self._apply(checking.secret({"apiVersion": "batch/v1", **found}, subject.token))

    def _read(self, subject: Subject, attempt: Attempt) -> Facts | UnderWay:
        try:
            answer = handover.read(self._journal(attempt.name), commit=subject.commit)
        except UnreadableError as error:
            patch = {"metadata": {"annotations": {UNANSWERING: str(error)}}}
            self._api.patch(self._path("Job", attempt.name), patch, doing="constat d'un contrôle", kind=MERGE_PATCH)
            return UnderWay("Le contrôle n'a pas rendu de réponse : il est relancé.", AGAIN_S)
        if not answer.problem:  # a problem is kept for the round: the same content would meet it again
            self._remove(attempt.name)
        return _understood(answer, subject)

    def _journal(self, name: str) -> bytes:
        pods = [pod for pod in self._list("Pod", f"job-name={name}") if _job_of(pod) == name]
        done = next((pod for pod in pods if (pod.get("status") or {}).get("phase") == "Succeeded"), None)
        if done is None:
            raise UnreadableError("le pod du contrôle a disparu avant d'être lu")
        path = self._api.resource("", "Pod").path(self._settings.namespace, done["metadata"]["name"], "log")
        params = {"container": CONTAINER, "limitBytes": handover.JOURNAL_MOST_BYTES}
        found = self._api.content(path, doing="lecture du journal d'un contrôle", params=params)
        if found is None:
            raise UnreadableError("le journal du contrôle a disparu avant d'être lu")
        return found

    def _own_image(self) -> str:
        """The operator's image: as the settings say, else that of the pod which this is."""
        if not self._image:
            pod = self._get("Pod", self._settings.pod) if self._settings.pod else None
            containers = ((pod or {}).get("spec") or {}).get("containers") or [{}]
            self._image = str(containers[0].get("image") or "")
        if not self._image:
            raise BrokenInstallationError(
                "executor: kubernetes : l'image de l'opérateur n'est pas connue (AMCLOUD_POD, ou AMCLOUD_CHECK_IMAGE)"
            )
        return self._image

    def _age_s(self, job: Object) -> float:
        status = job.get("status") or {}
        ends = [c.get("lastTransitionTime") for c in status.get("conditions") or () if c.get("status") == "True"]
        since = next((end for end in ends if end), None) or job["metadata"].get("creationTimestamp")
        return (self._now() - datetime.fromisoformat(str(since))).total_seconds() if since else 0.0

    def _remove(self, name: str) -> None:
        self._api.delete(self._path("Job", name), doing=f"suppression du contrôle {name}")

    def _apply(self, desired: Object) -> None:
        metadata, kind = desired["metadata"], desired["kind"]
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        doing = f"application de {kind} « {metadata['name']} »"
        path = self._path(kind, metadata["name"])
        if self._api.patch(path, desired, doing=doing, kind=APPLY_PATCH, params=params) is None:
            raise UnavailableError(f"{doing} : son espace n'existe pas")

    def _list(self, kind: str, labels: str) -> list[Object]:
        return list(self._api.items(self._path(kind), doing="liste des contrôles en cours", labels=labels))

    def _get(self, kind: str, name: str) -> dict[str, Any] | None:
        return self._api.get(self._path(kind, name), doing=f"lecture de {kind} « {name} »")

    def _path(self, kind: str, name: str = "") -> str:
        group = {"Job": "batch", "NetworkPolicy": "networking.k8s.io"}.get(kind, "")
        return self._api.resource(group, kind).path(self._settings.namespace, name)


def _understood(answer: Handover, subject: Subject) -> Facts:
    if answer.refused:
        raise RepositoryRefusedError(answer.refused)
    if answer.unavailable:
        raise ForgeUnavailableError(answer.unavailable)
    unread = answer.problem or "analyse sans réponse"
    return answer.facts or Facts(commit=subject.commit, tree="", truncated=unread)


def _ended(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(c.get("type") in {"Complete", "Failed"} and c.get("status") == "True" for c in conditions)


def _failed(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Failed" and c.get("status") == "True" for c in conditions)


def _job_of(pod: Object) -> str:
    return next((o["name"] for o in pod["metadata"].get("ownerReferences") or () if o.get("kind") == "Job"), "")
