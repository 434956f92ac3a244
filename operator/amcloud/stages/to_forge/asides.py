"""What a note says besides its verdict: the contested rules, and whom to ask. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from amcloud.stages.to_forge.contests import Contest, State
from amcloud.stages.to_forge.markdown import code, link, text

WORDS_MOST: Final = 600


@dataclass(frozen=True, slots=True)
class Help:
    """Whom to ask. ``derogation_url`` opens a request of derogation; addresses are empty where there is none."""

    region: str = ""
    referent: str = ""
    derogation_url: str = ""
    contestable: bool = False
    """Whether the platform has a project for contested rules."""


NOBODY: Final = Help()


def contests(found: Sequence[Contest]) -> str:
    """What people contest, and what became of it; empty when nobody does."""
    if not found:
        return ""
    return "\n".join(["#### Contestations", "", *map(_contest, found)])


def _contest(contest: Contest) -> str:
    issue = f" ({link('ticket', contest.issue_url)})" if contest.issue_url else ""
    told = contest.sentence if contest.state is not State.REFUSED else text(contest.sentence, most=WORDS_MOST)
    rule = code(contest.rule or "?", most=20)
    ended = f"{told[:-1]}{issue}." if told.endswith(".") else f"{told}{issue}"
    line = f"- {rule}, par {code(contest.author, most=100)} : {ended}"
    if contest.answer:
        line += f" Réponse de {code(contest.answered_by, most=100)} : {text(contest.answer, most=WORDS_MOST)}"
    return line


def help_section(rule: str, help_: Help, *, blocked: bool) -> str:
    """Whom to ask, how to contest ``rule`` (``""`` for any), and, where something blocks, how to be let through."""
    lines = [f"- **De l'aide** : {_referent(help_)}"]
    if help_.contestable:
        command = code(f"/psram contester {rule or 'RÈGLE'} votre motif", most=100)
        lines.append(
            f"- **Une règle se trompe ?** Écrivez dans un commentaire, sur une ligne : {command}. L'équipe des normes "
            "répond, et sa réponse vient ici."
        )
    if blocked:
        lines.append(f"- **Impossible de la respecter maintenant ?** {_derogation(help_)}")
    lines.append(
        "- Sur votre poste, avant de pousser : `amcloud check` ; ce qui se corrige seul : `amcloud check --fix`."
    )
    said = "Aide, contestation, dérogation"
    return "\n".join(["<details>", f"<summary>{said}</summary>", "", *lines, "", "</details>"])


def _referent(help_: Help) -> str:
    if not help_.referent:
        return "votre organisme n'a pas de référent du Starter Kit déclaré : demandez à la DDSI qui vous aide."
    region = f" de la région {text(help_.region, most=63)}" if help_.region else ""
    return (
        f"le référent du Starter Kit{region} répond en premier : {text(help_.referent, most=254)}. L'équipe nationale "
        "prend la suite."
    )


def _derogation(help_: Help) -> str:
    how = "Un auditeur peut accorder une dérogation, pour une règle, une application et une durée bornée"
    asked = "dites la règle, la justification, la mesure qui compense et l'échéance"
    if help_.derogation_url:
        return f"{how} : {link('demandez-la', help_.derogation_url)} ; {asked}."
    return f"{how} : écrivez aux auditeurs ; {asked}."
