"""PHP that PHP accepts and the grammar does not, written so that the grammar reads the same: asked where it fails.

Nothing is moved to another line. Only words that no rule looks at are renamed; what still does not parse stays unread.
"""

from __future__ import annotations

import re
from typing import Final

_EXIT: Final = re.compile(rb"(?i)(?<![\w$>:\\'\"])(exit|die)[ \t]{1,20}([-+]?[0-9]{1,10}|\$\w{1,100})[ \t]{0,20}(?=;)")
_CLASS: Final = re.compile(rb"(?<=->)class\b")
_STRICT: Final = re.compile(rb"(?i)\bdeclare\s{0,20}\(\s{0,20}strict_types\s{0,20}=")
_READONLY: Final = re.compile(rb"(?i)(?<![\w$>:\\])readonly(?=[ \t]{0,20}\()")


def mended(content: bytes) -> bytes:
    """``exit -1;`` as ``exit(-1);``, ``"$x->class"`` under another name, the function that is named readonly, and the
    directive ``STRICT_TYPES`` in lower case."""
    content = _EXIT.sub(rb"\1(\2)", content)
    content = _STRICT.sub(lambda found: found[0].lower(), content)
    return _READONLY.sub(b"readonl_", _CLASS.sub(b"klass", content))
