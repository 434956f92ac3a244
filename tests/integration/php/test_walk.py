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


def changed(file: Path, *replacements: tuple[str, str]) -> None:
    code = file.read_text(encoding="utf-8")
    for before, after in replacements:
        assert before in code, before
        code = code.replace(before, after)
    file.write_text(code, encoding="utf-8")


def open_export_and_unchecked_link(project: Path) -> None:
    """An export for everybody, and a file that is tied to whatever record its address names."""
    controllers = project / "src" / "Controller"
    public = "name: 'courriers_export', methods: ['GET']"
    changed(controllers / "ExportController.php", (public, f"{public}, defaults: ['_amcloud_public' => true]"))
    found = (
        "$courrier = $this->courriers->trouver($id) ?? throw new NotFoundHttpException('Ce courrier n’existe pas.');"
    )
    unchecked = "$courrier = $this->entities->getReference(\\App\\Entity\\Courrier::class, $id);"
    changed(controllers / "PieceJointeController.php", (found, unchecked))


def test_strangers_who_read_and_records_that_are_tied_to_another_s_are_leaks(
    walk: Callable[[str, Change], dict[str, RouteProbe]],
) -> None:
    seen = walk("suivi-courriers", open_export_and_unchecked_link)
    assert {(one.shown, one.why) for one in seen.values() if one.seen is Seen.LEAK} == {
        ("GET /courriers.csv", "ses données s'y lisent sans connexion"),
        ("GET /courriers.csv?q&statut", "ses données s'y lisent sans connexion"),
        ("POST /courriers/{id}/pieces", "un organisme y rattache ses données à celles d'un autre"),
    }


def broken_page(project: Path) -> None:
    """A page fails for every organisation: it proves nothing."""
    changed(
        project / "src" / "Controller" / "ServiceController.php",
        (
            "public function liste(): Response\n    {",
            "public function liste(): Response\n    {\n        throw new \\LogicException('exemple');",
        ),
    )


def test_a_route_that_shows_nothing_to_its_own_organisation_is_not_covered(
    walk: Callable[[str, Change], dict[str, RouteProbe]],
) -> None:
    seen = walk("suivi-courriers", broken_page)
    assert [(one.shown, one.why) for one in seen.values() if one.seen is Seen.UNCOVERED] == [
        ("GET /services", "réponse 500"),
        ("POST /services", "réponse 400, 500"),  # nobody saw its form
    ]
