"""Stage 2: which commit of the repository a stage speaks of."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from amcloud.stages.manifest import Ref, RefKind

_NUMBER = re.compile(r"\d+")


def commit(ref: Ref, refs: Mapping[str, str]) -> str | None:
    """Full object name of the commit that ``ref`` names among ``refs`` (``refs/heads/main`` → 40 hex digits), or ``None``.

    Annotated tags appear twice in a listing, the second time peeled (``refs/tags/v1^{}``): the peeled commit is taken.
    """
    match ref.kind:
        case RefKind.BRANCH:
            return refs.get(f"refs/heads/{ref.pattern}")
        case RefKind.TAG:
            tags = [name for name in refs if name.startswith("refs/tags/") and not name.endswith("^{}")]
            matching = [name for name in tags if fnmatch.fnmatchcase(name.removeprefix("refs/tags/"), ref.pattern)]
            if not matching:
                return None
            newest = max(matching, key=_version_key)
            return refs.get(f"{newest}^{{}}", refs[newest])


def not_found(project: str, ref: Ref) -> str:
    """The sentence for a ref that names no commit."""
    match ref.kind:
        case RefKind.BRANCH:
            return f"La branche « {ref.pattern} » n'existe pas dans {project} : poussez-la ou corrigez spec.stages."
        case RefKind.TAG:
            return f"Aucune étiquette « {ref.pattern} » dans {project} : créez-en une ou corrigez spec.stages."


def _version_key(tag: str) -> tuple[tuple[int, ...], bool, str]:
    """Order of SemVer as far as people use it in tags: numbers by value, a pre-release before its release."""
    version, _, pre_release = tag.partition("-")
    return tuple(int(number) for number in _NUMBER.findall(version)[:4]), not pre_release, tag
