"""What people may ask in a comment, what becomes of it, and how the answer comes back."""

from __future__ import annotations

import msgspec
import pytest
import sample_reports as samples
from hypothesis import given
from hypothesis import strategies as st

from amcloud.stages.to_forge import contests
from amcloud.stages.to_forge.contests import Issue, Note, Request, State

OWN, CAMILLE, ALEX = 1, 7, 8
REPORT = samples.refused()
WEB = "https://forge.example/cpam-bas-rhin/suivi-courriers"


def note(body: str, *, number: int = 10, author_id: int = CAMILLE, system: bool = False) -> Note:
    return Note(number, author_id, f"personne-{author_id}", body, system)


def asked(*notes: Note) -> list[tuple[str, str, bool]]:
    return [(r.rule, r.motive, bool(r.problem)) for r in contests.requests(notes, own=OWN)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param("/psram contester PHP-006 eval est dans un test", [("PHP-006", "eval est dans un test", False)]),
        pytest.param("  /psram  contester\tphp-006   motif ", [("PHP-006", "motif", False)], id="blanks and case"),
        pytest.param("Bonjour,\n/psram contester PHP-006 a\nmerci", [("PHP-006", "a", False)], id="among other lines"),
        pytest.param("/psram contester A-1 a\r\n", [("A-1", "a", True)], id="no rule's name"),
        pytest.param("/psram contester PHP-006", [("PHP-006", "", True)], id="no motive"),
        pytest.param("/psram", [("", "", True)], id="nothing said"),
        pytest.param("/psram accepter PHP-006 a", [("PHP-006", "a", True)], id="another verb"),
        pytest.param("/psramcontester PHP-006 a", [], id="another command"),
        pytest.param("voir /psram contester PHP-006 a", [], id="inside a sentence"),
        pytest.param("> /psram contester PHP-006 a", [], id="quoted"),
        pytest.param("```\n/psram contester PHP-006 a\n```", [], id="in a block of code"),
        pytest.param("    /psram contester PHP-006 a", [], id="an indented block"),
    ],
)
def test_a_command_is_a_line_of_its_own(body: str, found: list[tuple[str, str, bool]]) -> None:
    assert asked(note(body)) == found


def test_our_own_notes_and_the_systems_ask_nothing() -> None:
    body = "/psram contester PHP-006 a"
    assert asked(note(body, author_id=OWN), note(body, system=True)) == []


@given(st.lists(st.text(alphabet="/psram contester PHP-06\n`é\x00", max_size=80), max_size=5))
def test_any_comment_is_understood_or_told_why_not(bodies: list[str]) -> None:
    found = contests.requests([note(body, number=number) for number, body in enumerate(bodies)], own=OWN)
    assert len(found) <= 3 * contests.MOST
    assert all(request.problem or (request.rule and request.motive) for request in found)
    assert len(contests.followed(found, lambda _: 50)) <= contests.MOST


def test_the_first_who_may_contest_speaks_for_a_rule() -> None:
    found = contests.requests(
        [
            note("/psram contester PHP-006", number=1, author_id=CAMILLE),
            note("/psram contester PHP-006 sans droit", number=2, author_id=ALEX),
            note("/psram contester PHP-006 avec droit", number=3, author_id=CAMILLE),
            note("/psram contester PHP-006 trop tard", number=4, author_id=CAMILLE),
        ],
        own=OWN,
    )
    (chosen,) = contests.followed(found, lambda user: 30 if user == CAMILLE else 0)
    assert chosen.motive == "avec droit"


def request(rule: str = "PHP-006", motive: str = "eval est sûr ici") -> Request:
    return Request(10, CAMILLE, "camille", rule, motive)


@pytest.mark.parametrize(
    ("made", "level", "why"),
    [
        pytest.param(request(), 30, "", id="a developer"),
        pytest.param(request(), 20, "Developer", id="a reporter"),
        pytest.param(request("ZZZ-001"), 40, "n'ont pas cette règle", id="unknown rule"),
        pytest.param(request("MTN-002"), 40, "ne l'enfreint pas", id="a rule that is respected"),
        pytest.param(request("CMP-002"), 40, "ne l'enfreint pas", id="a rule that was not evaluated"),
        pytest.param(request("TST-001"), 40, "", id="an undecided rule"),
    ],
)
def test_a_contest_is_handed_on_or_its_author_is_told_why_not(made: Request, level: int, why: str) -> None:
    said = contests.refusal(made, REPORT, level=level)
    assert (why in said) if why else said == ""
    assert contests.refused(made, "pour cela").state is State.REFUSED


def described(motive: str = "eval est sûr ici", path: str = "src/Calcul.php") -> str:
    results = tuple(
        msgspec.structs.replace(r, findings=tuple(msgspec.structs.replace(f, path=path) for f in r.findings))
        for r in REPORT.results
    )
    report = msgspec.structs.replace(REPORT, results=results)
    made = request(motive=motive)
    return contests.description(made, report, project="cpam/suivi", project_id=12, iid=3, web_url=WEB)


def test_an_issue_tells_the_norms_team_what_is_contested_why_and_how_to_answer() -> None:
    written = described()
    for part in ("**PHP-006**", "eval est sûr ici", f"{WEB}/-/merge_requests/3", "#L12", contests.UPHELD):
        assert part in written
    assert contests.title(request(), "cpam/suivi", 3) == "Contestation de PHP-006 : cpam/suivi!3"


@given(st.text(max_size=80))
def test_an_issue_runs_no_command_and_calls_nobody_whatever_was_written(text: str) -> None:
    written = described(text, text)
    assert all(not line.lstrip().startswith("/") for line in written.splitlines())
    assert contests.waiting(written) == "cpam/suivi"
    assert contests.key_of(written) == contests.key(12, 3, "PHP-006")


@pytest.mark.parametrize(
    "text",
    ["", "x", "\n<!-- amcloud-contestation-1-2-PHP-006 a/b -->", "<!-- amcloud-contestation-1-2-PHP-006 a b -->"],
)
def test_another_issue_makes_nobody_wait(text: str) -> None:
    assert contests.waiting(text) is None
    assert contests.key_of(text) is None


@pytest.mark.parametrize(
    ("issue", "state"),
    [
        pytest.param(Issue(1, "u", False, frozenset({contests.LABEL})), State.OPEN, id="open"),
        pytest.param(Issue(1, "u", True, frozenset({contests.LABEL})), State.CLOSED, id="closed"),
        pytest.param(Issue(1, "u", True, frozenset({contests.UPHELD})), State.UPHELD, id="upheld"),
        pytest.param(Issue(1, "u", False, frozenset({contests.REJECTED})), State.REJECTED, id="rejected, open yet"),
    ],
)
def test_the_answer_is_the_label_or_that_the_issue_is_closed(issue: Issue, state: State) -> None:
    assert contests.answered(request(), issue).state is state


def test_the_last_comment_of_the_norms_team_comes_back() -> None:
    issue = Issue(1, "u", True, frozenset(), (note("Voyons.", number=1), note("Vous avez\n\nraison.", number=2)))
    found = contests.answered(request(), issue)
    assert (found.answer, found.answered_by, found.issue_url) == ("Vous avez raison.", f"personne-{CAMILLE}", "u")
