"""Reports kept in the operator's PostgreSQL database (:class:`amcloud.ports.Reports`). Read by ``report_reader``.

Append-only and content-addressed. A report that says the same as the last one but for its date is not kept again: what
an auditor recomputes today has the bytes of the day when it was first said.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import psycopg

from amcloud.clients import baseline
from amcloud.clients.database import CONNECT_S, STATEMENT_S, translated
from amcloud.ports import Judged, Question
from amcloud.stages.declared.app import App, StageName
from amcloud.stages.to_cluster.status import CORRELATION_LONGEST
from amcloud.stages.to_forge.badge import Badge
from psram import evidence
from psram.errors import PsramError
from psram.model import Report
from psram.proofs import Accepted
from psram.reports import canonical_json
from psram.reports.canonical import parse

LOCK: Final = 0x616D636C6F7564  # "amcloud"
ACCEPTED_REMEMBERED: Final = 500
_SHOW: Final = (
    "INSERT INTO badges (namespace, app, stage, state, sentence, day, since) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (namespace, app, stage) DO UPDATE SET state = EXCLUDED.state, sentence = EXCLUDED.sentence,"
    " day = EXCLUDED.day, since = CASE WHEN badges.state = EXCLUDED.state THEN badges.since ELSE EXCLUDED.since END"
)


def same_but_for_date(kept: bytes, current: Report) -> bool:
    """Whether ``kept``, a canonical report, says what ``current`` says, the day of evaluation left out."""
    try:
        before = parse(kept)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False  # written by an engine whose reports this one cannot read
    return msgspec.structs.replace(before, evaluated_on=current.evaluated_on) == current


class PostgresReports:
    """Adapter of the reports' tables. ``public_url`` is where their web server answers."""

    def __init__(self, url: str, public_url: str) -> None:
        self._url = url
        self._public_url = public_url.rstrip("/")
        self._ready = False
        self._lock = threading.Lock()
        self._shown: dict[tuple[str, str], tuple[tuple[Badge, ...], frozenset[StageName]]] = {}
        self._accepted: dict[tuple[str, str, str, str, str], Accepted | None] = {}

    def keep(self, question: Question, judged: Judged) -> str:
        """Stable public URL of the report, which is stored unless the same one already is."""
        app, stage, commit = question.app, question.stage.name.value, question.commit
        content = canonical_json(judged.report)
        digest = hashlib.sha256(content).hexdigest()
        with self._connected(f"enregistrement du rapport de {app.name} ({commit[:12]})") as connection:
            last = _last(connection, app.namespace, app.name, stage, commit)
            if last is None or not same_but_for_date(last, judged.report):
                connection.execute(
                    "INSERT INTO report_contents (digest, report, evidence) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (digest, content, judged.evidence),
                )
                connection.execute(
                    "INSERT INTO reports (namespace, app, stage, commit_sha, digest, verdict, pack, correlation)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    (app.namespace, app.name, stage, commit, digest, judged.report.verdict, question.pack.version,
                     question.correlation[:CORRELATION_LONGEST]),
                )  # fmt: skip
        return self.url(app, question.stage.name, commit)

    def url(self, app: App, stage: StageName, commit: str) -> str:
        """Where the report of a commit is, once it is kept."""
        return f"{self._public_url}/{app.namespace}/{app.name}/{stage.value}/{commit}"

    def judged(self, app: App, stage: StageName, commits: Sequence[str]) -> frozenset[str]:
        """Those of ``commits`` of which a report is kept."""
        if not commits:
            return frozenset()
        with self._connected(f"recherche des rapports de {app.name}") as connection:
            found = connection.execute(
                "SELECT DISTINCT commit_sha FROM reports"
                " WHERE namespace = %s AND app = %s AND stage = %s AND commit_sha = ANY(%s)",
                (app.namespace, app.name, stage.value, list(commits)),
            ).fetchall()
        return frozenset(str(row[0]) for row in found)

    def accepted(self, app: App, stage: StageName, commit: str, was: str) -> Accepted | None:
        """What commit ``was``, let in last at this stage, counted; ``None`` when its report is not known.

        For ``commit`` itself, once it is let in, what it was compared with then: its verdict does not change by that.
        """
        key = (app.namespace, app.name, stage.value, commit, was)
        with self._lock:
            if key in self._accepted:
                return self._accepted[key]
        with self._connected(f"lecture du dernier rapport accepté de {app.name}") as connection:
            row = _stored(connection, app.namespace, app.name, stage.value, was)
        found = None if row is None else _accepted(row, same=commit == was)
        with self._lock:
            while len(self._accepted) >= ACCEPTED_REMEMBERED:
                self._accepted.pop(next(iter(self._accepted)))
            self._accepted[key] = found
        return found

    def report(self, app: App, stage: StageName, commit: str) -> Report | None:
        """The newest report of a commit at a stage; ``None`` when there is none that this engine can read."""
        with self._connected(f"lecture du rapport de {app.name} ({commit[:12]})") as connection:
            row = _stored(connection, app.namespace, app.name, stage.value, commit)
        try:
            return None if row is None else parse(row[0])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def show(
        self, namespace: str, app: str, badges: Sequence[Badge], *, stages: Collection[StageName], today: date
    ) -> None:
        """The application has these badges, and none of other ``stages``; a state that holds keeps its first day."""
        wanted = (tuple(badges), frozenset(stages))
        with self._lock:
            if self._shown.get((namespace, app)) == wanted:
                return
        with self._connected(f"mise à jour de la pastille de {app}") as connection:
            connection.execute(
                "DELETE FROM badges WHERE namespace = %s AND app = %s AND NOT stage = ANY(%s)",
                (namespace, app, [str(stage) for stage in stages]),
            )
            for one in badges:
                connection.execute(_SHOW, (namespace, app, one.stage, one.state, one.sentence[:255], one.day, today))
        with self._lock:
            self._shown[namespace, app] = wanted

    def prepare(self) -> None:
        """The tables exist. Called by itself before the first report."""
        with self._connected("préparation de la base des rapports"):
            pass

    @contextmanager
    def _connected(self, doing: str) -> Iterator[psycopg.Connection]:
        try:
            with psycopg.connect(
                self._url, connect_timeout=CONNECT_S, options=f"-c statement_timeout={STATEMENT_S * 1000}"
            ) as connection:
                with self._lock:
                    if not self._ready:
                        _migrate(connection)
                        self._ready = True
                yield connection
        except psycopg.Error as error:
            raise translated(error, doing) from error


def _last(connection: psycopg.Connection, namespace: str, app: str, stage: str, commit: str) -> bytes | None:
    found = _stored(connection, namespace, app, stage, commit)
    return None if found is None else found[0]


def _stored(
    connection: psycopg.Connection, namespace: str, app: str, stage: str, commit: str
) -> tuple[bytes, bytes] | None:
    """The newest report of a commit at a stage, and its evidence."""
    found = connection.execute(
        "SELECT report, evidence FROM reports JOIN report_contents USING (digest)"
        " WHERE (namespace, app, stage, commit_sha) = (%s, %s, %s, %s) ORDER BY id DESC LIMIT 1",
        (namespace, app, stage, commit),
    ).fetchone()
    return None if found is None else (bytes(found[0]), bytes(found[1]))


def _accepted(row: tuple[bytes, bytes], *, same: bool) -> Accepted | None:
    """What a stored report says for those that come after; ``None`` when another engine wrote it in its own way."""
    try:
        bundle = evidence.load(row[1])
        return bundle.context.evidence.accepted if same else baseline.accepted(parse(row[0]), bundle)
    except (PsramError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _migrate(connection: psycopg.Connection) -> None:
    """The tables exist; two operators that start at the same time wait for each other."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())
    connection.commit()
