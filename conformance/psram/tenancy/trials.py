"""Which isolation tests exist, what each names, and what the pipeline's JUnit report says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from psram.facts import Facts, FileFact, TestMethod, TestSuite
from psram.index import data_code
from psram.proofs import TestSummary
from psram.tenancy.vocabulary import Vocabulary

_MAX_PARENTS = 20


@dataclass(frozen=True, slots=True)
class Trial:
    """An isolation test of the repository."""

    file: FileFact
    suite: TestSuite
    method: TestMethod

    @property
    def case(self) -> str:
        """Its name in a report."""
        return f"{self.suite.name}::{self.method.name}"


class Run(Enum):
    """What the pipeline says of a test."""

    PASSED = auto()
    FAILED = auto()
    SKIPPED = auto()  # or it asserts nothing
    ABSENT = auto()
    UNTOLD = auto()  # no report, or one that does not name its cases


class Runs:
    """Outcomes of a JUnit report by class and name."""

    def __init__(self, tests: TestSummary | None) -> None:
        self._outcomes = (
            {} if tests is None else {(_bare(c.class_name), c.name.lower()): c.outcome for c in tests.cases}
        )
        self._complete = tests is not None and bool(tests.cases) and tests.cases_total <= len(tests.cases)

    def of(self, trial: Trial) -> Run:
        """What the report says of this test."""
        match self._outcomes.get((_bare(trial.suite.name), trial.method.name.lower())):
            case "passed":
                return Run.PASSED
            case "failed":
                return Run.FAILED
            case "skipped" | "empty":
                return Run.SKIPPED
            case _:
                return Run.ABSENT if self._complete else Run.UNTOLD


def _bare(name: str) -> str:
    return name.lstrip("\\").replace(".", "\\").lower()


def isolation_tests(facts: Facts, words: Vocabulary) -> Iterator[Trial]:
    """Tests of isolation: in a class that extends the kit's base or carries the group, or tests that carry it."""
    found = [(file, suite) for file, php in data_code(facts) for suite in php.tests]
    parents = {suite.name.lower(): suite.parents for _file, suite in found}
    for file, suite in found:
        whole = suite.isolation or "isolation" in suite.name.lower() or _extends(suite.parents, parents, words)
        for method in suite.methods:
            if whole or method.isolation or "isolation" in method.name.lower():
                yield Trial(file, suite, method)


def _extends(own: Iterable[str], parents: dict[str, tuple[str, ...]], words: Vocabulary) -> bool:
    """Whether the kit's base class is among these classes or theirs."""
    waiting = list(own)
    for _ in range(_MAX_PARENTS):
        if not waiting:
            return False
        name = waiting.pop()
        if name.lower() == words.test_case.lower():
            return True
        waiting.extend(parents.get(name.lower(), ()))
    return False
