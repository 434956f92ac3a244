"""``/psram contester RÈGLE motif`` in a merge request: what is asked, whether it may be, the issue, and its answer.

A contest is one rule in one merge request: it has one issue in the norms' project, found again by a key that its
description holds. Values in, values out; who asks the forge is ``clients/contests.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from amcloud.stages.to_forge import markdown
from psram.model import Report, Verdict

COMMAND: Final = "/psram"
LABEL: Final = "contestation"
UPHELD: Final = "contestation:retenue"
REJECTED: Final = "contestation:rejetee"
"""Labels of the norms' project: the first is ours, the others are the answer of its team."""
LEVEL: Final = 30
"""Least access level (GitLab's Developer) of who may contest, on the project, and of who answers, on the norms'."""
MOTIVE_MOST: Final = 1000
ANSWER_MOST: Final = 600
MOST: Final = 10
"""Contests of one merge request that are followed."""
COMMANDS_MOST: Final = 200

_COMMAND: Final = re.compile(
    r"[ ]{0,3}/psram(?=\s|$)(?:[ \t]+(?P<verb>\S+))?(?:[ \t]+(?P<rule>\S+))?[ \t]*(?P<motive>.*)"
)
_RULE: Final = re.compile(r"[A-Z]{2,6}-\d{3}")
_CONTESTABLE: Final = frozenset({Verdict.VIOLATED, Verdict.UNKNOWN})
_USAGE: Final = "écrivez « /psram contester RÈGLE motif », la règle telle que cette note la nomme"


@dataclass(frozen=True, slots=True)
class Note:
    """A comment, as the forge gives it."""

    id: int
    author_id: int
    author: str
    body: str
    system: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One command of a comment. ``problem`` says why it cannot be understood, empty when it can."""

    note_id: int
    author_id: int
    author: str
    rule: str
    motive: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """The issue of a contest. ``answers`` are comments of the norms' team, oldest first."""

    iid: int
    web_url: str
    closed: bool
    labels: frozenset[str]
    answers: tuple[Note, ...] = ()


class State(StrEnum):
    """What became of a contest."""

    REFUSED = "refused"
    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Contest:
    """One contest, as the note tells it. ``sentence`` and ``answer`` may hold what people wrote."""

    rule: str
    author: str
    state: State
    sentence: str
    issue_url: str = ""
    answer: str = ""
    answered_by: str = ""


def requests(notes: Iterable[Note], *, own: int) -> tuple[Request, ...]:
    """The commands of people's comments, oldest first, bounded. ``own`` is our user's number."""
    people = sorted((note for note in notes if not note.system and note.author_id != own), key=lambda each: each.id)
    found = (request for note in people for request in _commands(note))
    return tuple(islice(found, COMMANDS_MOST))


def followed(asked: Sequence[Request], level: Callable[[int], int]) -> tuple[Request, ...]:
    """One request a rule: the first of somebody who may contest, else the first that can be understood, else the first.

    ``level`` gives the access level of a user's number on the project.
    """
    best: dict[str, Request] = {}

    def better(request: Request, known: Request) -> bool:
        if request.problem or known.problem:
            return not request.problem
        return level(known.author_id) < LEVEL <= level(request.author_id)

    for request in asked:
        known = best.get(request.rule)
        if known is None or better(request, known):
            best[request.rule] = request
    # strangers' rules come last: they crowd out nobody's
    ordered = sorted(best.values(), key=lambda one: (bool(one.problem) or level(one.author_id) < LEVEL, one.note_id))
    return tuple(ordered[:MOST])


def refusal(request: Request, report: Report, *, level: int) -> str:
    """Why the contest is not handed on, for its author; empty when it is. ``level`` is the author's on the project."""
    if request.problem:
        return request.problem
    if level < LEVEL:
        return "il faut le rôle Developer au moins sur ce projet"
    result = next((each for each in report.results if each.rule_id == request.rule), None)
    if result is None:
        return f"les normes {report.pack.name} n'ont pas cette règle"
    if result.verdict not in _CONTESTABLE:
        return "ce commit ne l'enfreint pas"
    return ""


def refused(request: Request, why: str) -> Contest:
    """A contest that goes no further than the note."""
    return Contest(request.rule, request.author, State.REFUSED, f"non transmise : {why}.")


