"""Numbers of a PHP file that an organisation is compared with: ``$organisation === 671``.

Quoted codes are read with the other literals (:mod:`psram.collect.php_sites`); numbers are too common for that.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile

_MAX_FOUND: Final = 200
_COMPARED: Final = re.compile(rb"[=!]=\s*(\d{3})(?![\w.])|(?<![\w.$])(\d{3})\s*[=!]=")
_ORGANISATION: Final = re.compile(r"organi[sz]", re.IGNORECASE)
_MEASURE: Final = re.compile(r"(?i)count|size|length|strlen|total|nombre|status|http")


def _codes(file: PhpFile) -> None:
    if b"organi" not in file.lower:
        return
    for found in itertools.islice(_COMPARED.finditer(file.content), _MAX_FOUND):
        group = 1 if found[1] is not None else 2
        node = file.root.descendant_for_byte_range(found.start(group), found.end(group))
        if node is None or node.type != "integer" or node.parent is None or node.parent.type != "binary_expression":
            continue
        other = next((c for c in node.parent.named_children if c != node), None)
        said = text(other)[-200:]
        if _ORGANISATION.search(said) and not _MEASURE.search(said):
            file.mark(node, "code", found[group].decode("ascii"), "organisation")


EXTRACTOR: Final = Extractor(
    finish_if={rb"[=!]=[\s\x0b]*[0-9]{3}\b|\b[0-9]{3}[\s\x0b]*[=!]=": _codes},
)
