"""The platform's part of a verdict, in one file: with it, any machine recomputes the operator's report.

It carries what a repository does not say (syntax verdicts of the hosted PHP by blob id, pipeline evidence, track,
stage, date, derogations, platform settings) and which pack judged. No source text.
"""

from __future__ import annotations

from typing import Final

import msgspec

from psram.errors import UsageError
from psram.facts import Facts, History, SyntaxFacts
from psram.ingest.junit import read as read_junit
from psram.judge import ENGINE
from psram.malformed import fault
from psram.model import Context, PackRef
from psram.rules import Pack

__all__ = ["SCHEMA", "Bundle", "complete", "dump", "load", "read_junit"]

SCHEMA: Final = "psram.evidence/1"
_MAX_BYTES: Final = 64 * 1024 * 1024


class Bundle(msgspec.Struct, frozen=True):
    """An evidence file's content; it speaks of one commit only."""

    schema: str
    engine: str
    commit: str
    tree: str
    pack: PackRef
    context: Context
    syntax: SyntaxFacts | None = None
    history: History | None = None


class _Kind(msgspec.Struct, frozen=True):
    schema: str


def dump(facts: Facts, context: Context, pack: Pack) -> bytes:
    """The evidence file of a report made from these facts, this context and this pack."""
    bundle = Bundle(
        schema=SCHEMA,
        engine=ENGINE,
        commit=facts.commit,
        tree=facts.tree,
        pack=PackRef(pack.name, pack.version, pack.digest),
        context=context,
        syntax=facts.syntax,
        history=facts.history,
    )
    return msgspec.json.format(msgspec.json.encode(bundle, order="sorted"), indent=1) + b"\n"


def load(content: bytes) -> Bundle:
    """The evidence file's content.

    Raises:
        UsageError: not such a file.
    """
    if len(content) > _MAX_BYTES:
        raise UsageError("le fichier de preuves est trop grand")
    try:
        bundle = msgspec.json.decode(content, type=Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _is_report(content):
            said = "c'est un rapport, pas un fichier de preuves : « amcloud evidence ADRESSE » télécharge ses preuves"
            raise UsageError(said) from error
        raise UsageError(f"le fichier de preuves ne peut pas être lu : {fault(error).said()}") from error
    if bundle.schema != SCHEMA:
        raise UsageError(f"le fichier de preuves est au format « {bundle.schema} », ce moteur lit « {SCHEMA} »")
    return bundle


def _is_report(content: bytes) -> bool:
    try:
        return msgspec.json.decode(content, type=_Kind).schema.startswith("psram.report/")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def complete(facts: Facts, bundle: Bundle, pack: Pack) -> Facts:
    """The facts with the platform's syntax verdicts and what it read of earlier commits.

    Raises:
        UsageError: the evidence is of another commit, or was judged by another pack.
    """
    if facts.commit != bundle.commit or facts.tree != bundle.tree or facts.uncommitted:
        raise UsageError(f"ces preuves sont celles du commit {bundle.commit[:12]} : ajoutez --commit {bundle.commit}")
    if pack.digest != bundle.pack.digest:
        said = f"ces preuves viennent du pack {bundle.pack.name} ({bundle.pack.digest[:19]}…), autre que celui d'ici"
        raise UsageError(said)
    return msgspec.structs.replace(facts, syntax=bundle.syntax, history=bundle.history)
