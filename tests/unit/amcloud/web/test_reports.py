"""The reports' pages: stable addresses, two forms, headers, and pages in French for what is not there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, replace
from typing import Any, ClassVar

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from amcloud_samples import ONE, START, TWO, report, result

from amcloud.errors import UnavailableError
from amcloud.stored import StoredLine, StoredReport
from amcloud.web.reports import application
from psram.evidence import SCHEMA, Bundle
from psram.model import Context, Stage, Track
from psram.proofs import Accepted, Evidence
from psram.reports import FORMATS, Format, canonical_json

DIGEST = "d" * 64
BASE = f"/cpam-bas-rhin/suivi-courriers/acceptance/{ONE}"
STORED = StoredReport(
    digest=DIGEST,
    namespace="cpam-bas-rhin",
    app="suivi-courriers",
    stage="acceptance",
    commit=ONE,
    pack="<script>alert(1)</script>",
    verdict="non_conforme",
    recorded_at=START,
    correlation="13792a34-cac6-4fda-95a8-c58e00a3954e",
    report=canonical_json(report(ONE, result())),
    evidence=b'{"facts":{}}',
)
LINE = StoredLine(*(getattr(STORED, field.name) for field in fields(StoredLine)))


class Store:
    """One stored report, and others by commit."""

    down = False
    stored = STORED
    others: ClassVar[dict[str, StoredReport]] = {}

    async def by_commit(self, namespace: str, app: str, stage: str, commit: str) -> StoredReport | None:
        self._reach()
        known = (STORED.namespace, STORED.app, STORED.stage, STORED.commit)
        return self.stored if (namespace, app, stage, commit) == known else self.others.get(commit)

    async def by_digest(self, digest: str) -> StoredReport | None:
        self._reach()
        return self.stored if digest == DIGEST else None

    async def newest(self, namespace: str | None, app: str | None, *, most: int) -> list[StoredLine]:
        self._reach()
        return [LINE] if namespace in {None, LINE.namespace} and app in {None, LINE.app} else []

    async def alive(self) -> bool:
        return not self.down

    def _reach(self) -> None:
        if self.down:
            raise UnavailableError("lecture des rapports : la base ne répond pas")


def ask(path: str, *, method: str = "GET", down: bool = False) -> tuple[int, str, dict[str, str]]:
    async def run() -> tuple[int, str, dict[str, str]]:
        store = Store()
        store.down = down
        async with TestClient(TestServer(application(store))) as client:
            reply = await client.request(method, path)
            return reply.status, await reply.text(), dict(reply.headers)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        (BASE, "text/html", "SEC-001"),
        (f"{BASE}.json", "application/json", "non_conforme"),
        (f"{BASE}?format=json", "application/json", "non_conforme"),
        (f"{BASE}/evidence.json", "application/json", "facts"),
        (f"/rapports/{DIGEST}", "text/html", "SEC-001"),
        (f"/rapports/{DIGEST}.json", "application/json", "non_conforme"),
        (f"/rapports/{DIGEST}/evidence.json", "application/json", "facts"),
        ("/", "text/html", "suivi-courriers"),
        ("/cpam-bas-rhin", "text/html", "suivi-courriers"),
        ("/cpam-bas-rhin/suivi-courriers", "text/html", ONE[:12]),
    ],
)
def test_an_address_gives_its_report(path: str, kind: str, content: str) -> None:
    status, text, headers = ask(path)
    assert status == 200
    assert headers["Content-Type"].startswith(kind)
    assert content in text


@pytest.mark.parametrize("form", [form for form in FORMATS.values() if form.name != "json"], ids=lambda form: form.name)
@pytest.mark.parametrize("address", [BASE, f"/rapports/{DIGEST}"], ids=["newest", "permanent"])
def test_every_form_is_served_by_its_extension_and_by_its_name_with_its_type(form: Format, address: str) -> None:
    status, text, headers = ask(f"{address}{form.extension}")
    assert status == 200
    assert headers["Content-Type"] == form.media_type
    assert "SEC-001" in text
    assert ask(f"{address}?format={form.name}")[1] == text
    assert headers["Etag"] == f'"{DIGEST}-{form.name}"'


def test_the_page_leads_to_every_form() -> None:
    page = ask(BASE)[1]
    for form in FORMATS.values():
        assert form.name == "html" or f'href="/rapports/{DIGEST}{form.extension}"' in page


def test_what_changed_since_the_last_accepted_commit_is_told_at_the_newest_address_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = report(TWO)
    context = Context(
        Track.HOMOLOGATION, Stage.ACCEPTANCE, before.evaluated_on, evidence=Evidence(accepted=Accepted(TWO))
    )
    monkeypatch.setitem(Store.others, TWO, replace(STORED, commit=TWO, report=canonical_json(before)))
    bundle = Bundle(SCHEMA, "1", ONE, "", before.pack, context)
    monkeypatch.setattr(Store, "stored", replace(STORED, evidence=msgspec.json.encode(bundle)))
    newest = json.loads(ask(f"{BASE}.sarif")[1])
    assert {one.get("baselineState") for one in newest["runs"][0]["results"]} >= {"new"}
    lasting = json.loads(ask(f"/rapports/{DIGEST}.sarif")[1])
    assert {one.get("baselineState") for one in lasting["runs"][0]["results"]} == {None}


def test_a_report_of_another_engine_is_said_to_be_one_and_its_bytes_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "stored", replace(STORED, report=b'{"schema": "psram.report/9"}'))
    status, text, _ = ask(BASE)
    assert status == 200 and "autre moteur" in text
    assert ask(f"{BASE}.json")[1] == '{"schema": "psram.report/9"}'


def test_json_is_the_stored_bytes() -> None:
    assert ask(f"{BASE}.json")[1].encode() == STORED.report


@pytest.mark.parametrize(
    "path",
    [
        "/inconnu",
        "/cpam-bas-rhin/inconnu",
        f"/cpam-bas-rhin/suivi-courriers/recette/{ONE}",
        "/cpam-bas-rhin/suivi-courriers/acceptance/main",
        f"/cpam-bas-rhin/suivi-courriers/production/{ONE}",
        f"/rapports/{'e' * 64}",
        "/rapports/../../etc/passwd",
        "/Cpam%20%27--/x",
        "/a/b/c/d/e/f",
    ],
)
def test_an_unknown_address_gets_a_page_in_french(path: str) -> None:
    status, text, headers = ask(path)
    assert status == 404
    assert "Aucun rapport n&#39;est enregistré à cette adresse" in text
    assert "Content-Security-Policy" in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(method: str) -> None:
    assert ask(BASE, method=method)[0] == 405


def test_a_lost_database_is_said_and_comes_back() -> None:
    status, text, headers = ask(BASE, down=True)
    assert status == 503 and "la base ne répond pas" in text and headers["Retry-After"] == "10"
    assert ask("/sante", down=True)[0] == 503
    assert ask("/vivant", down=True)[0] == 200
    assert ask("/sante")[0] == 200


def test_every_answer_carries_the_security_headers() -> None:
    for path in ("/", BASE, f"{BASE}.json", "/inconnu"):
        headers: dict[str, Any] = ask(path)[2]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_what_a_repository_wrote_is_text_on_the_index() -> None:
    assert "<script>alert" not in ask("/")[1]
    assert "&lt;script&gt;" in ask("/")[1]


def test_a_permanent_address_may_be_kept_by_caches_and_the_newest_one_not() -> None:
    assert "immutable" in ask(f"/rapports/{DIGEST}")[2]["Cache-Control"]
    assert ask(BASE)[2]["Cache-Control"] == "no-cache"


def test_a_page_names_its_application_and_leads_to_its_other_forms() -> None:
    page = ask(BASE)[1]
    assert "Rapport de conformité\N{NO-BREAK SPACE}: cpam-bas-rhin/suivi-courriers" in page
    for address in ("/cpam-bas-rhin/suivi-courriers", f"/rapports/{DIGEST}.json", f"/rapports/{DIGEST}/evidence.json"):
        assert f'href="{address}"' in page
        assert ask(address)[0] == 200


def test_a_permanent_page_names_no_application_since_two_may_share_a_verdict() -> None:
    page = ask(f"/rapports/{DIGEST}")[1]
    assert "suivi-courriers" not in page
    assert f'href="/rapports/{DIGEST}.json"' in page
