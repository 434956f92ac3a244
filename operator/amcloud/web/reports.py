"""The pages of the reports: read-only, at addresses that commit statuses point to for years.

``/<namespace>/<app>/<stage>/<commit>`` is the newest report of a commit, ``/rapports/<digest>`` one for ever. Both give
every form of the engine's registry by its extension (``.json``, ``.sarif``, ``.codequality.json``…) or by its name
(``?format=sarif``), and what makes the verdict again offline with ``/evidence.json``.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from amcloud.errors import UnavailableError
from amcloud.stages.declared.app import StageName
from amcloud.stages.gate import Moment, moments
from amcloud.stages.to_forge import badge as badges
from amcloud.stored import ReportStore, StoredLine, StoredReport
from amcloud.web import badge
from psram import evidence
from psram.errors import PsramError
from psram.reports import FORMATS, Format, Presentation, canonical

LISTED_MOST = 200
BADGE_CACHE = "public, max-age=300, stale-while-revalidate=3600, stale-if-error=86400"
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
            web.get("/{namespace}/{app}/badge.svg", pages.badge),
            web.get("/{namespace}/{app}/{stage}/badge.svg", pages.badge),
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

    async def badge(self, request: web.Request) -> web.Response:
        """The application's badge, or a stage's: an image that may be kept for minutes."""
        asked = request.match_info
        if not _NAME.fullmatch(asked["namespace"]) or not _NAME.fullmatch(asked["app"]):
            raise web.HTTPNotFound
        found = await self._store.badges(asked["namespace"], asked["app"])
        wanted = [one for one in found if asked.get("stage") in {None, str(one.badge.stage)}]
        chosen = badges.shown(one.badge for one in wanted)
        if chosen is None:
            raise web.HTTPNotFound
        since = next(one.since for one in wanted if one.badge is chosen)
        content = badge.svg(chosen, since).encode()
        headers = {"Cache-Control": BADGE_CACHE, "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, content_type="image/svg+xml", charset="utf-8", headers=headers)

    async def by_commit(self, request: web.Request) -> web.Response:
        asked = request.match_info
        commit, form = _asked_for(request, asked["commit"])
        known = _COMMIT.fullmatch(commit) and asked["stage"] in _STAGES
        if not known or not _NAME.fullmatch(asked["namespace"]) or not _NAME.fullmatch(asked["app"]):
            raise web.HTTPNotFound
        found = await self._store.by_commit(asked["namespace"], asked["app"], asked["stage"], commit)
        return await self._answer(request, found, form, lasting=False)

    async def by_digest(self, request: web.Request) -> web.Response:
        digest, form = _asked_for(request, request.match_info["digest"])
        if not _DIGEST.fullmatch(digest):
            raise web.HTTPNotFound
        return await self._answer(request, await self._store.by_digest(digest), form, lasting=True)

    async def _answer(
        self, request: web.Request, found: StoredReport | None, form: Format, *, lasting: bool
    ) -> web.Response:
        """The report in the form that was asked for. ``lasting`` addresses never change their content."""
        if found is None or request.path.endswith("/evidence.json") or form is FORMATS["json"]:
            return _traced(_stored(request, found, lasting=lasting), found, lasting=lasting)
        previous = None if lasting else await self._before(found)
        headers = _headers(f"{found.digest}-{form.name}", lasting=lasting)
        # a permanent address is that of a verdict, which two applications of one repository may share
        of = "" if lasting else f"{found.namespace}/{found.app}"
        try:
            content = await asyncio.to_thread(_rendered, form, found.report, previous, found.digest, of)
        except msgspec.DecodeError:
            words = f"Un autre moteur a écrit ce rapport : il se lit en JSON (/rapports/{found.digest}.json)."
            return _html(_page("Rapport d'un autre moteur", words))
        answer = web.Response(body=content, headers={**headers, "Content-Type": form.media_type})
        return _traced(answer, found, lasting=lasting)

    async def _before(self, found: StoredReport) -> bytes | None:
        """The report of the commit that was accepted last before this one, if it is known."""
        try:
            accepted = evidence.load(found.evidence).context.evidence.accepted
        except PsramError:  # written by another engine
            return None
        if accepted is None or not _COMMIT.fullmatch(accepted.commit):
            return None
        previous = await self._store.by_commit(found.namespace, found.app, found.stage, accepted.commit)
        return None if previous is None else previous.report


def _traced(answer: web.Response, found: StoredReport | None, *, lasting: bool) -> web.Response:
    """The answer that says what brought the commit: beside the report, whose bytes do not depend on it."""
    if found is not None and found.correlation and not lasting:
        answer.headers["X-Amcloud-Correlation"] = found.correlation
    return answer


def _stored(request: web.Request, found: StoredReport | None, *, lasting: bool) -> web.Response:
    """What is stored, byte for byte: the canonical report, or its evidence."""
    if found is None:
        raise web.HTTPNotFound
    if request.path.endswith("/evidence.json"):
        name = f"{found.app}-{found.commit[:12]}.evidence.json"
        headers = _headers(f"{found.digest}-evidence", lasting=lasting)
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return web.Response(body=found.evidence, content_type="application/json", headers=headers)
    headers = _headers(f"{found.digest}-json", lasting=lasting)
    return web.Response(body=found.report, content_type="application/json", charset="utf-8", headers=headers)


def _headers(tag: str, *, lasting: bool) -> dict[str, str]:
    cache = "public, max-age=31536000, immutable" if lasting else "no-cache"
    return {"Cache-Control": cache, "ETag": f'"{tag}"'}


@lru_cache(maxsize=64)
def _rendered(form: Format, content: bytes, previous: bytes | None, digest: str, of: str) -> bytes:
    """A form of a report: ``of`` the application, or of whichever has this verdict."""
    report = canonical.parse(content)
    lasting = f"/rapports/{digest}"
    others = ((each.title, f"{lasting}{each.extension}") for each in FORMATS.values() if each.name != "html")
    shown = Presentation(
        of=of,
        links=(
            ("Rapports de l'application", f"/{of}") if of else ("Derniers rapports", "/"),
            ("Adresse permanente", lasting),
            *others,
            ("Preuves (JSON)", f"{lasting}/evidence.json"),
        ),
        url=lasting,
        digest=digest,
        previous=None if previous is None else canonical.parse(previous),
        moments=moments(StageName(report.stage), Moment.HOST),
        decided=True,
    )
    return form.write(report, shown)


def _asked_for(request: web.Request, name: str) -> tuple[str, Format]:
    """The report's own name, and the form: by extension, the longest first, else by ``format``, else a page."""
    for form in sorted(FORMATS.values(), key=lambda each: -len(each.extension)):
        if name.endswith(form.extension):
            return name.removesuffix(form.extension), form
    asked = request.query.get("format", "html")
    if asked not in FORMATS:
        raise web.HTTPNotFound
    return name, FORMATS[asked]


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
