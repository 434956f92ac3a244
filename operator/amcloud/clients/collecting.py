"""One commit, fetched and read where this runs: what a check's Job does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from amcloud.clients.handover import Handover
from amcloud.clients.source import GitSource
from amcloud.errors import AmcloudError, UnavailableError
from psram import worker
from psram.model import Limits, Php
from psram.worker.protocol import Ask, Request

LIMITS: Final = Limits(history_bytes=1024 * 1024 * 1024)
"""A Job has no cache to go on from: it reads the history at once."""


def answer(forge_url: str, project: str, commit: str, token_file: Path | None) -> Handover:
    """Facts of the commit, or why there are none; never raises because of the forge or of the repository."""
    with tempfile.TemporaryDirectory(prefix="amcloud-collect-") as folder:
        try:
            token = token_file.read_text(encoding="utf-8").strip() if token_file else None
            repository = GitSource(forge_url, Path(folder) / "git").fetch(project, commit, token)
        except UnavailableError as error:
            return Handover(unavailable=str(error))
        except AmcloudError as error:
            return Handover(refused=str(error))
        except (OSError, UnicodeDecodeError) as error:
            return Handover(unavailable=f"le jeton de la forge est illisible ({type(error).__name__})")
        request = Request(ask=Ask.COMMIT, path=str(repository), commit=commit, php=Php(), limits=LIMITS)
        said = worker.run(request)
    if said.facts is None:
        return Handover(problem=said.problem or said.usage or "analyse sans réponse")
    return Handover(facts=said.facts)
