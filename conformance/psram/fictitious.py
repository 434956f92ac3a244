"""Values that a repository declares fictitious, so that tests may hold what looks real, and secrets it revoked.

``.psram.yml``: ``valeurs_fictives: [{valeur: …, justification: …}]``. Only places meant for samples may hold
them (the rule's data lists them); a declaration without justification is none. Facts keep prints: these are compared.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from psram.facts import DataFacts, Entry, Facts, Mark
from psram.memo import of_facts

FILE: Final = ".psram.yml"
_MAX_DECLARED: Final = 100
_MAX_NAME: Final = 60
_MIN_JUSTIFICATION: Final = 10
_REVOKED: Final = re.compile(r"secrets_revoques\[(\d+)\]\.(empreinte|revoque_le|justification)")
_ENTRY: Final = re.compile(r"valeurs_fictives\[(\d+)\]\.(valeur|justification)")


def salted(value: bytes) -> str:
    """Eight hexadecimal digits of a salted digest: they tell two values apart, and are too few to find one."""
    return hashlib.blake2b(value, digest_size=4, key=b"psram").hexdigest()


class Declared(NamedTuple):
    """Prints of the declared values; ``unjustified`` those of declarations that give no reason.

    ``problem`` says what of the file is not understood, and thus counts for nothing.
    """

    accepted: frozenset[str]
    unjustified: frozenset[str]
    problem: str = ""

    def covers(self, path: str, mark: Mark, params: Mapping[str, Any]) -> bool:
        """Whether the value seen there is declared fictitious, in a place for samples."""
        return _print(mark) in self.accepted and (path == FILE or is_sample(path, params))

    def remark(self, path: str, mark: Mark) -> str:
        """Why a declaration of that value does not count; empty when there is none."""
        if _print(mark) in self.unjustified:
            return f" (déclarée fictive dans {FILE}, mais sans justification)"
        if _print(mark) in self.accepted:
            return " (une valeur fictive n'est admise que dans les tests, jeux de données et documents)"
        return f" ({self.problem})" if self.problem else ""


def declared(facts: Facts) -> Declared:
    """What the repository's file declares; nothing when it is absent or cannot be read."""
    found: dict[str, dict[str, str]] = {}
    for path, value in _entries(facts):
        parts = _ENTRY.fullmatch(path)
        if parts is not None and len(found) <= _MAX_DECLARED:
            found.setdefault(parts[1], {})[parts[2]] = value
    accepted: set[str] = set()
    unjustified: set[str] = set()
    for said in found.values():
        justified = len(said.get("justification", "")) >= _MIN_JUSTIFICATION
        (accepted if justified else unjustified).update(_forms(said.get("valeur", "")))
    return Declared(frozenset(accepted), frozenset(unjustified - accepted), problem(facts))


def problem(facts: Facts) -> str:
    """What of the repository's file is not understood, in French; empty when all of it is."""
    data = _file(facts)
    if data is None:
        return ""
    if data.problem:
        line = f", ligne {data.problem_line}" if data.problem_line else ""
        return f"{FILE}{line} : {data.problem} ; rien de ce qu'il déclare ne compte"
    strange = next((entry for entry in data.entries if not _known(entry)), None)
    if strange is None:
        return ""
    known = "valeurs_fictives (valeur, justification) et secrets_revoques (empreinte, revoque_le, justification)"
    name = strange.path[:_MAX_NAME] or strange.value[:_MAX_NAME]
    return f"{FILE}, ligne {strange.line} : « {name} » ne compte pas ; il déclare des listes, {known}"


def _known(entry: Entry) -> bool:
    empty = entry.path in ("valeurs_fictives", "secrets_revoques") and not entry.value
    return empty or _ENTRY.fullmatch(entry.path) is not None or _REVOKED.fullmatch(entry.path) is not None


def revoked(facts: Facts, day: date) -> frozenset[str]:
    """Prints of the secrets of earlier commits that the repository declares revoked on ``day`` or before.

    ``secrets_revoques: [{empreinte: …, revoque_le: AAAA-MM-JJ, justification: …}]``, all three needed.
    """
    found: dict[str, dict[str, str]] = {}
    for path, value in _entries(facts):
        parts = _REVOKED.fullmatch(path)
        if parts is not None and len(found) <= _MAX_DECLARED:
            found.setdefault(parts[1], {})[parts[2]] = value
    return frozenset(
        said["empreinte"]
        for said in found.values()
        if len(said.get("justification", "")) >= _MIN_JUSTIFICATION
        and _until(said.get("revoque_le", ""), day)
        and "empreinte" in said
    )


def _until(written: str, day: date) -> bool:
    try:
        return date.fromisoformat(written) <= day
    except ValueError:
        return False


def _entries(facts: Facts) -> Iterator[tuple[str, str]]:
    """What the repository's file says, by dotted path; nothing when it is absent or cannot be read."""
    data = _file(facts)
    if data is not None and not data.problem:
        for entry in data.entries:
            yield entry.path, entry.value.strip()


@of_facts
def _file(facts: Facts) -> DataFacts | None:
    file = next((f for f in facts.files if f.path == FILE and f.skipped is None), None)
    blob = facts.blobs.get(file.blob) if file is not None else None
    return None if blob is None else blob.data


def _forms(value: str) -> set[str]:
    """Prints of the value as it is written, and as numbers and addresses are compared."""
    compact, bare = (re.sub(beside, "", value).upper() for beside in (r"[ .]", r"[^0-9A-Za-z]"))
    return {salted(form.encode()) for form in (value, compact, bare, value.replace(" ", ""), value.lower()) if form}


def is_sample(path: str, params: Mapping[str, Any]) -> bool:
    """Whether the rule's data says that samples live there (``samples``: folders ending in ``/``, or patterns)."""
    return any(
        path.startswith(item) if item.endswith("/") else fnmatch.fnmatchcase(path, item)
        for item in params.get("samples", ())
    )


def _print(mark: Mark) -> str:
    return mark.detail.partition(" ")[0]
