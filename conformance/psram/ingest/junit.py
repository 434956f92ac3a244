"""JUnit reports: what they count, and the outcome of each case for the rules that ask about single tests."""

from __future__ import annotations

from typing import Final

from psram.ingest import xml_events
from psram.proofs import TestCase, TestSummary

MAX_CASES: Final = 200_000
MAX_KEPT: Final = 2000
_ROOTS: Final = frozenset({"testsuites", "testsuite"})
_KINDS: Final = {"failure": "failures", "error": "errors", "skipped": "skipped"}
_OUTCOMES: Final = {"": "passed", "skipped": "skipped", "failures": "failed", "errors": "failed"}
_WORST: Final = ("passed", "empty", "skipped", "failed")


def read(content: bytes) -> TestSummary:
    """What a JUnit report counts, whatever the totals it announces: its test cases are counted one by one.

    At most :data:`MAX_KEPT` cases are kept by name, those that speak of isolation first; ``cases_total`` counts all.

    Raises:
        UsageError: not a JUnit report (document types are refused, so no entity is ever expanded).
    """
    reader = _Reader()
    xml_events.walk(content, roots=_ROOTS, start=reader.start, end=reader.end, what="le rapport JUnit")
    return reader.summary()


class _Reader:
    """Counts test cases while parsing; keeps no tree."""

    def __init__(self) -> None:
        self._counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0, "isolation": 0}
        self._failed: list[str] = []
        self._cases: dict[tuple[str, str], str] = {}
        self._speaking: dict[tuple[str, str], str] = {}
        self._overflow = 0
        self._case: str | None = None
        self._key = ("", "")
        self._told = ""
        self._asserts_nothing = False

    def summary(self) -> TestSummary:
        """The totals, and the cases kept."""
        kept = {**self._speaking, **self._cases}
        cases = [TestCase(owner, name, outcome) for (owner, name), outcome in sorted(kept.items())]
        return TestSummary(
            tests=self._counts["tests"],
            failures=self._counts["failures"],
            errors=self._counts["errors"],
            skipped=self._counts["skipped"],
            isolation=self._counts["isolation"],
            failed_names=tuple(sorted(self._failed)[:20]),
            cases=tuple(cases),
            cases_total=len(cases) + self._overflow,
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if tag == "testcase":
            owner = attributes.get("classname") or attributes.get("class") or ""
            name = attributes.get("name", "")
            self._case, self._told = f"{owner}::{name}"[:200], ""
            full = attributes.get("class") or owner.replace(".", "\\")
            self._asserts_nothing = attributes.get("assertions") == "0"
            self._key = (full[:200], name.partition(" with data set")[0][:200])
            self._counts["tests"] += 1
            if self._counts["tests"] > MAX_CASES:
                raise xml_events.RefusedError("too many")
        elif tag in _KINDS and self._case is not None and not self._told:
            self._told = _KINDS[tag]

    def end(self, tag: str) -> None:
        """An element closes."""
        if tag != "testcase" or self._case is None:
            return
        speaks = "isolation" in self._case.lower()
        broken = self._told in ("failures", "errors")
        if self._told:
            self._counts[self._told] += 1
        if broken:
            self._failed.append(self._case)
        self._counts["isolation"] += speaks
        outcome = "empty" if not self._told and self._asserts_nothing else _OUTCOMES[self._told]
        self._keep(self._speaking if speaks else self._cases, outcome)
        self._case = None

    def _keep(self, cases: dict[tuple[str, str], str], outcome: str) -> None:
        known = cases.get(self._key)
        if known is None and len(cases) >= MAX_KEPT:
            self._overflow += 1
            return
        cases[self._key] = outcome if known is None else max(known, outcome, key=_WORST.index)
