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
from amcloud.stages.seen.isolation import OWNER_OF_CANARIES, READER
from amcloud.stages.seen.walk import Kind, RouteProbe, Seen, Walk
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
def walk(workshop: Workshop, postgres: PostgresServer, tmp_path: Path) -> Callable[..., dict[str, RouteProbe]]:
    """Walks over a revision of a sample, changed by a test; gives what was seen by ``METHOD path``."""

    def run(sample: str, revision: str, change: Change = lambda _: None) -> dict[str, RouteProbe]:
        project = tmp_path / sample
        shutil.copytree(workshop.installed(sample, revision), project, symlinks=True)
        change(project)
        with (
            issuer.serving(CLIENT_ID, port=0) as provider,
            provided(postgres) as database,
            served(project, database, provider.url, tmp_path) as app,
            walked(app, database, provider) as seen,
        ):
            return {one.shown: one for one in seen.routes}

    return run


@pytest.mark.parametrize(
    ("sample", "revision", "closed", "kinds"),
    [
        pytest.param("suivi-courriers", "r2-priorite", 12, set(Kind), id="pages and forms"),
        pytest.param("annuaire-local", "r2-corrigee", 4, {Kind.LIST, Kind.DETAIL, Kind.SEARCH, Kind.WRITE}, id="JSON"),
    ],
)
def test_every_route_of_a_conforming_sample_is_proven_closed(
    walk: Callable[..., dict[str, RouteProbe]], sample: str, revision: str, closed: int, kinds: set[Kind]
) -> None:
    seen = walk(sample, revision)
    assert {one.seen for one in seen.values()} == {Seen.CLOSED, Seen.NOTHING}, seen
    found = [one for one in seen.values() if one.seen is Seen.CLOSED]
    assert (len(found), {one.kind for one in found}) == (closed, kinds)


CACHE = "\\Symfony\\Contracts\\Cache\\CacheInterface"


def changed(file: Path, *replacements: tuple[str, str]) -> None:
    code = file.read_text(encoding="utf-8")
    for before, after in replacements:
        assert before in code, before
        code = code.replace(before, after)
    file.write_text(code, encoding="utf-8")


def faulty(project: Path) -> None:
    """No rule and no policy sees what these changes do: rows are read and written rightly."""
    controllers = project / "src" / "Controller"
    twig = "private readonly Environment $twig,"
    rows = "array_map($this->enJson(...), iterator_to_array($trouves, false))"
    changed(  # a list is remembered for all
        controllers / "CourrierController.php",
        (twig, f"{twig}\n        private readonly {CACHE} $cache,"),
        (f"$lignes = {rows};", f"$lignes = $this->cache->get('liste', fn (): array => {rows});"),
    )
    export = "name: 'courriers_export', methods: ['GET']"
    changed(  # an export asks nobody to sign in
        controllers / "ExportController.php", (export, f"{export}, defaults: ['_amcloud_public' => true]")
    )
    looked_for = "$this->courriers->trouver($id) ?? throw new NotFoundHttpException('Ce courrier n’existe pas.')"
    changed(  # a file is tied to whatever record its address names
        controllers / "PieceJointeController.php",
        (looked_for, "$this->entities->getReference(\\App\\Entity\\Courrier::class, $id)"),
    )
    detail = "$courrier = $this->trouver($id);\n        if"
    changed(  # looking at a record closes it
        controllers / "CourrierController.php",
        (
            detail,
            detail.replace("        if", "        $courrier->clore();\n        $this->entities->flush();\n        if"),
        ),
    )
    page = "public function liste(): Response\n    {"
    changed(  # a page fails for everybody
        controllers / "ServiceController.php", (page, f"{page}\n        throw new \\LogicException('exemple');")
    )


def test_what_leaks_over_http_alone_is_seen_and_what_proves_nothing_is_not_covered(
    walk: Callable[..., dict[str, RouteProbe]],
) -> None:
    seen = walk("suivi-courriers", "r1", faulty)
    assert {(one.shown, one.why) for one in seen.values() if one.seen is Seen.LEAK} == {
        ("GET /courriers", "l'agent d'un autre organisme y lit ses données"),
        ("GET /courriers?q", "l'agent d'un autre organisme y lit ses données"),
        ("GET /courriers.csv", "ses données s'y lisent sans connexion"),
        ("GET /courriers.csv?q&statut", "ses données s'y lisent sans connexion"),
        ("POST /courriers/{id}/pieces", "un organisme y rattache ses données à celles d'un autre"),
    }
    assert {(one.shown, one.why) for one in seen.values() if one.seen is Seen.UNCOVERED} == {
        ("GET /services", "réponse 500"),
        ("POST /services", "réponse 400, 500"),  # nobody saw its form
        ("POST /courriers/{id}/service", "réponse 400"),  # nor this one: a closed record shows none
    }
    assert seen["GET /courriers/{id}"].seen is Seen.CLOSED
