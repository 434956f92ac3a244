"""What an agent of one organisation can see and do of another's, over HTTP and in PostgreSQL itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import requests

from amcloud_sandbox import identity
from amcloud_sandbox.testing.php import DOMAIN, ORGANISATIONS, Application, Database, Workshop

RECORD = {
    "reference": "EX-1",
    "objet": "Courrier exemple",
    "expediteur": "Assuré exemple",
    "recu_le": "2026-01-05",
}


@pytest.fixture(scope="module")
def app(workshop: Workshop, serve: Callable[[Path], Application]) -> Application:
    """suivi-courriers, served for 671 and 681."""
    return serve(workshop.installed("suivi-courriers"))


def test_a_record_is_seen_by_its_organisation_only(app: Application) -> None:
    created = app.request("POST", "/courriers", host="671", token=app.token("671"), json=RECORD)
    assert created.status_code == 201, created.text
    place = created.headers["Location"]
    assert app.request("GET", place, host="671", token=app.token("671")).json()["organisation"] == "671"
    assert app.request("GET", place, host="681", token=app.token("681")).status_code == 404
    assert app.request("GET", "/courriers", host="681", token=app.token("681")).json()["courriers"] == []


def test_an_agent_of_another_organisation_is_refused(app: Application) -> None:
    refused = app.request("GET", "/courriers", host="671", token=app.token("681"))
    assert refused.status_code == 403
    assert "681" in refused.json()["erreur"]


@pytest.mark.parametrize(
    "host",
    ["cpam-inconnue", "", "671", "cpam-bas-rhin.autre"],
    ids=["unknown label", "no label", "a code", "two labels"],
)
def test_an_unknown_host_name_is_not_found(app: Application, host: str) -> None:
    name = f"{host}.{DOMAIN}".lstrip(".")
    answer = requests.get(
        f"{app.url}/courriers",
        headers={"Host": name, "Accept": "application/json", "Authorization": f"Bearer {app.token('671')}"},
        timeout=20,
    )
    assert answer.status_code == 404


def test_a_forwarded_host_name_is_not_believed(app: Application) -> None:
    answer = requests.get(
        f"{app.url}/courriers",
        headers={
            "Host": f"cpam-inconnue.{DOMAIN}",
            "X-Forwarded-Host": f"{ORGANISATIONS['671']}.{DOMAIN}",
            "Authorization": f"Bearer {app.token('671')}",
        },
        timeout=20,
    )
    assert answer.status_code == 404


def test_an_organisation_added_to_the_file_is_served_without_a_restart(app: Application) -> None:
    assert app.request("GET", "/courriers", host="311", token=app.token("311")).status_code == 404
    app.serve("671", "681", "311")
    began = time.monotonic()
    assert app.request("GET", "/courriers", host="311", token=app.token("311")).status_code == 200
    assert time.monotonic() - began < 5
    app.serve("671", "681")
    assert app.request("GET", "/courriers", host="311", token=app.token("311")).status_code == 404


def test_a_broken_organisations_file_serves_nobody_and_says_it_to_the_probe(app: Application) -> None:
    app.write_organisations('{"version": 1')
    try:
        assert app.request("GET", "/courriers", host="671", token=app.token("671")).status_code == 503
        assert requests.get(f"{app.url}/sante", timeout=20).status_code == 503
    finally:
        app.serve("671", "681")
    assert requests.get(f"{app.url}/sante", timeout=20).json() == {"statut": "ok"}


def test_row_security_holds_for_the_application_s_role_without_the_kit(app: Application, database: Database) -> None:
    app.request("POST", "/courriers", host="671", token=app.token("671"), json=RECORD)
    with psycopg.connect(database.app_url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM courrier").fetchone() == (0,)
        connection.execute("SELECT set_config('amcloud.organisation', '681', false)")
        assert connection.execute("SELECT count(*) FROM courrier").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO courrier (organisation, reference, objet, expediteur, recu_le)"
                " VALUES ('671', 'x', 'x', 'x', '2026-01-01')"
            )
        connection.execute("SELECT set_config('amcloud.organisation', '671', false)")
        (count,) = connection.execute("SELECT count(*) FROM courrier").fetchone() or (0,)
        assert count > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE courrier DISABLE ROW LEVEL SECURITY")


def test_the_scheduled_command_runs_for_each_organisation(app: Application) -> None:
    said = app.console("app:relances").splitlines()
    assert [line.split(" : ")[0] for line in said] == ["671", "681"]


def test_migrations_run_once(app: Application, database: Database) -> None:
    assert "déjà à jour" in app.console("amcloud:migrate", DATABASE_URL=database.owner_url)


def test_signing_in_with_a_browser_opens_the_organisation_s_pages(app: Application) -> None:
    browser = Browser(app)
    page = browser.sign_in("671", host="671")
    assert page.status_code == 200
    assert "Suivi des courriers" in page.text
    cookie = next(one for one in browser.session.cookies if one.name == "amcloud_session")
    assert cookie.has_nonstandard_attr("httponly")
    assert cookie.get_nonstandard_attr("samesite") == "lax"


def test_signing_in_at_the_host_name_of_another_organisation_is_refused(app: Application) -> None:
    refused = Browser(app).sign_in("681", host="671")
    assert refused.status_code == 403
    assert "681" in refused.text


def test_a_session_of_one_organisation_opens_nothing_at_another_s_host_name(app: Application) -> None:
    browser = Browser(app)
    browser.sign_in("671", host="671")
    stolen = {one.name: str(one.value) for one in browser.session.cookies}
    answer = requests.get(
        f"{app.url}/courriers", headers={"Host": f"{ORGANISATIONS['681']}.{DOMAIN}"}, cookies=stolen,
        allow_redirects=False, timeout=20,
    )  # fmt: skip
    assert answer.status_code == 403


def test_a_form_without_its_token_is_refused_and_with_it_is_accepted(app: Application) -> None:
    browser = Browser(app)
    page = browser.sign_in("671", host="671", path="/courriers/nouveau")
    forged = browser.post("/courriers", RECORD)
    assert forged.status_code == 403
    token = page.text.partition('name="_csrf" value="')[2].partition('"')[0]
    assert len(token) == 64
    assert browser.post("/courriers", {**RECORD, "_csrf": token}).status_code == 303


def test_a_page_asks_to_sign_in_and_a_program_is_told_401(app: Application) -> None:
    page = requests.get(
        f"{app.url}/courriers?q=x",
        headers={"Host": f"{ORGANISATIONS['671']}.{DOMAIN}"},
        allow_redirects=False,
        timeout=20,
    )
    assert page.status_code == 302
    assert page.headers["Location"] == "/connexion?retour=%2Fcourriers%3Fq%3Dx"
    assert app.request("GET", "/courriers", host="671").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda token: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"), id="another signature"),
        pytest.param(lambda token: "eyJhbGciOiJub25lIn0." + token.split(".")[1] + ".", id="no algorithm"),
        pytest.param(lambda _: "x.y.z", id="no JSON"),
        pytest.param(lambda _: "", id="empty"),
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(app: Application, change: Callable[[str], str]) -> None:
    assert app.request("GET", "/courriers", host="671", token=change(app.token("671")) or " ").status_code == 401


def test_a_token_made_for_another_application_is_refused(app: Application) -> None:
    token = app.token("671", client_id="une-autre-application")
    assert app.request("GET", "/courriers", host="671", token=token).status_code == 401


def test_answers_carry_the_security_headers(app: Application) -> None:
    headers = app.request("GET", "/courriers", host="671", token=app.token("671")).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in headers["Cache-Control"]


def test_an_attachment_is_kept_and_given_back_to_its_organisation_only(app: Application) -> None:
    token = app.token("671")
    place = app.request("POST", "/courriers", host="671", token=token, json=RECORD).headers["Location"]
    content = bytes(range(256))
    sent = app.request("POST", f"{place}/pieces", host="671", token=token, files={"fichier": ("exemple.bin", content)})
    assert sent.status_code == 303, sent.text
    number = 1
    while app.request("GET", f"/pieces/{number}", host="671", token=token).status_code != 200:
        number += 1
        assert number < 10
    assert app.request("GET", f"/pieces/{number}", host="671", token=token).content == content
    assert app.request("GET", f"/pieces/{number}", host="681", token=app.token("681")).status_code == 404


class Browser:
    """Follows redirections like a browser whose names of hosts all lead to the application."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.session = requests.Session()
        self.host = ""

    def sign_in(self, agent: str, *, host: str, path: str = "/courriers") -> requests.Response:
        """The page at ``path`` once the agent has signed in, or the refusal."""
        self.host = f"{ORGANISATIONS[host]}.{DOMAIN}"
        to_sign_in = self._get(path)
        to_provider = self._get(to_sign_in.headers["Location"])
        place = to_provider.headers["Location"]
        assert place.startswith(self.app.issuer)
        subject = identity.agent_of(agent).subject
        accepted = requests.post(place, data={"sub": subject}, allow_redirects=False, timeout=20)
        answer = self._get("/" + accepted.headers["Location"].partition("//")[2].partition("/")[2])
        return self._get(answer.headers["Location"]) if answer.status_code == 302 else answer

    def post(self, path: str, data: dict[str, str]) -> requests.Response:
        """The answer to a form."""
        return self.session.post(
            self.app.url + path, data=data, headers={"Host": self.host}, allow_redirects=False, timeout=20
        )

    def _get(self, path: str) -> requests.Response:
        return self.session.get(self.app.url + path, headers={"Host": self.host}, allow_redirects=False, timeout=20)
