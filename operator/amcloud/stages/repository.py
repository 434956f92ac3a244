"""Step 2: which commit of the repository a stage speaks of."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from amcloud.stages.declared.app import Ref, RefKind

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Head:
    """What a stage follows, now: the branch or tag by name, and its commit (40 hex digits)."""

    name: str
    commit: str


def head(ref: Ref, refs: Mapping[str, str]) -> Head | None:
    """The branch or tag that ``ref`` names among ``refs`` (``refs/heads/main`` → commit), or ``None``.

    Annotated tags appear twice in a listing, the second time peeled (``refs/tags/v1^{}``): the peeled commit is taken.
    """
    match ref.kind:
        case RefKind.BRANCH:
            commit = refs.get(f"refs/heads/{ref.pattern}")
            return Head(ref.pattern, commit) if commit else None
        case RefKind.TAG:
            tags = [name.removeprefix("refs/tags/") for name in refs if name.startswith("refs/tags/")]
            matching = [name for name in tags if not name.endswith("^{}") and fnmatch.fnmatchcase(name, ref.pattern)]
            if not matching:
                return None
            newest = max(matching, key=_version_key)
            return Head(newest, refs.get(f"refs/tags/{newest}^{{}}", refs[f"refs/tags/{newest}"]))
    assert_never(ref.kind)


def not_found(project: str, ref: Ref) -> str:
    """The sentence for a ref that names no commit."""
    match ref.kind:
        case RefKind.BRANCH:
            return f"La branche « {ref.pattern} » n'existe pas dans {project} : poussez-la ou corrigez spec.stages."
        case RefKind.TAG:
            return f"Aucune étiquette « {ref.pattern} » dans {project} : créez-en une ou corrigez spec.stages."
    assert_never(ref.kind)


def _version_key(tag: str) -> tuple[tuple[int, ...], bool, str]:
    """Order of SemVer as far as people use it in tags: numbers by value, a pre-release before its release."""
    version, _, pre_release = tag.partition("-")
    return tuple(int(number) for number in _NUMBER.findall(version)[:4]), not pre_release, tag
