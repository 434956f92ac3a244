"""Reports in a real PostgreSQL: append-only, stable from one day to the next."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, date, datetime

import msgspec
import psycopg
import pytest

from amcloud.clients.report_reader import ReportReader
from amcloud.clients.reports import PostgresReports
from amcloud.ports import Judged, Question
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.gate import Dossier
from amcloud.stored import StoredReport
from amcloud_sandbox.testing.services import PostgresServer, postgres
from psram import packs
from psram.evidence import dump
from psram.facts import Facts
from psram.judge import judge
from psram.model import Context, Evidence, PipelineEvidence, Stage, TestSummary, Track
from psram.reports import canonical_json

from .conftest import STAGE, local_app, parsed

__all__ = ["postgres"]
COMMIT = "c" * 40
PACK = NormPack("psram-2026.1", "sha256:" + "0" * 64, datetime(2026, 1, 1, tzinfo=UTC), frozenset())


def latest(url: str, namespace: str, app: str, stage: str, commit: str) -> StoredReport | None:
    return asyncio.run(ReportReader(url).by_commit(namespace, app, stage, commit))


def question(commit: str = COMMIT) -> Question:
    return Question(parsed(local_app()), STAGE, commit, None, PACK, Evidence(), Dossier(), ())


def judged(day: int, *, commit: str = COMMIT, truncated: str = "arrêté") -> Judged:
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 1, day))
    return Judged(judge(Facts(commit, "t" * 40, truncated=truncated), packs.load(), context), b"{}")


def test_the_same_report_on_another_day_keeps_its_address_and_its_bytes(postgres: PostgresServer) -> None:
    reports = PostgresReports(postgres.operator_url, "http://rapports.example/")
    url = reports.keep(question(), judged(1))
    assert url == f"http://rapports.example/cpam-bas-rhin/suivi-courriers/acceptance/{COMMIT}"
    assert reports.keep(question(), judged(2)) == url
    kept = latest(postgres.reports_url, "cpam-bas-rhin", "suivi-courriers", "acceptance", COMMIT)
    assert kept is not None
    assert kept.report == canonical_json(judged(1).report)


def test_a_report_that_says_something_else_becomes_the_latest(postgres: PostgresServer) -> None:
    reports = PostgresReports(postgres.operator_url, "http://rapports.example")
    commit = "d" * 40
    reports.keep(question(commit), judged(1, commit=commit))
    other = judged(1, commit=commit)
    other = dataclasses.replace(other, report=msgspec.structs.replace(other.report, sentence="Autre phrase."))
    reports.keep(question(commit), other)
    kept = latest(postgres.reports_url, "cpam-bas-rhin", "suivi-courriers", "acceptance", commit)
    assert kept is not None
    assert kept.report == canonical_json(other.report)
    with psycopg.connect(postgres.operator_url) as operator:
        count = operator.execute("SELECT count(*) FROM reports WHERE commit_sha = %s", (commit,)).fetchone()
    assert count == (2,)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM reports", "UPDATE report_contents SET report = ''", "TRUNCATE reports"]
)
def test_even_the_operator_does_not_change_what_was_said(postgres: PostgresServer, statement: str) -> None:
    PostgresReports(postgres.operator_url, "http://rapports.example").keep(question(), judged(1))
    with psycopg.connect(postgres.operator_url) as operator, pytest.raises(psycopg.errors.RaiseException):
        operator.execute(statement.encode())


def test_the_web_server_s_role_reads_and_nothing_else(postgres: PostgresServer) -> None:
    PostgresReports(postgres.operator_url, "http://rapports.example").keep(question(), judged(1))
    with psycopg.connect(postgres.reports_url) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("INSERT INTO report_contents VALUES ('x', '', '')")


def test_an_unknown_report_is_none(postgres: PostgresServer) -> None:
    PostgresReports(postgres.operator_url, "http://rapports.example").prepare()
    assert latest(postgres.reports_url, "a", "b", "acceptance", COMMIT) is None


def test_what_the_last_accepted_commit_counted_is_known_to_the_next_and_stays_what_it_was_once_that_is_let_in(
    postgres: PostgresServer,
) -> None:
    reports = PostgresReports(postgres.operator_url, "http://rapports.example")
    app, old, new = parsed(local_app()), "e" * 40, "f" * 40
    assert reports.accepted(app, STAGE.name, new, "0" * 40) is None

    def kept(commit: str, evidence: Evidence) -> None:
        context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 1, 1), evidence=evidence)
        facts, pack = Facts(commit, "t" * 40), packs.load()
        reports.keep(question(commit), Judged(judge(facts, pack, context), dump(facts, context, pack)))

    tests = TestSummary(12, 0, 0, 0)
    kept(old, Evidence(pipeline=PipelineEvidence(old, "success", tests=tests)))
    known = reports.accepted(app, STAGE.name, new, old)
    assert known is not None and (known.commit, known.tests) == (old, 12)
    kept(new, Evidence(accepted=known))
    assert reports.accepted(app, STAGE.name, new, new) == known
