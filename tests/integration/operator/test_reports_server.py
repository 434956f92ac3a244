"""``amcloud serve-reports`` on a real PostgreSQL, with the role that may only read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
import requests
from patience import until

from amcloud.clients.reports import PostgresReports
from amcloud.ports import Judged, Question
from amcloud.stages import manifest
from amcloud.stages.declared.app import Organisation, StageName
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.gate import Dossier
from amcloud.stages.to_forge.badge import Badge, State
from amcloud_sandbox.control_plane import free_port
from amcloud_sandbox.testing.services import PostgresServer
from psram import packs
from psram.facts import Facts
from psram.judge import judge
from psram.model import Context, Evidence, Stage, Track
from psram.reports import canonical_json

from .conftest import local_app

COMMIT = "c" * 40
ORGANISATIONS = {
    code: Organisation(code, label, label, label)
    for code, label in (("671", "cpam-bas-rhin"), ("681", "cpam-haut-rhin"))
}


@pytest.fixture(scope="module")
def stored(postgres: PostgresServer) -> Judged:
    """One report is stored, as a pass does."""
    found = local_app("rapportee")
    found["metadata"] |= {"uid": "u", "generation": 1}
    app = manifest.parse(found, ORGANISATIONS, lambda _: "671")
    pack = NormPack(packs.DEFAULT, packs.load().digest, datetime(2026, 1, 1, tzinfo=UTC), frozenset())
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 3, 1))
    judged = Judged(judge(Facts(COMMIT, "d" * 40, truncated="arrêté"), packs.load(), context), b'{"preuves":1}')
    question = Question(app, app.stages[0], COMMIT, None, pack, Evidence(), Dossier(), ())
    PostgresReports(postgres.operator_url, "http://rapports.example").keep(question, judged)
    return judged


@pytest.fixture(scope="module")
def server(postgres: PostgresServer, stored: Judged) -> Iterator[str]:
    """Address of the running server."""
    with serving(postgres) as url:
        yield url


@contextmanager
def serving(postgres: PostgresServer) -> Iterator[str]:
    """The reports' web server runs, as the role that may only read; its address."""
    port = free_port()
    command = [sys.executable, "-m", "amcloud", "serve-reports", "--port", str(port)]
    environment = {"PATH": os.environ["PATH"], "AMCLOUD_REPORTS_DATABASE_URL": postgres.reports_url}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            assert process.poll() is None
            try:
                return requests.get(f"{url}/sante", timeout=5).ok
            except requests.ConnectionError:
                return False

        until("the reports' server", answers)
        yield url
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_the_stored_report_is_at_its_address_byte_for_byte(server: str, stored: Judged) -> None:
    base = f"{server}/cpam-bas-rhin/rapportee/acceptance/{COMMIT}"
    assert requests.get(f"{base}.json", timeout=5).content == canonical_json(stored.report)
    assert requests.get(f"{base}/evidence.json", timeout=5).content == stored.evidence
    page = requests.get(base, timeout=5)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert COMMIT[:12] in page.text
    digest = page.headers["ETag"].strip('"').removesuffix("-html")
    assert f"/rapports/{digest}" in page.text, "the page leads to its permanent address"
    assert requests.get(f"{server}/rapports/{digest}.json", timeout=5).content == canonical_json(stored.report)
    permanent = requests.get(f"{server}/rapports/{digest}", timeout=5)
    assert COMMIT[:12] in permanent.text


def test_the_index_lists_it_and_the_rest_is_a_page_in_french(server: str) -> None:
    assert "rapportee" in requests.get(server, timeout=5).text
    missing = requests.get(f"{server}/cpam-bas-rhin/autre", timeout=5)
    assert missing.status_code == 404
    assert "Page introuvable" in missing.text


def test_a_badge_is_read_where_a_pass_wrote_it_and_its_state_keeps_its_first_day(
    server: str, postgres: PostgresServer
) -> None:
    store = PostgresReports(postgres.operator_url, "http://rapports.example")
    stage, badge = StageName.ACCEPTANCE, f"{server}/cpam-bas-rhin/rapportee/badge.svg"
    for day, sentence in ((1, "Phrase <une> & 'autre'."), (2, "Phrase.")):
        warned = Badge(stage, State.WARNED, sentence)
        store.show("cpam-bas-rhin", "rapportee", [warned], stages=[stage], today=date(2026, 3, day))
    found = requests.get(badge, timeout=5)
    assert found.headers["Content-Type"].startswith("image/svg+xml")
    assert "avertie depuis le 01/03/2026" in found.text and "Phrase." in found.text
    assert requests.get(badge, headers={"If-None-Match": found.headers["ETag"]}, timeout=5).status_code == 304
    store.show("cpam-bas-rhin", "rapportee", [Badge(stage, State.FROZEN, "x")], stages=[stage], today=date(2026, 3, 3))
    assert "gelée depuis le 03/03/2026" in requests.get(badge, timeout=5).text
    store.show("cpam-bas-rhin", "rapportee", [], stages=[], today=date(2026, 3, 4))
    assert requests.get(badge, timeout=5).status_code == 404


def test_its_role_can_change_nothing(postgres: PostgresServer, stored: Judged) -> None:
    with psycopg.connect(postgres.reports_url) as connection:
        for statement in ("DELETE FROM reports", "UPDATE reports SET verdict = 'conforme'", "CREATE TABLE x ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()


def test_the_evidence_command_writes_the_file(server: str, stored: Judged, tmp_path: Path) -> None:
    base = f"{server}/cpam-bas-rhin/rapportee/acceptance/{COMMIT}"
    command = [sys.executable, "-m", "amcloud", "evidence"]
    done = subprocess.run(
        [*command, base, "-o", str(tmp_path / "preuves.json")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "preuves.json").read_bytes() == stored.evidence
    wrong = subprocess.run([*command, f"{server}/absent"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert wrong.returncode == 1
    assert "404" in wrong.stderr
