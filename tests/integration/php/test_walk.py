"""The walk over the routes of real applications: what is closed is proven closed, what leaks over HTTP is seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from amcloud.clients.walking import issuer, routes
from amcloud.clients.walking.base import Base
from amcloud.clients.walking.site import Site
from amcloud.clients.walking.walker import Walker
from amcloud.stages.isolation import OWNER_OF_CANARIES, READER
from amcloud.stages.walk import Kind, RouteProbe, Seen, Walk
from amcloud_sandbox.testing.php import CLIENT_ID, DOMAIN, Application, Database, Workshop, provided, served
from amcloud_sandbox.testing.services import PostgresServer

LABELS = {READER: "sonde-a", OWNER_OF_CANARIES: "sonde-b"}
Change = Callable[[Path], object]


@contextmanager
def walked(app: Application, database: Database, provider: issuer.Issuer) -> Iterator[Walk]:
    """What the walk sees of a served application."""
    entries = [{"code": code, "name": code, "label": label, "enabled": True} for code, label in LABELS.items()]
    app.write_organisations(json.dumps({"version": 1, "domain": DOMAIN, "organisations": entries}))
    listed = routes.parse(app.console("debug:router", "--format=json"))
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        yield Walker(Site(app.url, DOMAIN, provider, LABELS), Base(connection, nonce="k7f3")).walk(listed)


@pytest.fixture
def walk(
    workshop: Workshop, postgres: PostgresServer, tmp_path: Path
) -> Callable[[str, Change], dict[str, RouteProbe]]:
    """Walks over a sample changed by a test; gives what was seen by ``METHOD path``."""

    def run(sample: str, change: Change) -> dict[str, RouteProbe]:
        project = tmp_path / sample
        shutil.copytree(workshop.installed(sample), project, symlinks=True)
        change(project)
        with (
            issuer.serving(CLIENT_ID, port=0) as provider,
            provided(postgres) as database,
            served(project, database, provider.url, tmp_path) as app,
            walked(app, database, provider) as seen,
        ):
            return {one.shown: one for one in seen.routes}

    return run


def test_every_route_of_the_conforming_sample_is_proven_closed(
    walk: Callable[[str, Change], dict[str, RouteProbe]],
) -> None:
    seen = walk("suivi-courriers", lambda _: None)
    for one in seen.values():
        print(one)
    assert {one.seen for one in seen.values()} == {Seen.CLOSED, Seen.NOTHING}
    assert {one.kind for one in seen.values() if one.seen is Seen.CLOSED} == set(Kind)


CACHE = "\\Symfony\\Contracts\\Cache\\CacheInterface"


def cached_list(project: Path) -> None:
    """The list is remembered for all: no rule sees it, PostgreSQL neither, since the rows were read rightly."""
    controller = project / "src" / "Controller" / "CourrierController.php"
    code = controller.read_text(encoding="utf-8")
    code = code.replace(
        "private readonly Environment $twig,",
        f"private readonly Environment $twig,\n        private readonly {CACHE} $cache,",
    )
    plain = "$lignes = array_map($this->enJson(...), iterator_to_array($trouves, false));"
    assert plain in code
    remembered = plain.replace("$lignes = ", "$lignes = $this->cache->get('liste', fn (): array => ").replace(
        "false));", "false)));"
    )
    controller.write_text(code.replace(plain, remembered), encoding="utf-8")


def test_a_list_that_is_cached_for_all_organisations_is_a_leak(
    walk: Callable[[str, Change], dict[str, RouteProbe]],
) -> None:
    seen = walk("suivi-courriers", cached_list)
    assert [(one.shown, one.why) for one in seen.values() if one.seen is Seen.LEAK] == [
        ("GET /courriers", "l'agent d'un autre organisme y lit ses données"),
        ("GET /courriers?q", "l'agent d'un autre organisme y lit ses données"),
    ]


def test_a_query_that_forgets_the_organisation_leaks_on_its_routes(
    walk: Callable[[str, Change], dict[str, RouteProbe]],
) -> None:
    seen = walk("annuaire-local", lambda _: None)
    for one in seen.values():
        print(one)
    assert [one.shown for one in seen.values() if one.seen is Seen.LEAK]
