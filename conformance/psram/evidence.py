"""The platform's part of a verdict, in one file: with it, any machine recomputes the operator's report.

It carries what a repository does not say (syntax verdicts of the hosted PHP by blob id, pipeline evidence, track,
stage, date, derogations, platform settings) and which pack judged. No source text.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

import msgspec

from psram.errors import UsageError
from psram.facts import Facts, SyntaxFacts
from psram.judge import ENGINE
from psram.model import Context, PackRef, TestSummary
from psram.rules import Pack

SCHEMA: Final = "psram.evidence/1"
_MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_CASES: Final = 200_000


class Bundle(msgspec.Struct, frozen=True):
    """An evidence file's content; it speaks of one commit only."""

    schema: str
    engine: str
    commit: str
    tree: str
    pack: PackRef
    context: Context
    syntax: SyntaxFacts | None = None


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
        raise UsageError(f"le fichier de preuves ne peut pas être lu : {error}") from error
    if bundle.schema != SCHEMA:
        raise UsageError(f"le fichier de preuves est au format « {bundle.schema} », ce moteur lit « {SCHEMA} »")
    return bundle


def complete(facts: Facts, bundle: Bundle, pack: Pack) -> Facts:
    """The facts with the platform's syntax verdicts.

    Raises:
        UsageError: the evidence is of another commit, or was judged by another pack.
    """
    if facts.commit != bundle.commit or facts.tree != bundle.tree or facts.uncommitted:
        raise UsageError(f"ces preuves sont celles du commit {bundle.commit[:12]} : ajoutez --commit {bundle.commit}")
    if pack.digest != bundle.pack.digest:
        said = f"ces preuves viennent du pack {bundle.pack.name} ({bundle.pack.digest[:19]}…), autre que celui d'ici"
        raise UsageError(said)
    return msgspec.structs.replace(facts, syntax=bundle.syntax)


def read_junit(content: bytes) -> TestSummary:
    """What a JUnit report counts, whatever the totals it announces: its test cases are counted one by one.

    Raises:
        UsageError: not a JUnit report (document types are refused, so no entity is ever expanded).
    """
    if len(content) > _MAX_BYTES:
        raise UsageError("le rapport JUnit est trop grand")
    reader = _JUnit()
    try:
        reader.parser.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        raise UsageError("le rapport JUnit n'est pas du XML lisible, ou n'est pas un rapport JUnit") from error
    return reader.summary()


class _JUnit:
    """Counts test cases while parsing; keeps no tree."""

    _KINDS: Final = {"failure": "failures", "error": "errors", "skipped": "skipped"}

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0, "isolation": 0}
        self._failed: list[str] = []
        self._case: str | None = None
        self._told = ""
        self._depth = 0

    def summary(self) -> TestSummary:
        """The totals."""
        return TestSummary(**self._counts, failed_names=tuple(sorted(self._failed)[:20]))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and tag not in ("testsuites", "testsuite"):
            raise ValueError(tag)
        if tag == "testcase":
            owner = attributes.get("classname") or attributes.get("class") or ""
            self._case, self._told = f"{owner}::{attributes.get('name', '')}"[:200], ""
            self._counts["tests"] += 1
            self._counts["isolation"] += "isolation" in self._case.lower()
            if self._counts["tests"] > _MAX_CASES:
                raise ValueError("too many")
        elif tag in self._KINDS and self._case is not None and not self._told:
            self._told = self._KINDS[tag]

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if tag == "testcase" and self._case is not None:
            if self._told:
                self._counts[self._told] += 1
            if self._told in ("failures", "errors"):
                self._failed.append(self._case)
            self._case = None

    def _refuse(self, *_declaration: object) -> None:
        raise ValueError("DOCTYPE")
