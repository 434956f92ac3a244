"""The pages of the reports: read-only, at addresses that commit statuses point to for years.

``/<namespace>/<app>/<stage>/<commit>`` is the newest report of a commit, ``/rapports/<digest>`` one for ever; both
give JSON with ``.json`` or ``?format=json``, and what makes the verdict again offline with ``/evidence.json``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from amcloud.errors import UnavailableError
from amcloud.ports import ReportStore, StoredLine, StoredReport
from psram import reports as psram_reports
from psram.reports import canonical

LISTED_MOST = 200
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
VERDICTS = {"conforme": "Conforme", "non_conforme": "Non conforme", "indetermine": "Indéterminé"}
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_STAGES = frozenset({"development", "acceptance", "production"})

_environment = Environment(
    loader=PackageLoader("amcloud.web", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def application(store: ReportStore) -> web.Application:
    """The server's routes over ``store``."""
    app = web.Application(middlewares=[_guard], client_max_size=1024)
    pages = _Pages(store)
    app.add_routes(
        [
            web.get("/vivant", _alive),
            web.get("/sante", pages.healthy),
            web.get("/", pages.index),
            web.get("/rapports/{digest}", pages.by_digest),
            web.get("/rapports/{digest}/evidence.json", pages.by_digest),
            web.get("/{namespace}", pages.index),
            web.get("/{namespace}/{app}", pages.index),
            web.get("/{namespace}/{app}/{stage}/{commit}", pages.by_commit),
            web.get("/{namespace}/{app}/{stage}/{commit}/evidence.json", pages.by_commit),
        ]
    )
    return app


class _Pages:
    def __init__(self, store: ReportStore) -> None:
        self._store = store

    async def healthy(self, _: web.Request) -> web.Response:
        alive = await self._store.alive()
        return web.json_response({"statut": "ok" if alive else "base injoignable"}, status=200 if alive else 503)

    async def index(self, request: web.Request) -> web.Response:
        namespace, app = request.match_info.get("namespace"), request.match_info.get("app")
        if not all(name is None or _NAME.fullmatch(name) for name in (namespace, app)):
            raise web.HTTPNotFound
        lines = await self._store.newest(namespace, app, most=LISTED_MOST)
        if namespace is not None and not lines:
            raise web.HTTPNotFound
        title = "/".join(name for name in (namespace, app) if name) or "Derniers rapports de conformité"
        return _html(_page(title, lines=lines))

    async def by_commit(self, request: web.Request) -> web.Response:
        asked = request.match_info
        commit, as_json = _suffixed(asked["commit"])
        known = _COMMIT.fullmatch(commit) and asked["stage"] in _STAGES
        if not known or not _NAME.fullmatch(asked["namespace"]) or not _NAME.fullmatch(asked["app"]):
            raise web.HTTPNotFound
        found = await self._store.by_commit(asked["namespace"], asked["app"], asked["stage"], commit)
        return _answer(request, found, as_json=as_json, lasting=False)

    async def by_digest(self, request: web.Request) -> web.Response:
        digest, as_json = _suffixed(request.match_info["digest"])
        if not _DIGEST.fullmatch(digest):
            raise web.HTTPNotFound
        return _answer(request, await self._store.by_digest(digest), as_json=as_json, lasting=True)


def _answer(request: web.Request, found: StoredReport | None, *, as_json: bool, lasting: bool) -> web.Response:
    """The report in the form that was asked for. ``lasting`` addresses never change their content."""
    if found is None:
        raise web.HTTPNotFound
    cache = "public, max-age=31536000, immutable" if lasting else "no-cache"
    headers = {"Cache-Control": cache, "ETag": f'"{found.digest}"'}
    if request.path.endswith("/evidence.json"):
        name = f"{found.app}-{found.commit[:12]}.evidence.json"
        headers |= {"Content-Disposition": f'attachment; filename="{name}"', "ETag": f'"{found.digest}-evidence"'}
        return web.Response(body=found.evidence, content_type="application/json", headers=headers)
    if as_json or request.query.get("format") == "json":
        headers["ETag"] = f'"{found.digest}-json"'
        return web.Response(body=found.report, content_type="application/json", charset="utf-8", headers=headers)
    # a permanent address is that of a verdict, which two applications of one repository may share
    of = "" if lasting else f"{found.namespace}/{found.app}"
    return _html(_rendered(found.report, found.digest, of), headers)


@lru_cache(maxsize=64)
def _rendered(report: bytes, digest: str, of: str) -> str:
    """The page of a report: ``of`` the application, or of whichever has this verdict."""
    lasting = f"/rapports/{digest}"
    links = (
        ("Rapports de l'application", f"/{of}") if of else ("Derniers rapports", "/"),
        ("Adresse permanente", lasting),
        ("JSON", f"{lasting}.json"),
        ("Preuves (JSON)", f"{lasting}/evidence.json"),
    )
    return psram_reports.html(canonical.parse(report), of=of, links=links)


def _suffixed(name: str) -> tuple[str, bool]:
    return name.removesuffix(".json"), name.endswith(".json")


def _page(title: str, message: str = "", lines: Sequence[StoredLine] | None = None) -> str:
    full = lines is not None and len(lines) >= LISTED_MOST
    template = _environment.get_template("page.html.j2")
    return template.render(title=title, message=message, lines=lines, full=full, verdicts=VERDICTS)


def _html(text: str, headers: dict[str, str] | None = None, *, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers, status=status)


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"statut": "ok"})


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Errors become pages in French, and every answer carries the security headers."""
    try:
        answer = await handler(request)
    except web.HTTPNotFound:
        words = "Aucun rapport n'est enregistré à cette adresse. Vérifiez l'application, l'étape et le commit."
        answer = _html(_page("Page introuvable", words), status=404)
    except web.HTTPMethodNotAllowed as error:
        answer = _html(_page("Lecture seule", "Ces pages se lisent et ne se modifient pas."), status=405)
        answer.headers["Allow"] = error.headers["Allow"]
    except UnavailableError as error:
        answer = _html(_page("Rapports indisponibles", f"{error}. Réessayez dans un instant."), status=503)
        answer.headers["Retry-After"] = "10"
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
