"""Facts through a journal: whole or not at all, whatever the journal holds."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.clients import handover
from amcloud.clients.handover import Handover, UnreadableError
from psram.facts import Facts, FileFact

COMMIT = "c" * 40
ANSWER = Handover(facts=Facts(COMMIT, "t" * 40, files=(FileFact("src/Été.php", "b" * 40, 3),)))


def written(answer: Handover = ANSWER) -> bytes:
    journal = io.BytesIO()
    handover.write(answer, journal)
    return journal.getvalue()


def framed(body: bytes) -> bytes:
    return b"amcloud-facts/1 begin %s %d\n%s\namcloud-facts/1 end\n" % (
        hashlib.sha256(body).hexdigest().encode(), len(body), body,
    )  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [ANSWER, Handover(problem="arrêté"), Handover(refused="fermé"), Handover(unavailable="forge")],
    ids=["facts", "problem", "refused", "unavailable"],
)
def test_what_is_written_is_read_whatever_stands_around_it(answer: Handover) -> None:
    around = b"amcloud-facts/1 begin deadbeef 3\nPHP Warning: module\n" + written(answer) + b"\nbye\n"
    assert handover.read(around, commit=COMMIT) == answer


@pytest.mark.parametrize(
    "journal",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"Traceback (most recent call last)\n", id="a crash"),
        pytest.param(written()[:-30], id="cut short"),
        pytest.param(written().replace(b" begin ", b" begin 0"), id="another digest"),
        pytest.param(framed(b"***"), id="not base64"),
        pytest.param(framed(base64.b64encode(b"not zlib")), id="not compressed"),
        pytest.param(framed(base64.b64encode(zlib.compress(b"[1]"))), id="not an answer"),
        pytest.param(framed(base64.b64encode(zlib.compress(b"{}")[:-2])), id="compressed and cut"),
    ],
)
def test_a_journal_without_a_whole_answer_is_told_as_such(journal: bytes) -> None:
    with pytest.raises(UnreadableError):
        handover.read(journal, commit=COMMIT)


def test_facts_of_another_commit_are_no_answer() -> None:
    with pytest.raises(UnreadableError, match="autre commit"):
        handover.read(written(), commit="d" * 40)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "FACTS_MOST_BYTES", 1000)
    with pytest.raises(UnreadableError, match="trop grande"):
        handover.read(framed(base64.b64encode(zlib.compress(b" " * 10_000_000))), commit=COMMIT)


def test_facts_that_are_too_many_for_a_journal_become_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "FRAME_MOST_BYTES", 200)
    many = Handover(facts=Facts(COMMIT, "t", files=tuple(FileFact(f"{i}.php", f"{i:040x}", i) for i in range(500))))
    assert "trop grand" in handover.read(written(many), commit=COMMIT).problem


@given(st.binary(max_size=2000))
def test_any_journal_is_read_or_refused(journal: bytes) -> None:
    for text in (journal, framed(journal), framed(base64.b64encode(journal))):
        with pytest.raises(UnreadableError):
            handover.read(text, commit=COMMIT)
