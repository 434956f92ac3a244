"""``amcloud walk``: what the walker of a Job runs. It walks the routes of the application beside it."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the command; hidden, since the operator alone calls it."""

    @app.command(
        "walk",
        help="Parcourt les routes de l'application voisine au nom de deux organismes fictifs (lancé en Job).",
        hidden=True,
    )
    def walk(  # noqa: PLR0917 - options, given by name
        routes: Path = typer.Option(..., "--routes", help="Ce que « debug:router --format=json » a écrit."),
        domain: str = typer.Option(..., "--domain", help="Domaine de l'instance."),
        client_id: str = typer.Option(..., "--client-id", help="Client OpenID Connect de l'instance."),
        port: int = typer.Option(..., "--port", help="Port du fournisseur d'identité de la sonde."),
        message: Path = typer.Option(..., "--message", help="Fichier du compte rendu."),
        url: str = typer.Option("http://127.0.0.1:8080", "--url", help="Adresse de l'application."),
        database_url: str = typer.Option(..., envvar="AMCLOUD_WALK_DATABASE_URL", hidden=True),
    ) -> None:
        from amcloud.clients.walking import run
        from amcloud.stages.seen import walk as words

        seen = run.walked(
            url=url, domain=domain, client_id=client_id, port=port, routes_file=routes, database_url=database_url
        )
        message.write_text(words.message(seen), encoding="ascii")
        for one in seen.routes:
            typer.echo(f"{one.seen:<10} {one.kind:<10} {one.shown} {one.why}".rstrip())
        typer.echo(seen.problem or f"{len(seen.routes)} routes parcourues")
