"""A badge as an SVG image: a few hundred bytes, for a README. No script, no font, no address of anything outside."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple, assert_never
from xml.sax.saxutils import escape, quoteattr

from amcloud.stages.declared.app import StageName
from amcloud.stages.to_forge.badge import Badge, State

HEIGHT: Final = 20
CHARACTER: Final = 6.6
"""Pixels of a character at size 11, on average: each text is told its length, so that no font can spill it."""
MARGIN: Final = 6
LEFT: Final = "#3b3b3b"


class Look(NamedTuple):
    """A state's word and colour; white text on it is readable (a test computes the contrast)."""

    word: str
    colour: str


LOOKS: Final = {
    State.CONFORMING: Look("conforme", "#1b6e2f"),
    State.WARNED: Look("avertie", "#8a5200"),
    State.FROZEN: Look("gelée", "#1d4f91"),
    State.NOT_HOSTED: Look("non hébergée", "#5c5c5c"),
}


def svg(badge: Badge, since: date) -> str:
    """The image; the same badge gives the same bytes. ``since`` is the day from which its state holds."""
    look = LOOKS[badge.state]
    label, day = f"AM Cloud {_stage(badge.stage)}", badge.day or since
    value = look.word if badge.state is State.NOT_HOSTED else f"{look.word} {_preposition(badge)} {day:%d/%m/%Y}"
    told = f"{label} : {value}. {badge.sentence}"
    left, right = _width(label), _width(value)
    whole = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{HEIGHT}" role="img" '
        f"aria-label={quoteattr(told)}>"
        f"<title>{escape(told)}</title>"
        f'<clipPath id="r"><rect width="{whole}" height="{HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="{HEIGHT}" fill="{LEFT}"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{look.colour}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" aria-hidden="true">'
        f"{_text(label, MARGIN)}{_text(value, left + MARGIN)}</g></svg>\n"
    )


def _preposition(badge: Badge) -> str:
    match badge.state:
        case State.CONFORMING:
            return "au"
        case State.WARNED:
            return "depuis le" if badge.day is None else "à partir du"
        case State.FROZEN:
            return "depuis le"
        case State.NOT_HOSTED:
            return ""
    assert_never(badge.state)


def _stage(stage: StageName) -> str:
    match stage:
        case StageName.DEVELOPMENT:
            return "développement"
        case StageName.ACCEPTANCE:
            return "recette"
        case StageName.PRODUCTION:
            return "production"
    assert_never(stage)


def _text(words: str, left: int) -> str:
    length = _width(words) - 2 * MARGIN
    return f'<text x="{left}" y="14" textLength="{length}" lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'


def _width(words: str) -> int:
    return round(len(words) * CHARACTER) + 2 * MARGIN