def key(project_id: int, iid: int, rule: str) -> str:
    """One word that names a contest for ever: numbers survive a renaming."""
    return f"amcloud-contestation-{project_id}-{iid}-{rule}"


def labels(project_id: int) -> tuple[str, str]:
    """Labels of the issues of a project's contests: by them they are found, whatever the forge's search indexes."""
    return LABEL, f"{LABEL}:projet-{project_id}"


def marker(project: str, project_id: int, iid: int, rule: str) -> str:
    """First line of the issue's description: how it is found, and which project's note waits for its answer."""
    return f"<!-- {key(project_id, iid, rule)} {project} -->"


_MARKER: Final = re.compile(
    r"<!-- (?P<key>amcloud-contestation-\d{1,12}-\d{1,12}-[A-Z]{2,6}-\d{3}) (?P<project>[\w./-]{1,255}) -->"
)


def key_of(description: str) -> str | None:
    """The contest that an issue of this description is about; ``None`` for any other issue."""
    found = _MARKER.match(description)
    return found["key"] if found else None


def waiting(description: str) -> str | None:
    """The project whose merge request waits for the issue of this description; ``None`` for any other issue."""
    found = _MARKER.match(description)
    return found["project"] if found else None


def title(request: Request, project: str, iid: int) -> str:
    """The issue's title: nothing of it was written by the person who contests."""
    return f"Contestation de {request.rule} : {project}!{iid}"


def description(request: Request, report: Report, *, project: str, project_id: int, iid: int, web_url: str) -> str:
    """The issue's text: what was found, why it is contested, and how to answer."""
    result = next(each for each in report.results if each.rule_id == request.rule)
    found = [
        f"- {markdown.place(web_url, report.commit, one.path, one.line)} {markdown.text(one.message, most=300)}"
        for one in result.findings[:5]
    ]
    more = result.findings_total - len(found)
    return "\n".join(
        [
            marker(project, project_id, iid, request.rule),
            "",
            f"{markdown.code('@' + request.author, most=100)} conteste **{request.rule}** "
            f"({markdown.text(result.title, most=200)}) dans {markdown.link('la demande de fusion', _of(web_url, iid))}"
            f" de {markdown.code(project, most=255)}, commit {markdown.code(report.commit[:12], most=12)}, normes"
            f" {markdown.code(f'{report.pack.name} ({report.pack.digest})', most=120)}.",
            "",
            f"Motif : {markdown.text(request.motive, most=MOTIVE_MOST)}",
            "",
            "Ce que la règle a trouvé :",
            "",
            *(found or ["- rien de précis : le projet entier est en cause"]),
            *([f"- … et {more} autres"] if more > 0 and found else []),
            "",
            f"Pour répondre : un commentaire, puis l'étiquette `{UPHELD}` ou `{REJECTED}`, et fermez le ticket. "
            "La réponse est reportée dans la note de la demande de fusion.",
        ]
    )


def answered(request: Request, issue: Issue) -> Contest:
    """What the norms' team says of a contest."""
    last = issue.answers[-1] if issue.answers else None
    state, words = _state(issue)
    return Contest(
        request.rule,
        request.author,
        state,
        words,
        issue_url=issue.web_url,
        answer=markdown.bounded(" ".join(last.body.split()), ANSWER_MOST) if last else "",
        answered_by=last.author if last else "",
    )


def _commands(note: Note) -> Iterable[Request]:
    fenced = False
    for line in note.body[:100_000].splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        found = None if fenced else _COMMAND.fullmatch(line)
        if found is None:
            continue
        rule = (found["rule"] or "").upper()
        motive = " ".join(found["motive"].split())[:MOTIVE_MOST]
        problem = ""
        if found["verb"] != "contester" or not _RULE.fullmatch(rule):
            problem = _USAGE
        elif not motive:
            problem = "il manque le motif ; " + _USAGE
        yield Request(note.id, note.author_id, note.author, rule[:20], motive, problem)


def _of(web_url: str, iid: int) -> str:
    return f"{web_url}/-/merge_requests/{iid}"


def _state(issue: Issue) -> tuple[State, str]:
    if UPHELD in issue.labels:
        return State.UPHELD, "retenue : la règle sera corrigée dans un prochain pack de normes."
    if REJECTED in issue.labels:
        return State.REJECTED, "rejetée : la règle s'applique."
    if issue.closed:
        return State.CLOSED, "close."
    return State.OPEN, "à l'étude par l'équipe des normes."
