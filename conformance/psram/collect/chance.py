"""Whether a value looks drawn at random, as keys and generated passwords are, or written, as words and paths are."""

from __future__ import annotations

import itertools
import math
import re
import string
from typing import Final

_CODE: Final = re.compile(rb"[/\\:()\[\]{}<>|$#,;]|->|\.\w+\.")
_WRITTEN: Final = re.compile(
    rb"\\|->|::|://|\w\(|\[[^\]]*\]|\{[^}]*\}|\([^)]*\)|<[^>]*>|\.\w+\.|\||%(?:\d+\$)?[a-zA-Z](?![A-Za-z0-9])|^[#.][\w.-]+$"
)
"""What a value between quotes holds when it is code, a format, an address, a selector or a pattern."""
_DIGIT: Final = re.compile(rb"[0-9]")
_LETTER: Final = re.compile(rb"[A-Za-z]")
_KINDS: Final = bytes.maketrans(
    (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode() + bytes(range(128, 256)),
    b"A" * 26 + b"a" * 26 + b"0" * 10 + b"a" * 128,
)
_JOINTS: Final = b"/._-"
"""What joins words, in paths and names: it mixes nothing."""
_ASCII: Final = bytes(range(128))
_MAX_FOREIGN: Final = 3
"""Of so many bytes one may be of another script: what draws passwords takes signs of a keyboard."""
_MIN_ENTROPY_BITS: Final = 3.3
_MIN_CHANGES: Final = 0.4
"""Share of neighbours of another kind (digit, capital, small letter, each sign): 0.6 and more where each is drawn."""


def looks_random(value: bytes) -> bool:
    """Whether a value without a sign of code is more like a key than like a word or an identifier."""
    return _CODE.search(value) is None and _mixed(value)


def looks_whole(value: bytes) -> bool:
    """The same of a value whose end is known: signs may be part of it, if its characters are mixed all along."""
    if _WRITTEN.search(value) is not None or not _mixed(value):
        return False
    kinds = value.translate(_KINDS, _JOINTS)
    changes = sum(one != other for one, other in itertools.pairwise(kinds))
    return changes >= _MIN_CHANGES * (len(kinds) - 1)


def _mixed(value: bytes) -> bool:
    if len(value.translate(None, _ASCII)) * _MAX_FOREIGN > len(value):
        return False
    if not _DIGIT.search(value) or not _LETTER.search(value):
        return False
    counts = [value.count(byte) for byte in set(value)]
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts) >= _MIN_ENTROPY_BITS
