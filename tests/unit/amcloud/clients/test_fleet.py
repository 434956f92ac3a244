"""The fleet of a rehearsal: every stage's last report, made again from its facts and its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from amcloud_samples import ORGANISATIONS, TWO

from amcloud.clients.fleet import Fleet, Known, Unknown
from amcloud.errors import RepositoryRefusedError, UnavailableError
from amcloud.stages.declared.app import App, Organisation, StageName
from amcloud.stages.objects.operations import Object
from amcloud.stored import StoredLine, StoredReport
from psram import evidence, packs
from psram.facts import Facts
from psram.model import Context, Stage, Track

FACTS = Facts(commit=TWO, tree="3" * 40)
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))


def local_app(name: str, **spec: Any) -> Object:
    whole = {
        "title": f"{name} (exemple)",
        "owner": {"organisation": "671"},
        "track": "homologation",
        "repository": {"project": f"cpam-bas-rhin/{name}"},
        "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
        "organisations": ["671"],
        **spec,
    }
    metadata = {"name": name, "namespace": "cpam-bas-rhin", "uid": name, "generation": 1}
    return {"metadata": metadata, "spec": {key: value for key, value in whole.items() if value is not None}}


class Apps:
    def __init__(self, *found: Object) -> None:
        self.found = list(found)

    def local_apps(self) -> list[Object]:
        return self.found

    def organisations(self) -> Mapping[str, Organisation]:
        return ORGANISATIONS

    def namespace_organisation(self, namespace: str) -> str | None:
        return "671" if namespace == "cpam-bas-rhin" else None


class Reports:
    """Reports of some applications, newest first."""

    def __init__(self, stored: Mapping[str, bytes], *, reached: bool = True) -> None:
        self._stored = stored
        self._reached = reached

    async def newest(self, namespace: str | None, app: str | None, *, most: int) -> list[StoredLine]:
        if not self._reached:
            raise UnavailableError("lecture des rapports : la base ne répond pas")
        names = [name for name in self._stored if name.startswith(f"{namespace}/{app}/")][:most]
        return [self._line(name) for name in names]

    async def by_digest(self, digest: str) -> StoredReport | None:
        line = self._line(digest)
        values = {field: getattr(line, field) for field in StoredLine.__slots__}
        return StoredReport(**values, report=b"", evidence=self._stored[digest])

    async def by_commit(self, namespace: str, app: str, stage: str, commit: str) -> StoredReport | None:
        raise AssertionError("not asked")

    async def alive(self) -> bool:
        return self._reached

    @staticmethod
    def _line(name: str) -> StoredLine:
        namespace, app, stage = name.split("/")
        return StoredLine(name, namespace, app, stage, TWO, "psram", "conforme", datetime(2026, 6, 1, tzinfo=UTC), "")


def bundle() -> bytes:
    return evidence.dump(FACTS, CONTEXT, packs.load())


def kept(_app: App, _commit: str) -> Facts:
    return FACTS


def answers(apps: Apps, reports: Reports, facts: Any = kept) -> list[Known | Unknown]:
    return [member() for member in Fleet(apps, reports, facts).members()]


def test_a_stage_is_known_by_the_facts_and_the_evidence_of_its_last_report() -> None:
    reports = Reports({"cpam-bas-rhin/suivi/acceptance": bundle()})
    (known,) = answers(Apps(local_app("suivi")), reports)
    assert known == Known("cpam-bas-rhin", "suivi", StageName.ACCEPTANCE, FACTS, CONTEXT)


def test_each_stage_of_an_application_is_asked_for_itself() -> None:
    stages = [{"name": "acceptance", "ref": {"branch": "main"}}, {"name": "production", "ref": {"tag": "v*"}}]
    found = answers(Apps(local_app("suivi", stages=stages)), Reports({"cpam-bas-rhin/suivi/acceptance": bundle()}))
    assert [type(one) for one in found] == [Known, Unknown]
    assert isinstance(found[1], Unknown)
    assert "aucun rapport" in found[1].problem


def test_an_application_that_is_never_hosted_is_left_out() -> None:
    assert answers(Apps(local_app("perso", track="hors-standard", stages=None)), Reports({})) == []


@pytest.mark.parametrize(
    ("app", "stored", "said"),
    [
        pytest.param(local_app("suivi", track="autre"), bundle(), "LocalApp invalide", id="manifest"),
        pytest.param(local_app("suivi"), b"{", "preuves", id="evidence"),
    ],
)
def test_one_that_cannot_be_told_is_a_line_of_its_own(app: Object, stored: bytes, said: str) -> None:
    reports = Reports({"cpam-bas-rhin/suivi/acceptance": stored, "cpam-bas-rhin/bonne/acceptance": bundle()})
    wrong, right = answers(Apps(app, local_app("bonne")), reports)
    assert isinstance(wrong, Unknown)
    assert said in wrong.problem
    assert isinstance(right, Known)


def test_sources_that_cannot_be_read_are_said_so() -> None:
    def refused(_app: App, _commit: str) -> Facts:
        raise RepositoryRefusedError("le dépôt n'existe plus")

    def cut(_app: App, commit: str) -> Facts:
        return Facts(commit, "", truncated="plus de 100000 fichiers")

    reports = Reports({"cpam-bas-rhin/suivi/acceptance": bundle()})
    for facts, said in ((refused, "n'existe plus"), (cut, "plus de 100000 fichiers")):
        (found,) = answers(Apps(local_app("suivi")), reports, facts)
        assert isinstance(found, Unknown)
        assert said in found.problem


def test_a_database_that_does_not_answer_ends_the_question() -> None:
    with pytest.raises(UnavailableError):
        answers(Apps(local_app("suivi")), Reports({}, reached=False))
