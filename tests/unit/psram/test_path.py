"""The shortest path to hosting: the cheapest set of gestures after which nothing blocks."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from norms import CONFORMING, CONTEXT, FACTS, MAJOR, answering, pack, rule, violated

from psram import reports
from psram.judge import judge
from psram.model import Giver, Outcome, Path, ReportVerdict, Verdict
from psram.reports import canonical
from psram.rules import Pack, Track

MISSING = Outcome(Verdict.UNKNOWN, missing_evidence="le rapport JUnit", giver=Giver.PIPELINE)


def shortest(norms: Pack) -> Path:
    report = judge(FACTS, norms, CONTEXT)
    assert report.path is not None
    return report.path


def remedy(effort: str, **more: object) -> dict[str, object]:
    return {"fr": "Corrigez", "effort": effort, **more}


def test_a_conforming_report_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-001": CONFORMING})
    assert judge(FACTS, pack(rule("PHP-001")), CONTEXT).path is None


def test_actions_are_told_cheapest_first_with_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-001": violated("a", "b"), "CMP-001": violated()})
    path = shortest(pack(rule("CMP-001", remediation=remedy("moyen")), rule("PHP-001")))
    assert [(a.rules, a.hours, a.places) for a in path.actions] == [(("PHP-001",), 0.5, 2), (("CMP-001",), 2.0, 1)]
    assert path.sentence == "2 actions, environ 3 h → hébergeable"


def test_rules_corrected_by_one_gesture_are_one_action(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"CMP-001": violated(), "CMP-004": violated(), "PHP-001": CONFORMING})
    update = remedy("moyen", action="mettre à jour")
    path = shortest(pack(rule("CMP-001", remediation=update), rule("CMP-004", remediation=update), rule("PHP-001")))
    assert [a.rules for a in path.actions] == [("CMP-001", "CMP-004")]
    assert path.hours == 2.0


def test_of_majeure_rules_only_as_many_as_needed_and_the_cheapest(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, dict.fromkeys(("PHP-002", "PHP-003", "PHP-004"), violated()))
    rules = [
        rule("PHP-002", severity=MAJOR, remediation=remedy("fort")),
        rule("PHP-003", severity=MAJOR, remediation=remedy("moyen")),
        rule("PHP-004", severity=MAJOR, remediation=remedy("faible")),
    ]
    path = shortest(pack(*rules))  # one tolerated: two of the three must go
    assert [a.rules for a in path.actions] == [("PHP-004",), ("PHP-003",)]


def test_a_mechanical_fix_is_said_and_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-004": violated(*"abcdefgh")})
    path = shortest(pack(rule("PHP-004", remediation=remedy("fort", patch="strict-types", minutes_each=30))))
    assert path.actions[0].mechanical
    assert path.sentence == "1 action, dont 1 mécanique, environ 10 min → hébergeable"


def test_many_places_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-005": violated(*(f"{n}.php" for n in range(61)))})
    assert shortest(pack(rule("PHP-005", remediation=remedy("faible", minutes_each=10)))).hours == 10.5


def test_the_pack_says_what_a_further_place_takes_unless_the_rule_does(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-005": violated(*(f"{n}.php" for n in range(7)))})
    minutes = {"faible": 30.0}
    assert shortest(pack(rule("PHP-005"), minutes_each=minutes)).hours == 3.5
    own = remedy("faible", minutes_each=0)
    assert shortest(pack(rule("PHP-005", remediation=own), minutes_each=minutes)).hours == 0.5


def test_missing_evidence_is_told_with_who_gives_it_and_costs_the_developer_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, {"PHP-001": violated(), "PIP-001": MISSING, "TST-001": MISSING})
    path = shortest(pack(rule("PHP-001"), rule("PIP-001"), rule("TST-001")))
    assert path.sentence == "1 action, environ 30 min → hébergeable ; preuves à fournir : PIP-001, TST-001 (pipeline)"
    assert path.hours == 0.5
    assert [(a.rules, a.title, a.giver) for a in path.actions[1:]] == [
        (("PIP-001", "TST-001"), "le rapport JUnit", "pipeline")
    ]


def test_hours_keep_their_type_when_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"TST-001": MISSING})
    report = judge(FACTS, pack(rule("TST-001")), CONTEXT)
    written = reports.canonical_json(report)
    assert reports.canonical_json(canonical.parse(written)) == written


def test_what_could_not_be_evaluated_is_not_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"CMP-001": violated(prevents=True)})
    path = shortest(pack(rule("CMP-001"), rule("SYM-002", requires=["CMP-001"])))
    assert path.sentence.endswith("à vérifier ensuite : SYM-002")


rules_drawn = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["faible", "moyen", "fort"]), st.sampled_from(["", "x", "y"])),
    min_size=1,
    max_size=7,
)


@given(drawn=rules_drawn)
def test_following_the_path_makes_it_conforming_and_no_cheaper_set_does(drawn: list[tuple[bool, str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        ids = [f"PHP-{n:03}" for n in range(len(drawn))]
        norms = pack(
            *(
                rule(i, **({"severity": MAJOR} if major else {}), remediation=remedy(effort, action=action))
                for i, (major, effort, action) in zip(ids, drawn, strict=True)
            )
        )
        answering(patched, dict.fromkeys(ids, violated()))
        report = judge(FACTS, norms, CONTEXT)
        gestures: dict[str, set[str]] = {}
        for i, (_major, _effort, action) in zip(ids, drawn, strict=True):
            gestures.setdefault(action or i, set()).add(i)
        costs = {
            key: max({"faible": 0.5, "moyen": 2.0, "fort": 8.0}[drawn[ids.index(i)][1]] for i in found)
            for key, found in gestures.items()
        }

        def hosted(keys: tuple[str, ...]) -> bool:
            fixed = {i for key in keys for i in gestures[key]}
            answering(patched, {i: CONFORMING if i in fixed else violated() for i in ids})
            return judge(FACTS, norms, CONTEXT).verdict is ReportVerdict.CONFORMING

        names = sorted(gestures)
        subsets = [tuple(n for b, n in enumerate(names) if mask >> b & 1) for mask in range(1 << len(names))]
        best = min(sum(costs[k] for k in keys) for keys in subsets if hosted(keys))
        if report.path is None:
            assert best == 0
            return
        # a gesture that mixes bloquante and majeure rules is judged on its blocking rules alone
        fixed = {i for action in report.path.actions for i in action.rules}
        chosen = tuple(key for key, found in gestures.items() if found & fixed)
        assert hosted(chosen)
        assert report.path.hours <= best


def test_hors_standard_is_told_its_path_for_information(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"PHP-001": violated()})
    context = msgspec.structs.replace(CONTEXT, track=Track.HORS_STANDARD)
    assert judge(FACTS, pack(rule("PHP-001")), context).path is not None


def test_what_only_the_platform_can_confirm_is_no_step_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Outcome(Verdict.UNKNOWN, missing_evidence="les dépôts agréés", giver=Giver.PLATFORM, confirm=True)
    answering(monkeypatch, {"PHP-001": violated(), "CMP-005": absent})
    path = shortest(pack(rule("PHP-001"), rule("CMP-005")))
    assert len(path.actions) == 1
    assert path.sentence == "1 action, environ 30 min → hébergeable ; la plateforme confirmera : CMP-005"
