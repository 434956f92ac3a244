"""OSCAL 1.2 assessment results: an observation and a finding a rule, a risk for each derogation.

All uuids are derived: those of observations, findings and risks from the application, the rule and its pack, so that
they stay from one report to the next; those of the document and its result from the report's content, so that they
are new for each other report and the same for the same one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import msgspec

from psram.model import Report, RuleResult
from psram.reports import identity, projection
from psram.reports.places import places, said, where
from psram.reports.presentation import Presentation

VERSION: Final = "1.2.2"
NAMESPACE: Final = "urn:amcloud:psram"
_EVIDENCE_SHOWN: Final = 50
_ALL: Final[dict[str, Any]] = {"include-all": {}}
"""Less what is excluded: a selection includes something, even where every rule is without object."""
_MARKDOWN: Final = str.maketrans({c: f"\\{c}" for c in "\\`*[]<>"})


def render(report: Report, shown: Presentation) -> bytes:
    """The document in JSON."""
    return msgspec.json.encode({"assessment-results": _Writer(report, shown).document()}, order="sorted") + b"\n"


class _Writer:
    def __init__(self, report: Report, shown: Presentation) -> None:
        self._report = report
        self._shown = shown
        self._moment = _midnight(report.evaluated_on)
        self._pack = self._uuid("pack", report.pack.digest)

    def document(self) -> dict[str, Any]:
        report = self._report
        of = self._shown.of or "application"
        return {
            "uuid": identity.of_report(report, f"oscal document {self._shown.of}"),
            "metadata": {
                "title": _line(f"Conformité PSRAM : {of}, commit {report.commit[:12] or 'aucun'}"),
                "last-modified": self._moment,
                "version": report.commit or "sans commit",
                "oscal-version": VERSION,
            },
            "import-ap": {"href": f"#{self._pack}"},
            "results": [self._result()],
            "back-matter": {"resources": [self._norms()]},
        }

    def _result(self) -> dict[str, Any]:
        report = self._report
        risks = [risk for result in report.results for risk in self._risks(result)]
        findings = [finding for result in report.results for finding in self._findings(result)]
        return {
            "uuid": identity.of_report(report, f"oscal result {self._shown.of}"),
            "title": _line(f"Évaluation par {report.pack.name}"),
            "description": _markdown(report.sentence),
            "start": self._moment,
            "end": self._moment,
            "props": list(self._props()),
            "reviewed-controls": self._reviewed(),
            **_filled("observations", [self._observation(r) for r in report.results if projection.oscal(r).reviewed]),
            **_filled("findings", findings),
            **_filled("risks", risks),
        }

    def _props(self) -> Iterator[dict[str, str]]:
        report = self._report
        told = {
            "commit": report.commit,
            "tree": report.tree,
            "verdict": report.verdict.value,
            "track": report.track.value,
            "stage": report.stage.value,
            "engine": f"psram {report.engine}",
            "pack-digest": report.pack.digest,
            "pack-notice": report.pack_notice,
            "advisories-digest": report.advisories_digest,
        }
        yield from (_prop(name, value) for name, value in told.items() if value)

    def _reviewed(self) -> dict[str, Any]:
        reviewed = [r.rule_id for r in self._report.results if projection.oscal(r).reviewed]
        excluded = [r.rule_id for r in self._report.results if not projection.oscal(r).reviewed]
        return {
            "control-selections": [
                {
                    **(_filled("include-controls", [{"control-id": rule_id} for rule_id in reviewed]) or _ALL),
                    **_filled("exclude-controls", [{"control-id": rule_id} for rule_id in excluded]),
                }
            ]
        }

    def _observation(self, result: RuleResult) -> dict[str, Any]:
        evidence = [
            {"description": _markdown(place.message), "remarks": _markdown(where(place.path, place.line))}
            for place in list(places(result))[:_EVIDENCE_SHOWN]
            if result.findings
        ]
        return {
            "uuid": self._uuid("observation", result.rule_id),
            "title": _line(f"{result.rule_id} : {result.title}"),
            "description": _markdown(_told(result)),
            "methods": ["TEST" if result.moment.value == "pipeline" else "EXAMINE"],
            "collected": self._moment,
            "props": [_prop("verdict", result.verdict.value), _prop("findings", str(result.findings_total))],
            **_filled("relevant-evidence", evidence),
        }

    def _findings(self, result: RuleResult) -> Iterator[dict[str, Any]]:
        said_so = projection.oscal(result)
        if not said_so.state:
            return
        yield {
            "uuid": self._uuid("finding", result.rule_id),
            "title": _line(f"{result.rule_id} : {result.title}"),
            "description": _markdown(_told(result)),
            "props": [_prop("severity", result.severity.value), _prop("blocks", "oui" if result.blocks else "non")],
            "target": {
                "type": "objective-id",
                "target-id": result.rule_id,
                "status": {"state": said_so.state, "reason": said_so.reason},
            },
            "related-observations": [{"observation-uuid": self._uuid("observation", result.rule_id)}],
            **_filled("related-risks", [{"risk-uuid": risk["uuid"]} for risk in self._risks(result)]),
        }

    def _risks(self, result: RuleResult) -> Iterator[dict[str, Any]]:
        status = projection.oscal(result).risk
        if not status:
            return
        for derogation in self._report.derogations:
            if derogation.rule_id == result.rule_id:
                yield {
                    "uuid": self._uuid("risk", result.rule_id, derogation.name),
                    "title": _line(f"Dérogation {derogation.name} à {result.rule_id}"),
                    "description": _markdown(result.title),
                    "statement": _markdown(f"{derogation.justification} (accordée par {derogation.approver})"),
                    "status": status,
                    "deadline": _midnight(derogation.expires_on),
                    "related-observations": [{"observation-uuid": self._uuid("observation", result.rule_id)}],
                }

    def _norms(self) -> dict[str, Any]:
        """The norms, in the place of an assessment plan: they say what is assessed and how."""
        pack = self._report.pack
        return {
            "uuid": self._pack,
            "title": _line(f"Normes {pack.name}"),
            "description": _markdown(f"Version {pack.version}, empreinte {pack.digest}"),
        }

    def _uuid(self, *parts: str) -> str:
        return identity.derived(self._shown.of, self._report.pack.name, *parts)


def _told(result: RuleResult) -> str:
    parts = (projection.label(result), result.missing_evidence, result.derogation, result.reason)
    return " ; ".join(part for part in parts if part)


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": said(value).strip()}


def _filled(name: str, items: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The member, left out when it would be empty: OSCAL has no empty lists."""
    return {name: items} if items else {}


def _line(text: str) -> str:
    return _markdown(text).strip() or "–"


def _markdown(text: str) -> str:
    """Text for OSCAL's Markdown: one line, with what could become a link, an image or HTML escaped."""
    return said(text).translate(_MARKDOWN)


def _midnight(day: date) -> str:
    """The day as OSCAL writes a moment: a verdict depends on a day, not on an hour."""
    return f"{day}T00:00:00Z"
