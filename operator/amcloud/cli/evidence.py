"""``amcloud evidence``: what makes a verdict again offline, fetched from a report's address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import typer

from amcloud.cli.exits import Exit, refuse, why

MOST_BYTES = 256 * 1024 * 1024
TIMEOUT_S = 30
REFUSALS = range(400, 500)
"""Answers of HTTP that say no to what was asked."""
_HELP = (
    "Télécharge les preuves d'un rapport, pour refaire son verdict hors ligne (amcloud check --evidence).\n\n"
    "Code de retour : 0 c'est écrit, 1 le serveur refuse ou n'a pas ce rapport, 2 pas de réponse, 3 mauvaise commande."
)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(
        "evidence",
        help=_HELP,
    )
    def evidence(
        url: str = typer.Argument(..., metavar="ADRESSE", help="Adresse du rapport, celle du statut du commit."),
        output: Path = typer.Option(
            Path("evidence.json"), "--output", "-o", metavar="FICHIER", help="Fichier à écrire."
        ),
    ) -> None:
        import requests

        address = url.split("?", maxsplit=1)[0].removesuffix(".json").rstrip("/")
        if not address.startswith(("https://", "http://")):
            refuse("evidence", f"ce n'est pas l'adresse d'un rapport : {url}")
        try:
            place, headers = reached(f"{address}/evidence.json")
            with requests.get(place, headers=headers, timeout=TIMEOUT_S, stream=True) as answer:
                answer.raise_for_status()
                content = answer.raw.read(MOST_BYTES + 1, decode_content=True)
        except requests.RequestException as error:
            code = error.response.status_code if error.response is not None else 0
            ending = Exit.REFUSED if REFUSALS.start <= code < REFUSALS.stop else Exit.COULD_NOT_TELL
            said = f"les preuves de {address} n'ont pas pu être lues ({code or type(error).__name__})"
            refuse("evidence", said, ending)
        if len(content) > MOST_BYTES:
            said = f"les preuves dépassent {MOST_BYTES // 2**20} Mio : elles ne sont pas téléchargées"
            refuse("evidence", said, Exit.REFUSED)
        try:
            output.write_bytes(content)
        except OSError as error:
            refuse("evidence", f"--output {output} ne peut pas être écrit ({why(error)})")
        typer.echo(f"{len(content)} octets écrits dans {output}")


def reached(url: str) -> tuple[str, dict[str, str]]:
    """Where to connect and the headers to send: ``*.localhost`` is this machine (RFC 6761), as browsers know."""
    parts = urlsplit(url)
    if not (parts.hostname or "").endswith(".localhost"):
        return url, {}
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"127.0.0.1{port}")), {"Host": parts.netloc.rpartition("@")[2]}
