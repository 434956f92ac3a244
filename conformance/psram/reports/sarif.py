"""SARIF 2.1.0: every rule's verdict, one result a finding, with fingerprints and what changed since a report.

Everything has a place: GitLab drops results without one, and a whole report when that is more than half of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec

from psram.model import Derogation, Report, RuleResult, Verdict
from psram.reports import baseline, identity, projection
from psram.reports.places import Place, places, said, unlisted
from psram.reports.presentation import Presentation

FINGERPRINT: Final = "psram/v1"
SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
INFORMATION: Final = "urn:amcloud:psram"
"""Where nobody told the address of the rules' pages."""


def render(report: Report, shown: Presentation) -> bytes:
    """The log, with one run."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report, shown)]}
    return msgspec.json.encode(log, order="sorted") + b"\n"


def _run(report: Report, shown: Presentation) -> dict[str, Any]:
    change = None if shown.previous is None else baseline.compare(report, shown.previous)
    gone = () if change is None else change.gone
    rules = {result.rule_id: result for result in (*(g.result for g in gone), *report.results)}
    index = {rule_id: number for number, rule_id in enumerate(sorted(rules))}
    families = sorted({result.family for result in rules.values()})
    return {
        "tool": {"driver": _driver(report, [rules[rule_id] for rule_id in sorted(rules)], families, shown)},
        "taxonomies": [_taxonomy(report, families)],
        "automationDetails": {
            "id": f"psram/{report.pack.name}/{report.track}/{report.stage}",
            "guid": identity.of_report(report),
        },
        **({} if shown.previous is None else {"baselineGuid": identity.of_report(shown.previous)}),
        "columnKind": "unicodeCodePoints",
        "language": "fr",
        "originalUriBaseIds": {"RACINE": {"description": {"text": "Racine du dépôt"}}},
        "invocations": [{"executionSuccessful": True, "properties": {"evaluatedOn": str(report.evaluated_on)}}],
        "results": [*_results(report, index, change), *_gone(gone, index)],
        "properties": _properties(report, shown, change),
    }


def _driver(report: Report, rules: list[RuleResult], families: list[str], shown: Presentation) -> dict[str, Any]:
    return {
        "name": "psram",
        "fullName": "Moteur de normes PSRAM d'AM Cloud",
        "semanticVersion": report.engine,
        "informationUri": shown.rules_url or INFORMATION,
        "language": "fr",
        "rules": [_rule(rule, families, shown) for rule in rules],
        "supportedTaxonomies": [{"name": report.pack.name, "index": 0}],
    }


def _rule(rule: RuleResult, families: list[str], shown: Presentation) -> dict[str, Any]:
    return {
        "id": rule.rule_id,
        "shortDescription": {"text": _text(rule.title)},
        "defaultConfiguration": {"level": projection.SARIF_LEVELS[rule.severity]},
        **({"help": {"text": _text(rule.remedy)}} if rule.remedy else {}),
        **({"helpUri": f"{shown.rules_url}{rule.rule_id}"} if shown.rules_url else {}),
        "relationships": [
            {
                "target": {"id": rule.family, "index": families.index(rule.family), "toolComponent": {"index": 0}},
                "kinds": ["superset"],
            }
        ],
        "properties": {"moment": rule.moment.value, "gravite": rule.severity.value},
    }


def _taxonomy(report: Report, families: list[str]) -> dict[str, Any]:
    return {
        "name": report.pack.name,
        "version": report.pack.version,
        "guid": identity.derived("pack", report.pack.digest),
        "shortDescription": {"text": "Familles des normes PSRAM"},
        "language": "fr",
        "taxa": [{"id": family} for family in families],
        "properties": {"digest": report.pack.digest},
    }


def _results(report: Report, index: dict[str, int], change: baseline.Comparison | None) -> Iterator[dict[str, Any]]:
    reasons = {derogation.name: derogation for derogation in report.derogations}
    for result in report.results:
        kind, level = projection.sarif(result)
        suppressions = _suppressions(result, reasons)
        for place in places(result):
            written = _result(place, kind, level, index)
            if suppressions is not None:
                written["suppressions"] = suppressions
            state = None if change is None or kind != "fail" else change.state(place.fingerprint)
            if state is not None:
                written["baselineState"] = state.value
            yield written


def _gone(gone: tuple[baseline.Gone, ...], index: dict[str, int]) -> Iterator[dict[str, Any]]:
    for each in gone:
        kind, level = projection.sarif(each.result)
        yield {**_result(each.place, kind, level, index), "baselineState": baseline.State.ABSENT.value}


def _result(place: Place, kind: str, level: str, index: dict[str, int]) -> dict[str, Any]:
    rule_id = place.result.rule_id
    return {
        "ruleId": rule_id,
        "ruleIndex": index[rule_id],
        "kind": kind,
        "level": level,
        "message": {"text": _text(place.message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.path, safe="/"), "uriBaseId": "RACINE"},
                    "region": {"startLine": place.line},
                }
            }
        ],
        "partialFingerprints": {FINGERPRINT: place.fingerprint},
    }


def _suppressions(result: RuleResult, reasons: dict[str, Derogation]) -> list[dict[str, Any]] | None:
    if result.verdict is not Verdict.DEROGATED:
        return None
    own = [d for d in reasons.values() if d.rule_id == result.rule_id]
    told = [f"{d.name} : {d.justification} ({d.approver}, jusqu'au {d.expires_on})" for d in own]
    return [
        {"kind": "external", "status": "accepted", "justification": said(text)} for text in told or [result.derogation]
    ]


def _properties(report: Report, shown: Presentation, change: baseline.Comparison | None) -> dict[str, Any]:
    cut = {result.rule_id: unlisted(result) for result in report.results if unlisted(result)}
    return {
        "commit": report.commit,
        "tree": report.tree,
        "verdict": report.verdict.value,
        "sentence": said(report.sentence),
        "blocking": [result.rule_id for result in report.blocking()],
        "engine": report.engine,
        "packDigest": report.pack.digest,
        **({"packNotice": said(report.pack_notice)} if report.pack_notice else {}),
        **({"unlisted": cut} if cut else {}),
        **({"url": shown.url} if shown.url else {}),
        **({} if change is None else {"since": change.previous_commit, "change": change.sentence()}),
    }


def _text(text: str) -> str:
    """Plain text: what looks like one of SARIF's embedded links is broken up."""
    return said(text).replace("](", "] (")
