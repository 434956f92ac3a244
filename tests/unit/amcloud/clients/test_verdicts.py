"""A verdict is found again for the same question, and for no other."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from amcloud_samples import ONE, report

from amcloud.clients import verdicts
from amcloud.clients.verdicts import Verdicts
from amcloud.ports import Judged
from psram import packs
from psram.facts import Facts, History
from psram.model import Context, Stage, Track
from psram.proofs import Evidence, PipelineEvidence

FACTS = Facts(ONE, "t" * 40)
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 3, 2))
PRODUCED = Evidence(pipeline=PipelineEvidence(ONE, "success"))
PACK = packs.load()


class Asked:
    """Counts how often it is judged."""

    def __init__(self, evidence: bytes = b"{}") -> None:
        self.times = 0
        self.evidence = evidence

    def __call__(self) -> Judged:
        self.times += 1
        return Judged(report(), self.evidence)


def test_the_same_question_is_judged_once() -> None:
    known, asked = Verdicts(), Asked()
    first = known.of(FACTS, "1", PACK, CONTEXT, asked)
    assert known.of(FACTS, "1", PACK, CONTEXT, asked) is first
    assert asked.times == 1


@pytest.mark.parametrize(
    ("facts", "engine", "pack", "context"),
    [
        pytest.param(msgspec.structs.replace(FACTS, commit="2" * 40), "1", PACK, CONTEXT, id="commit"),
        pytest.param(msgspec.structs.replace(FACTS, history=History(ONE, 3)), "1", PACK, CONTEXT, id="history"),
        pytest.param(FACTS, "2", PACK, CONTEXT, id="engine"),
        pytest.param(FACTS, "1", msgspec.structs.replace(PACK, digest="sha256:0"), CONTEXT, id="pack"),
        pytest.param(FACTS, "1", PACK, msgspec.structs.replace(CONTEXT, evaluated_on=date(2026, 3, 3)), id="day"),
        pytest.param(FACTS, "1", PACK, msgspec.structs.replace(CONTEXT, evidence=PRODUCED), id="evidence"),
    ],
)
def test_another_question_is_judged_anew(facts: Facts, engine: str, pack: packs.Pack, context: Context) -> None:
    known, asked = Verdicts(), Asked()
    known.of(FACTS, "1", PACK, CONTEXT, asked)
    known.of(facts, engine, pack, context, asked)
    assert asked.times == 2


def test_what_could_not_be_read_is_judged_each_time() -> None:
    known, asked = Verdicts(), Asked()
    for _ in range(2):
        known.of(Facts(ONE, "", truncated="arrêté"), "1", PACK, CONTEXT, asked)
    assert asked.times == 2


def test_what_was_not_asked_for_longest_is_forgotten_when_evidence_is_too_big(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MOST_EVIDENCE_BYTES", 25)
    known, asked = Verdicts(), Asked(b"x" * 10)
    for letter in ("1", "2", "1", "3", "1", "2"):
        known.of(msgspec.structs.replace(FACTS, commit=letter * 40), "1", PACK, CONTEXT, asked)
    assert asked.times == 4, "1, 2, 3, then 2 again"
