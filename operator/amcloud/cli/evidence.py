"""``amcloud evidence``: what makes a verdict again offline, fetched from a report's address."""

from __future__ import annotations

from pathlib import Path

import typer

MOST_BYTES = 256 * 1024 * 1024
TIMEOUT_S = 30


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(
        "evidence",
        help="Télécharge les preuves d'un rapport, pour refaire son verdict hors ligne (amcloud check --evidence).",
    )
    def evidence(
        url: str = typer.Argument(..., help="Adresse du rapport, celle du statut du commit."),
        output: Path = typer.Option(Path("evidence.json"), "--output", "-o", help="Fichier à écrire."),
    ) -> None:
        import requests

        address = url.split("?", maxsplit=1)[0].removesuffix(".json").rstrip("/")
        if not address.startswith(("https://", "http://")):
            typer.echo(f"Ce n'est pas l'adresse d'un rapport : {url}", err=True)
            raise typer.Exit(2)
        try:
            with requests.get(f"{address}/evidence.json", timeout=TIMEOUT_S, stream=True) as answer:
                answer.raise_for_status()
                content = answer.raw.read(MOST_BYTES + 1, decode_content=True)
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else type(error).__name__
            typer.echo(f"Les preuves de {address} n'ont pas pu être lues ({status}).", err=True)
            raise typer.Exit(1) from None
        if len(content) > MOST_BYTES:
            typer.echo(f"Les preuves dépassent {MOST_BYTES // 2**20} Mio : elles ne sont pas téléchargées.", err=True)
            raise typer.Exit(1)
        output.write_bytes(content)
        typer.echo(f"{len(content)} octets écrits dans {output}")
