"""Puts facts together: what was listed, chosen and read becomes one :class:`psram.facts.Facts`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from psram.collect.choosing import Choice
from psram.collect.listing import Listing
from psram.collect.reading import Known
from psram.facts import ComposerFacts, Facts, FileFact, History, Kind, Skip, SyntaxFacts


def assembled(
    listing: Listing,
    choice: Choice,
    known: Known,
    *,
    composer: ComposerFacts,
    syntax: SyntaxFacts | None,
    history: History | None = None,
    hidden: tuple[str, ...] = (),
) -> Facts:
    """The facts of a listing whose contents are known; the order in which they were read does not matter."""
    return Facts(
        commit=listing.commit,
        tree=listing.tree,
        files=tuple(sorted(_noted(f, choice.skipped, known) for f in listing.files)),
        blobs={blob: known.facts[blob] for blob in sorted(known.facts)},
        composer=composer,
        syntax=syntax,
        uncommitted=listing.uncommitted,
        truncated=choice.problem or listing.truncated,
        history=history,
        hidden=hidden,
    )


def _noted(file: FileFact, skipped: Mapping[str, Skip], known: Known) -> FileFact:
    if file.kind is Kind.LINK:
        return msgspec.structs.replace(file, target=known.targets.get(file.blob, ""))
    reason = skipped.get(file.path) or known.unread.get(file.blob)
    return file if reason is None or file.kind is Kind.SUBMODULE else msgspec.structs.replace(file, skipped=reason)
