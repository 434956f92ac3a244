"""Routes as Symfony lists them, addresses that lead to a record, forms as a browser reads them, tokens of a walk."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from amcloud.clients.walking import issuer, pages, routes
from amcloud.clients.walking.routes import Route, UnreadableError

COURRIER = ("courrier", {"id": 2, "organisation": "999", "reference": "canari-999-k7f3"})
PIECE = ("piece_jointe", {"id": 7, "organisation": "999", "courrier_id": 2})


def listed(**entries: Any) -> str:
    return "PHP Deprecated: bavardage\n" + json.dumps(entries)


def entry(path: str, method: str = "GET", **others: Any) -> dict[str, Any]:
    return {"path": path, "method": method, "requirements": "NO CUSTOM", "defaults": {"_controller": "x"}, **others}


def route(path: str, **requirements: str) -> Route:
    return Route("GET", path, requirements, {})


def test_routes_are_read_one_a_method_those_that_read_first_and_tools_left_out() -> None:
    found = routes.parse(
        listed(
            a=entry("/a", "POST|GET"), b=entry("/b", "ANY"), c=entry("/_profiler"), d={"path": 3}, e=entry("/h", "HEAD")
        )
    )
    assert [(one.method, one.path) for one in found] == [("GET", "/a"), ("GET", "/b"), ("POST", "/a"), ("POST", "/b")]


@pytest.mark.parametrize("text", ["", "rien", "[1]", "{", json.dumps([1]), '{"a": ' + "[" * 5000])
def test_what_is_no_list_of_routes_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        routes.parse(text)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_any_list_is_read_or_refused(found: Any) -> None:
    try:
        for one in routes.parse(json.dumps(found)):
            routes.addresses(one, [COURRIER, PIECE])
    except UnreadableError:
        pass


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        pytest.param(route("/courriers"), "/courriers", id="nothing open"),
        pytest.param(route("/courriers/{id}"), "/courriers/2", id="the record that the path speaks of"),
        pytest.param(route("/pieces/{id}"), "/pieces/7", id="another one"),
        pytest.param(route("/pieces/{id}", id=r"\d{1,9}"), "/pieces/7", id="a requirement that holds"),
        pytest.param(route("/courriers/{courrierId}/pieces/{id}"), "/courriers/2/pieces/7", id="two records"),
        pytest.param(route("/courriers/par/{reference}"), "/courriers/par/canari-999-k7f3", id="a column"),
        pytest.param(route("/{_locale}/courriers/{id}", _locale="fr|en"), "/fr/courriers/2", id="a language"),
        pytest.param(route("/x/{id}", id="(unclosed"), "/x/2", id="an expression that only PHP reads"),
    ],
)
def test_an_address_leads_to_the_record_that_a_route_most_likely_means(asked: Route, first: str) -> None:
    assert routes.addresses(asked, [COURRIER, PIECE])[0] == first


def test_no_address_where_no_record_fits() -> None:
    assert routes.addresses(route("/codes/{code}", code="[A-Z]{3}"), [COURRIER]) == ()


PAGE = """<form method="post" action="/courriers/2/pieces" enctype="multipart/form-data">
<input type="hidden" name="_csrf" value="jeton"><input type="file" name="fichier"><input name="nom">
<input type="submit" name="s">
<input type="date" name="recu_le">
<select name="service"><option value="4">A</option><option value="5">B</option></select>
<select name="priorite"><option>basse</option><option selected>haute</option><option>nulle</option></select>
<input name="poste" pattern="[0-9]{2,10}"><input name="sigle" maxlength="3">
<textarea name="note"></textarea></form>
<form action="/courriers"><input name="q"><select name="statut"><option value="">Tous</option></select></form>
<a href="/courriers.csv?q=&amp;statut=">CSV</a><a href="https://ailleurs.example/?q=1">x</a>
<a href="//ailleurs.example/?q">y</a>"""


def test_a_form_is_filled_in_as_a_person_would() -> None:
    forms, _links = pages.read("/courriers/2", PAGE)
    assert forms[0].values("canari") == {
        "_csrf": "jeton", "nom": "canari", "recu_le": "2000-01-01", "service": "4", "note": "canari",
        "priorite": "haute", "poste": "12", "sigle": "can",
    }  # fmt: skip
    assert (forms[0].method, forms[0].action, forms[0].files) == ("POST", "/courriers/2/pieces", ("fichier",))


def test_questions_are_found_in_forms_and_links_of_the_site_itself() -> None:
    assert list(pages.queries(*pages.read("/", PAGE))) == [("/courriers", ("q",)), ("/courriers.csv", ("q", "statut"))]


@given(st.text())
def test_any_page_is_read(text: str) -> None:
    forms, links = pages.read("/", text)
    list(pages.queries(forms, links))


def test_the_provider_of_a_walk_signs_its_two_agents_in_and_gives_each_code_once() -> None:
    with issuer.serving("client-exemple", port=0) as provider:
        described = requests.get(f"{provider.url}/.well-known/openid-configuration", timeout=5).json()
        assert described["issuer"] == provider.url
        (key,) = requests.get(described["jwks_uri"], timeout=5).json()["keys"]
        assert (key["kty"], key["kid"]) == ("RSA", issuer.KEY_ID)
        asked = f"{provider.url}/authorize?client_id=client-exemple&redirect_uri=http://h.example/r&state=s&nonce=n"
        back = provider.allowed(asked, "999")
        assert back.startswith("http://h.example/r?code=") and back.endswith("&state=s")
        code = back.partition("code=")[2].partition("&")[0]
        form = {"grant_type": "authorization_code", "code": code}
        assert "id_token" in requests.post(described["token_endpoint"], data=form, timeout=5).json()
        assert requests.post(described["token_endpoint"], data=form, timeout=5).status_code == 404
        assert requests.get(f"{provider.url}/autre", timeout=5).status_code == 404


def test_nobody_is_sent_to_another_provider() -> None:
    with issuer.serving("client-exemple", port=0) as provider:
        for asked in ("", "/authorize", "http://ailleurs.example/authorize?client_id=client-exemple"):
            with pytest.raises(ValueError):
                provider.allowed(asked, "999")
