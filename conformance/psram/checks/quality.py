"""What a tool of the pipeline reported, as findings on the files of the commit."""

from __future__ import annotations

from collections.abc import Iterator

from psram.facts import Facts
from psram.model import Finding
from psram.proofs import QualityReport


def reported(facts: Facts, report: QualityReport) -> Iterator[Finding]:
    """The report's findings; paths of the machine that ran the tool become those of the repository."""
    known = frozenset(f.path for f in facts.files)
    for said in report.findings:
        path = _within(said.path, known)
        where = f" ({said.path})" if said.path and not path else ""
        rule = f" [{said.rule}]" if said.rule else ""
        yield Finding(f"{said.message}{rule}{where}", path, said.line if path else 0)


def _within(path: str, known: frozenset[str]) -> str:
    """The path without the folder where the pipeline had put the repository; empty when the commit has no such file."""
    parts = path.replace("\\", "/").split("/")
    return next((rest for at in range(len(parts)) if (rest := "/".join(parts[at:])) in known), "")
