"""What is kept of runs of contents: as good as what is kept of each, and a damaged entry tells nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram.collect.reading import Reading, State
from psram.facts import BlobFacts, Mark, Syntax
from psram.worker import runs
from psram.worker.messages import Found
from psram.worker.recall import LINK, Gathered, Memory, Missing, Wanted
from psram.worker.store import FactCache


class Held(FactCache):
    """A cache in memory, which counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.values: dict[bytes, bytes] = {}
        self.asked = 0

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        self.asked += len(keys)
        return {key: self.values[key] for key in keys if key in self.values}

    def put(self, values: Mapping[bytes, bytes]) -> None:
        self.values.update(values)


def names(count: int, salt: str = "") -> list[str]:
    return [hashlib.sha1(f"{salt}{number}".encode()).hexdigest() for number in range(count)]


ids = st.lists(st.binary(min_size=20, max_size=20).map(bytes.hex), max_size=300, unique=True)


@given(ids)
def test_runs_are_all_of_the_contents_in_their_order_and_bounded(listed: list[str]) -> None:
    found = [listed[place] for place in runs.cut(listed)]

    assert [name for run in found for name in run] == listed
    assert all(0 < len(run) <= 128 for run in found)


@given(ids, st.data())
def test_a_change_touches_the_runs_that_it_lies_in(listed: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(listed)))
    new = "f" * 38 + data.draw(st.sampled_from(["00", "ff"]))
    before = {tuple(listed[p]) for p in runs.cut(listed)}
    changed = [*listed[:place], new, *listed[place:]]
    after = {tuple(changed[p]) for p in runs.cut(changed)}

    if all(len(run) < 128 for run in before | after):
        assert len(after - before) <= 2
        assert len(before - after) <= 1


def test_a_change_of_a_big_tree_leaves_nearly_all_runs_as_they_are() -> None:
    listed = names(2000)
    before = {tuple(listed[place]) for place in runs.cut(listed)}
    after = {tuple(["f" * 40, *listed][place]) for place in runs.cut(["f" * 40, *listed])}

    assert len(after - before) <= 2
    assert len(before) > 20


def memory(cache: FactCache | None, facts: bytes = b"f" * 12, php: bytes = b"p" * 12) -> Memory:
    return Memory(cache, facts_digest=facts, syntax_digest=php)


def known(gathered: Gathered) -> tuple[object, ...]:
    return gathered.known, gathered.syntax


NAMES = names(200)
WANTED = [
    Wanted(name, 10, LINK if number % 50 == 0 else 1 + number % 3, number % 3 == 1) for number, name in enumerate(NAMES)
]


def read(wanted: Wanted, number: int) -> Found:
    """What a process would find: facts, nothing, a binary content, a link."""
    facts = BlobFacts(secrets=(Mark(number, "secret"),)) if number % 4 else None
    state = State.BINARY if number % 7 == 0 else State.READ
    reading = Reading(state, facts, "cible" if wanted.roles & LINK else "")
    compiled = wanted.syntax and state is State.READ
    said = Syntax(ok=number % 5 != 0, line=number, error="" if number % 5 else "non") if compiled else None
    return Found(wanted.blob, msgspec.msgpack.encode(reading), said)


def told(cache: FactCache, wanted: Sequence[Wanted] = WANTED) -> Gathered:
    """All is asked for, what is not known is read, and all is kept."""
    gathered, held = Gathered(), memory(cache)
    for missing in held.recall(wanted, gathered):
        held.taken(missing.wanted, read(missing.wanted, NAMES.index(missing.wanted.blob)), gathered)
    held.keep_runs(gathered)
    return gathered


def test_an_unchanged_tree_is_told_by_a_look_up_a_run() -> None:
    cache = Held()
    first = told(cache)
    cache.asked = 0

    again = Gathered()
    assert memory(cache).recall(WANTED, again) == []
    assert known(again) == known(first)
    assert cache.asked == len(list(runs.cut([each.blob for each in WANTED]))) < len(WANTED) / 10


def test_without_its_run_each_content_is_still_known() -> None:
    cache = Held()
    first = told(cache)
    cache.values = {key: value for key, value in cache.values.items() if not key.startswith(b"run\0")}

    again, held = Gathered(), memory(cache)
    assert held.recall(WANTED, again) == []
    assert known(again) == known(first)
    held.keep_runs(again)
    assert any(key.startswith(b"run\0") for key in cache.values)


