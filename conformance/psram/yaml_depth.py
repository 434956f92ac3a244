"""Whether a YAML text nests too deep to be parsed: beyond some twenty thousand levels the C parser crashes the process.

Told from tokens, whatever strings and comments hold: a closing bracket in a string closes nothing. A list written
without indentation below its key counts with that key, so that at worst half of the levels are seen.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from psram.yaml_loader import LOADER

_MARGIN: Final = re.compile(r"^[ \t]*(?:[-?:][ \t]+)*", re.MULTILINE)
_OPENS: Final = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSES: Final = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


def nests_beyond(text: str, limit: int) -> bool:
    """Whether collections nest beyond ``limit``: never below it, always from twice as deep.

    What is not YAML is not deep: parsing it will say so.
    """
    if _at_most(text) <= limit:
        return False
    depth = 0
    try:
        for token in yaml.scan(text, Loader=LOADER):  # one by one, nothing is built
            if isinstance(token, _OPENS):
                depth += 1
            elif isinstance(token, _CLOSES):
                depth -= 1
            if depth > limit:
                return True
    except (yaml.YAMLError, ValueError):
        return False
    return False


def _at_most(text: str) -> int:
    """A bound of the depth that costs little: every bracket opens, every column of a line's margin as well."""
    margins = (found.end() - found.start() for found in _MARGIN.finditer(text))
    return text.count("[") + text.count("{") + max(margins, default=0) + 1
