"""What a person asked of a stage, beyond its branch or tag: stay on a kept revision, or take one from another stage.

It is kept as JSON in an annotation of the LocalApp, one a stage (docs/decisions/0011-intentions-are-annotations.md).
Who may annotate is not who decides: a revision that no stage is known to have served is never believed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
IMAGE: Final = re.compile(r"[^\s@]{1,400}@sha256:[0-9a-f]{64}")
ANNOTATION_LONGEST: Final = 2000
REASON_LONGEST: Final = 300
BY_LONGEST: Final = 100
TOKEN_LONGEST: Final = 40
_STAGE = re.compile(r"[a-z]{1,20}")


class Kind(StrEnum):
    """What is asked."""

    HOLD = "hold"
    """Stay on this revision, whatever is pushed, until somebody asks for something else."""
    PROMOTE = "promote"
    """Take this revision, that another stage served, through this stage's gate, until its own ref moves."""
    FOLLOW = "follow"
    """Follow the branch or tag again, and try once more what had been withdrawn."""


@dataclass(frozen=True, slots=True)
class Intention:
    """One request. ``token`` tells it from others: the time at which it was made."""

    kind: Kind
    token: str
    by: str
    """Who asked, as their computer knows them; the API server's audit log is the proof."""
    why: str
    commit: str = ""
    image: str = ""
    origin: str = ""
    """The stage that served the revision, for :attr:`Kind.PROMOTE`."""
    instead: str = ""
    """The commit that the stage's own ref named then; the promotion ends when it names another."""


def written(asked: Intention) -> str:
    """The annotation's value."""
    values = {
        "kind": str(asked.kind),
        "at": asked.token,
        "by": asked.by,
        "why": asked.why,
        "commit": asked.commit,
        "image": asked.image,
        "from": asked.origin,
        "instead": asked.instead,
    }
    return json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)


def read(value: Any) -> Intention | None:
    """What an annotation asks; ``None`` when it is not written as :func:`written` does."""
    if not isinstance(value, str) or len(value) > ANNOTATION_LONGEST:
        return None
    try:
        found = json.loads(value)
        kind = Kind(found["kind"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    texts = [found.get(name, "") for name in ("at", "by", "why", "commit", "image", "from", "instead")]
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        return None
    asked = Intention(kind, *texts)
    return asked if _possible(asked) else None


def _possible(asked: Intention) -> bool:
    bounded = 0 < len(asked.token) <= TOKEN_LONGEST and len(asked.by) <= BY_LONGEST and len(asked.why) <= REASON_LONGEST
    if not bounded or (asked.instead and not COMMIT.fullmatch(asked.instead)):
        return False
    if asked.kind is Kind.FOLLOW:
        return True
    named = bool(COMMIT.fullmatch(asked.commit) and IMAGE.fullmatch(asked.image))
    return named and (asked.kind is Kind.HOLD or bool(_STAGE.fullmatch(asked.origin)))
