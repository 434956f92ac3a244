"""``amcloud collect``: what a check's Job runs. Reads one commit from the forge and writes its facts in the journal."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the command; hidden, since the operator alone calls it."""

    @app.command(
        "collect",
        help="Lit un commit de la forge et écrit ses faits sur la sortie (lancé par l'opérateur, en Job).",
        hidden=True,
    )
    def collect(
        project: str = typer.Option(..., "--project", help="Chemin du projet sur la forge."),
        commit: str = typer.Option(..., "--commit", help="Commit entier."),
        forge_url: str = typer.Option(..., "--forge-url", envvar="AMCLOUD_FORGE_URL", help="Adresse de la forge."),
        token_file: Path | None = typer.Option(None, "--token-file", help="Fichier du jeton ; absent : projet public."),
    ) -> None:
        import sys

        from amcloud.clients import collecting, handover

        answer = collecting.answer(forge_url, project, commit, token_file)
        handover.write(answer, sys.stdout.buffer)
