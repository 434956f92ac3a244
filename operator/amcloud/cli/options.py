"""Words that several commands take as values, and options that they share.

The words are those of ``stages.app`` and of the norms, written again here so that ``amcloud --help`` loads neither.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class TrackName(StrEnum):
    """The three tracks, as written in a LocalApp."""

    LABELLISATION = "labellisation"
    HOMOLOGATION = "homologation"
    HORS_STANDARD = "hors-standard"


class StageName(StrEnum):
    """The three stages, as written in a LocalApp."""

    DEVELOPMENT = "development"
    ACCEPTANCE = "acceptance"
    PRODUCTION = "production"


class SeverityName(StrEnum):
    """From which severity a violation changes the exit status."""

    BLOQUANTE = "bloquante"
    MAJEURE = "majeure"
    MINEURE = "mineure"
    INFO = "info"


class Form(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


AsForm = Annotated[Form, typer.Option("--output", "-o", help="Forme de la réponse.")]
Timeout = Annotated[float, typer.Option(metavar="SECONDES", min=1, help="Attente la plus longue.")]
