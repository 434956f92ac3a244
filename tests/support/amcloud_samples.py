"""Sample values that the tests of the operator share: an application, commits, a pack, reports."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from amcloud.settings import GROUP, Settings
from amcloud.stages.build import Image
from amcloud.stages.declared.app import Organisation, StageName
from amcloud.stages.declared.norms import NormPack
from psram.model import (
    Finding,
    PackRef,
    Report,
    ReportVerdict,
    RuleResult,
    Severity,
    Verdict,
)
from psram.rules import Moment, Track
from psram.rules import Stage as RuleStage

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40
DIGEST = "sha256:" + "a" * 64
PROJECT = "cpam-bas-rhin/suivi-courriers"
ORGANISATIONS = {
    "671": Organisation("671", "CPAM du Bas-Rhin (exemple)", "cpam-bas-rhin", "cpam-bas-rhin"),
    "681": Organisation("681", "CPAM du Haut-Rhin (exemple)", "cpam-haut-rhin", "cpam-haut-rhin"),
}
PACK = NormPack("psram-2026.1", DIGEST, datetime(2026, 1, 1, tzinfo=UTC), frozenset(StageName))
SETTINGS = Settings(
    domain="amcloud.example",
    url_scheme="https",
    url_port="",
    forge_url="https://forge.example",
    forge_token="jeton",
    registry_url="https://registre.example",
    registry_name="registre.example",
    database_url="postgresql://amcloud@base.example/amcloud",
    reports_url="https://rapports.amcloud.example",
    oidc_issuer="https://connexion.example",
    webhook_token="jeton-webhook",
)


def image_of(commit: str) -> Image:
    """The image that a pipeline of ``commit`` pushes."""
    return Image(f"registre.example/{PROJECT}@sha256:{commit[:32]}{commit[:32]}", commit)


def result(
    rule: str = "SEC-001",
    *,
    moment: Moment = Moment.SOURCE,
    verdict: Verdict = Verdict.VIOLATED,
    missing: str = "",
) -> RuleResult:
    """One rule's blocking result."""
    found = (Finding("clé privée", "src/Cle.php", 3),) if verdict is Verdict.VIOLATED else ()
    return RuleResult(
        rule_id=rule,
        title="Aucun secret dans les sources",
        family="SEC",
        severity=Severity.BLOCKING,
        moment=moment,
        verdict=verdict,
        blocks=verdict in {Verdict.VIOLATED, Verdict.UNKNOWN},
        findings=found,
        findings_total=len(found),
        remedy="Retirez-la.",
        missing_evidence=missing,
    )


def report(
    commit: str = ONE,
    *results: RuleResult,
    track: Track = Track.HOMOLOGATION,
    stage: RuleStage = RuleStage.ACCEPTANCE,
    derogations: tuple[str, ...] = (),
) -> Report:
    """A report with these results."""
    verdict = ReportVerdict.VIOLATED if any(r.blocks for r in results) else ReportVerdict.CONFORMING
    return Report(
        commit=commit,
        tree="4" * 40,
        pack=PackRef(PACK.version, "2026.1.0", PACK.digest),
        engine="1",
        track=track,
        stage=stage,
        evaluated_on=date(2026, 3, 2),
        verdict=verdict,
        sentence="phrase",
        results=results,
        derogations_used=derogations,
    )


def manifest(name: str = "suivi-courriers", *, uid: str = "uid-1", generation: int = 1, **spec: Any) -> dict[str, Any]:
    """A valid LocalApp for stage ``acceptance``, with fields of ``spec`` replaced (``None`` removes one)."""
    whole = {
        "title": "Suivi des courriers (exemple)",
        "owner": {"organisation": "671"},
        "track": "homologation",
        "repository": {"project": PROJECT},
        "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
        "organisations": ["671", "681"],
        **spec,
    }
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "LocalApp",
        "metadata": {"name": name, "namespace": "cpam-bas-rhin", "uid": uid, "generation": generation},
        "spec": {field: value for field, value in whole.items() if value is not None},
    }
