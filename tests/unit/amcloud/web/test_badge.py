"""The badge as an image: well-formed, readable without colour, from nowhere but itself, kept by caches for minutes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import date
from xml.etree import ElementTree

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from amcloud.errors import UnavailableError
from amcloud.stages.declared.app import StageName
from amcloud.stages.to_forge.badge import Badge, State
from amcloud.stored import ShownBadge
from amcloud.web import badge
from amcloud.web.reports import application

SINCE, DAY = date(2026, 3, 2), date(2026, 5, 1)
MADE = Badge(StageName.PRODUCTION, State.CONFORMING, "La révision en service respecte psram-2026.1.", DAY)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("state", "day", "said"),
    [
        (State.CONFORMING, DAY, "conforme au 01/05/2026"),
        (State.WARNED, DAY, "avertie à partir du 01/05/2026"),
        (State.WARNED, None, "avertie depuis le 02/03/2026"),
        (State.FROZEN, None, "gelée depuis le 02/03/2026"),
        (State.NOT_HOSTED, None, "non hébergée"),
    ],
)
def test_the_word_and_the_date_are_written_and_read_aloud(state: State, day: date | None, said: str) -> None:
    read = ElementTree.fromstring(badge.svg(Badge(StageName.PRODUCTION, state, "Phrase.", day), SINCE))
    assert [text.text for text in read.iter(f"{SVG}text")] == ["AM Cloud production", said]
    assert read.attrib["role"] == "img"
    title = read.find(f"{SVG}title")
    assert title is not None and title.text == read.attrib["aria-label"] == f"AM Cloud production : {said}. Phrase."


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=60))
def test_any_sentence_stays_text(sentence: str) -> None:
    written = badge.svg(Badge(StageName.ACCEPTANCE, State.WARNED, sentence), SINCE)
    read = ElementTree.fromstring(written)
    assert {child.tag.removeprefix(SVG) for child in read.iter()} == {"svg", "title", "clipPath", "g", "rect", "text"}
    assert read.attrib["aria-label"].endswith(f". {sentence}")


def test_nothing_of_it_comes_from_elsewhere() -> None:
    written = badge.svg(MADE, SINCE)
    assert re.findall(r"https?://[^\"]*", written) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(script|style|image|use|foreignObject)|\bon\w+=|href|@import", written)
    assert len(written) < 1500


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [badge.LEFT, *(look.colour for look in badge.LOOKS.values())])
def test_white_is_readable_on_every_colour(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_every_state_has_a_look_of_its_own() -> None:
    assert set(badge.LOOKS) == set(State)
    assert len({look.word for look in badge.LOOKS.values()}) == len(State)


class Store:
    """Two stages' badges of one application; the rest is not asked here."""

    down = False
    known = (ShownBadge(MADE, SINCE), ShownBadge(Badge(StageName.ACCEPTANCE, State.FROZEN, "Phrase."), SINCE))

    async def badges(self, namespace: str, app: str) -> list[ShownBadge]:
        if self.down:
            raise UnavailableError("lecture des rapports : la base ne répond pas")
        return list(self.known) if (namespace, app) == ("cpam-bas-rhin", "suivi-courriers") else []


def ask(path: str, *, down: bool = False, **headers: str) -> tuple[int, str, Mapping[str, str]]:
    async def run() -> tuple[int, str, Mapping[str, str]]:
        store = Store()
        store.down = down
        async with TestClient(TestServer(application(store))) as client:  # type: ignore[arg-type]  # one method of it
            reply = await client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})
            return reply.status, await reply.text(), reply.headers.copy()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/cpam-bas-rhin/suivi-courriers/badge.svg", "AM Cloud production"),
        ("/cpam-bas-rhin/suivi-courriers/production/badge.svg", "AM Cloud production"),
        ("/cpam-bas-rhin/suivi-courriers/acceptance/badge.svg", "gelée"),
    ],
)
def test_a_badge_has_an_address_of_its_own_and_may_be_kept_for_minutes(path: str, said: str) -> None:
    status, text, headers = ask(path)
    assert (status, headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert said in text and "max-age=300" in headers["Cache-Control"]
    assert headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in headers["Content-Security-Policy"]
    assert ask(path, If_None_Match=headers["ETag"])[:2] == (304, "")


@pytest.mark.parametrize(
    "path",
    [
        "/cpam-bas-rhin/inconnue/badge.svg",
        "/cpam-bas-rhin/suivi-courriers/development/badge.svg",
        "/cpam-bas-rhin/suivi-courriers/autre/badge.svg",
        "/CPAM/suivi-courriers/badge.svg",
    ],
)
def test_an_unknown_application_or_stage_has_none(path: str) -> None:
    assert ask(path)[0] == 404


def test_while_the_database_is_down_caches_keep_the_last_one() -> None:
    status, _, headers = ask("/cpam-bas-rhin/suivi-courriers/badge.svg", down=True)
    assert status == 503 and "Retry-After" in headers
    assert "stale-if-error" in ask("/cpam-bas-rhin/suivi-courriers/badge.svg")[2]["Cache-Control"]
