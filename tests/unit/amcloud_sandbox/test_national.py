"""The sample national service: it lets in whom it chose itself, and nobody else learns anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.national.access import Register
from amcloud_sandbox.national.insured import SAMPLES
from amcloud_sandbox.national.server import answer, listener

APP = "cpam-bas-rhin/suivi-courriers"


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path / "appelants")


def test_an_authorised_application_gets_what_each_version_knows(register: Register) -> None:
    bearer = f"Bearer {register.issue(APP)}"
    (status, content), caller = answer("/v2/assures/EX-0001", bearer, register)
    assert (int(status), content["droits"], caller) == (200, {"ouverts": True}, APP)
    (status, content), _ = answer("/v1/assures/EX-0001", bearer, register)
    assert (int(status), content) == (200, {"numero": "EX-0001", "nom": "Camille Exemple"})


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("", id="none"),
        pytest.param("Bearer inconnu", id="unknown"),
        pytest.param("Bearer ", id="empty"),
        pytest.param("Basic YTpi", id="another way"),
        pytest.param("Bearer " + "x" * 501, id="too long"),
        pytest.param("Bearer ../../etc/passwd\n", id="hostile"),
    ],
)
def test_a_missing_or_wrong_credential_is_refused_whatever_is_asked_for(authorization: str, register: Register) -> None:
    register.issue(APP)
    for path in ("/v2/assures/EX-0001", "/v2/assures/nul", "/v9/assures/EX-0001", "/ailleurs"):
        (status, content), caller = answer(path, authorization, register)
        assert (int(status), list(content), caller) == (401, ["erreur"], "")


def test_a_withdrawn_application_is_known_and_refused(register: Register) -> None:
    bearer = f"Bearer {register.issue(APP)}"
    register.withdraw(APP)
    (status, _), caller = answer("/v2/assures/EX-0001", bearer, register)
    assert (int(status), caller) == (403, APP)


def test_a_new_credential_ends_the_one_before(register: Register) -> None:
    before, after = register.issue(APP), register.issue(APP)
    assert int(answer("/v2/assures/EX-0001", f"Bearer {before}", register)[0][0]) == 401
    assert int(answer("/v2/assures/EX-0001", f"Bearer {after}", register)[0][0]) == 200


@pytest.mark.parametrize("path", ["/v9/assures/EX-0001", "/v2/assures/EX-9999", "/v2/assures/", "/v2/assures/../x"])
def test_what_does_not_exist_is_told_to_those_let_in(path: str, register: Register) -> None:
    assert int(answer(path, f"Bearer {register.issue(APP)}", register)[0][0]) == 404


def test_the_credential_is_kept_nowhere(register: Register) -> None:
    token = register.issue(APP)
    for path in register.folder.iterdir():
        assert token not in path.read_text(encoding="utf-8")
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("app", ["suivi", "../x/y", "a/b/c", "A/b", ""])
def test_an_application_is_named_with_its_namespace(app: str, register: Register) -> None:
    with pytest.raises(SandboxError):
        register.issue(app)
    with pytest.raises(SandboxError):
        register.withdraw(app)


def test_nobody_in_the_samples_could_be_somebody() -> None:
    for number, person in SAMPLES.items():
        assert number.startswith("EX-")
        assert any(word in person.name for word in ("Exemple", "Fictif", "Échantillon"))


@pytest.fixture
def served(register: Register) -> Iterator[str]:
    server = listener(register.folder, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_speaks_http_and_its_journal_tells_the_application_only(
    served: str, register: Register, capfd: pytest.CaptureFixture[str]
) -> None:
    token = register.issue(APP)
    assert requests.get(f"{served}/sante", timeout=5).json() == {"statut": "ok"}
    refused = requests.get(f"{served}/v2/assures/EX-0001", timeout=5)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    found = requests.get(f"{served}/v2/assures/EX-0001", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert found.json()["nom"] == "Camille Exemple"
    journal = capfd.readouterr().err
    assert APP in journal
    assert token not in journal and "EX-0001" not in journal
