"""``amcloud serve-reports``: the pages of the conformance reports, apart from the operator."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("serve-reports", help="Sert en lecture seule les rapports de conformité (HTML et JSON).")
    def serve_reports(
        database_url: str = typer.Option(
            ..., "--database-url", envvar="AMCLOUD_REPORTS_DATABASE_URL", help="Base des rapports, rôle de lecture."
        ),
        port: int = typer.Option(8080, "--port", envvar="AMCLOUD_HTTP_PORT", help="Port d'écoute.", min=1, max=65535),
        log_level: str = typer.Option("info", "--log-level", help="Niveau du journal : debug, info, warning ou error."),
    ) -> None:
        import asyncio
        import signal

        from amcloud import logs
        from amcloud.clients.report_reader import ReportReader
        from amcloud.web.reports import application
        from amcloud.web.server import serving

        async def serve() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            async with serving(application(ReportReader(database_url)), port=port):
                await stop.wait()

        logs.configure(log_level)
        asyncio.run(serve())