def test_a_new_content_is_all_that_is_missing() -> None:
    cache = Held()
    told(cache)
    new = Wanted("f" * 40, 3, 1, syntax=True)

    assert memory(cache).recall([*WANTED[:77], new, *WANTED[77:]], Gathered()) == [
        Missing(new, facts=True, syntax=True)
    ]


@pytest.mark.parametrize("change", [{"roles": 5}, {"syntax": True}])
def test_a_content_wanted_otherwise_is_not_told_by_the_run_of_before(change: dict[str, int]) -> None:
    cache = Held()
    told(cache)
    other = WANTED[2]._replace(**change)  # type: ignore[arg-type]

    [missing] = memory(cache).recall([*WANTED[:2], other, *WANTED[3:]], Gathered())
    assert missing.wanted == other


@pytest.mark.parametrize("digests", [(b"g" * 12, b"p" * 12), (b"f" * 12, b"q" * 12)])
def test_another_extractor_or_php_is_told_nothing_of_what_it_would_find(digests: tuple[bytes, bytes]) -> None:
    cache = Held()
    told(cache)

    left = memory(cache, *digests).recall(WANTED, Gathered())
    compiled = [each for number, each in enumerate(WANTED) if each.syntax and number % 7]
    assert [each.wanted for each in left] == (WANTED if digests[0][:1] == b"g" else compiled)


@given(st.data())
def test_an_entry_of_a_run_that_no_engine_wrote_is_never_believed(data: st.DataObject) -> None:
    cache = Held()
    first = told(cache)
    key = data.draw(st.sampled_from(sorted(key for key in cache.values if key.startswith(b"run\0"))))
    value = cache.values[key]
    place = data.draw(st.integers(0, len(value) - 1))
    broken = data.draw(
        st.sampled_from([value[:place], value + b"\0", b"\x91" * 5000, data.draw(st.binary(max_size=60))])
    )
    cache.values[key] = broken

    again = Gathered()
    assert memory(cache).recall(WANTED, again) == []
    assert known(again) == known(first)


def test_an_entry_that_tells_less_than_is_wanted_tells_nothing() -> None:
    cache, wanted = Held(), [WANTED[1]]
    first = told(cache, wanted)
    [key] = (key for key in cache.values if key.startswith(b"run\0"))
    for less in ([(Reading(State.READ), None)], [(Reading(State.HOSTILE), Syntax(ok=True))], []):
        cache.values[key] = msgspec.msgpack.encode(less)

        again = Gathered()
        assert memory(cache).recall(wanted, again) == []
        assert known(again) == known(first)


def test_a_machine_without_php_leaves_alone_the_runs_of_one_that_has_it() -> None:
    cache = Held()
    told(cache)
    told(cache, [each._replace(syntax=False) for each in WANTED])
    cache.asked = 0

    assert memory(cache).recall(WANTED, Gathered()) == []
    assert cache.asked == len(list(runs.cut([each.blob for each in WANTED])))


@pytest.mark.parametrize("state", [State.MISSING, State.HOSTILE])
def test_a_run_with_a_content_that_was_not_read_is_not_kept(state: State) -> None:
    cache = Held()
    gathered, held = Gathered(), memory(cache)
    wanted = [Wanted(name, 1, 1) for name in names(3, "x")]
    for missing in held.recall(wanted, gathered):
        lost = missing.wanted is wanted[1]
        reading = Reading(state if lost else State.READ)
        held.taken(missing.wanted, Found(missing.wanted.blob, msgspec.msgpack.encode(reading)), gathered)
    held.keep_runs(gathered)

    assert not [key for key in cache.values if key.startswith(b"run\0")]


def test_a_run_with_a_content_that_php_said_nothing_of_is_not_kept() -> None:
    cache = Held()
    gathered, held = Gathered(), memory(cache)
    wanted = Wanted(names(1)[0], 1, 1, syntax=True)
    [missing] = held.recall([wanted], gathered)
    held.taken(missing.wanted, Found(wanted.blob, msgspec.msgpack.encode(Reading(State.READ))), gathered)
    held.keep_runs(gathered)

    assert memory(cache).recall([wanted], Gathered()) == [Missing(wanted, facts=False, syntax=True)]


def test_without_a_cache_all_is_missing() -> None:
    gathered, held = Gathered(), memory(None)
    assert [each.wanted for each in held.recall(WANTED, gathered)] == WANTED
    held.keep_runs(gathered)
