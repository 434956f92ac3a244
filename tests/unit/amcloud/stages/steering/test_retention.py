"""Which images leave the registry: a table, and what always holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.stages.steering import retention
from amcloud.stages.steering.retention import Needed, Stored, Why

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=400), NOW - timedelta(days=2)
KEEP = timedelta(days=30)
COMMIT, OTHER = "1" * 40, "2" * 40
IMAGE, SECOND = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
SIGNED = f"sha256:{'c' * 64}"
NOBODY = Needed(frozenset(), frozenset())


def stored(tag: str = COMMIT, digest: str = IMAGE, created: datetime | None = OLD) -> Stored:
    return Stored("cpam/essai", tag, digest, created)


def attestation(of: str = IMAGE) -> Stored:
    return stored(f"{of.replace(':', '-')}.att", SIGNED, None)


def why(*found: Stored, wanted: Needed = NOBODY) -> dict[str, Why]:
    return {fate.digest: fate.why for fate in retention.fates(found, wanted, now=NOW, keep=KEEP)}


@pytest.mark.parametrize(
    ("one", "wanted", "expected"),
    [
        pytest.param(stored(), NOBODY, Why.UNUSED, id="old and named nowhere"),
        pytest.param(stored(), Needed(frozenset({IMAGE}), frozenset()), Why.NAMED, id="its digest is named"),
        pytest.param(stored(), Needed(frozenset(), frozenset({COMMIT})), Why.COMMIT, id="its commit is followed"),
        pytest.param(stored(created=NEW), NOBODY, Why.RECENT, id="recent"),
        pytest.param(stored(created=None), NOBODY, Why.UNKNOWN, id="of unknown age"),
        pytest.param(stored("v1.2.0"), NOBODY, Why.UNKNOWN, id="tagged by hand"),
    ],
)
def test_an_image_stays_for_a_reason(one: Stored, wanted: Needed, expected: Why) -> None:
    assert why(one, wanted=wanted) == {IMAGE: expected}


def test_one_reason_for_one_tag_keeps_the_digest() -> None:
    wanted = Needed(frozenset(), frozenset({OTHER}))
    assert why(stored(COMMIT), stored(OTHER), wanted=wanted) == {IMAGE: Why.COMMIT}


def test_an_attestation_stays_and_goes_with_its_image() -> None:
    assert why(stored(created=NEW), attestation())[SIGNED] is Why.WITH_IMAGE
    assert why(stored(), attestation())[SIGNED] is Why.UNUSED
    assert why(stored(digest=SECOND), attestation())[SIGNED] is Why.ORPHAN
    assert why(attestation(), wanted=Needed(frozenset({IMAGE}), frozenset()))[SIGNED] is Why.NAMED


def test_what_any_text_names_is_needed() -> None:
    found = retention.needed([f'{{"image": "r/x@{IMAGE}", "commit": "{COMMIT}"}}', f"un texte {OTHER}.", "x" * 40])
    assert found == Needed(frozenset({IMAGE}), frozenset({COMMIT, OTHER}))


TAGS = st.sampled_from([COMMIT, OTHER, "v1", attestation().tag, attestation(SECOND).tag])
DIGESTS = st.sampled_from([IMAGE, SECOND, SIGNED])
MOMENTS = st.sampled_from([OLD, NEW, None])


@given(
    st.lists(st.builds(Stored, st.sampled_from(["a", "b"]), TAGS, DIGESTS, MOMENTS)),
    st.frozensets(DIGESTS),
    st.frozensets(st.sampled_from([COMMIT, OTHER])),
)
def test_nothing_that_is_named_ever_goes(found: list[Stored], digests: frozenset[str], commits: frozenset[str]) -> None:
    fates = retention.fates(found, Needed(digests, commits), now=NOW, keep=KEEP)
    assert {(f.repository, f.digest) for f in fates} == {(one.repository, one.digest) for one in found}
    assert not [fate for fate in fates if fate.goes and (fate.digest in digests or set(fate.tags) & commits)]
