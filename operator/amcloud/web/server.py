"""The operator's own HTTP server: web hooks, liveness and metrics, beside Kopf in one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from amcloud import metrics
from amcloud.dispatch import Dispatcher
from amcloud.web import webhook

LIVENESS_PATH = "/sante"
METRICS_PATH = "/metrics"


def application(dispatcher: Dispatcher, *, webhook_token: str) -> web.Application:
    """The routes of the operator."""

    async def alive(_: web.Request) -> web.Response:
        ailment = dispatcher.ailment()
        return web.json_response({"statut": ailment or "ok"}, status=503 if ailment else 200)

    async def measures(_: web.Request) -> web.Response:
        metrics.QUEUE_DEPTH.set(dispatcher.queue.waiting)
        metrics.LONGEST_PASS.set(dispatcher.queue.longest_pass_s)
        metrics.tell_stages(dispatcher.reasons())
        metrics.LEAKING.set(dispatcher.leaking)
        return web.Response(body=generate_latest(metrics.REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=webhook.BODY_MOST_BYTES)
    app.add_routes(webhook.routes(dispatcher.ask_project, webhook_token))
    app.add_routes([web.get(LIVENESS_PATH, alive), web.get(METRICS_PATH, measures)])
    return app


@asynccontextmanager
async def serving(app: web.Application, *, port: int) -> AsyncIterator[None]:
    """``app`` answers on every address at ``port`` while the context lasts."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
