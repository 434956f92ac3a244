"""The gate's truth table. docs/porte.md shows these very rows: ``python -m pytest -k porte`` says when it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from amcloud_samples import ONE, ORGANISATIONS, START, TWO, manifest, report, result

from amcloud.stages import manifest as stage_one
from amcloud.stages.declared.app import ConnectorUse, Lifecycle, StageName, Suspension, Track
from amcloud.stages.declared.connectors import Connector, Consumer, Offered, Version
from amcloud.stages.declared.norms import NormPack, norm_pack
from amcloud.stages.gate import Acceptance, Answer, Dossier, Moment, decide
from amcloud.stages.reasons import Reason
from psram.model import RuleResult, Verdict
from psram.rules import Moment as RuleMoment

PAGE = Path(__file__).parents[4] / "docs" / "porte.md"
H, L, X = Track.HOMOLOGATION, Track.LABELLISATION, Track.HORS_STANDARD
D, A, P = StageName.DEVELOPMENT, StageName.ACCEPTANCE, StageName.PRODUCTION
BUILD, HOST = Moment.BUILD, Moment.HOST
FOREVER = Suspension("Fuite de données en cours d'analyse.")
ENDED = Suspension("Bascule du réseau.", START - timedelta(hours=1))
YES, NO, OTHER = (
    Dossier((Acceptance(ONE, positive=True),)),
    Dossier((Acceptance(ONE, positive=True), Acceptance(ONE, positive=False))),
    Dossier((Acceptance(TWO, positive=True),)),
)
NO_DOSSIER = Dossier()
AGAIN = Dossier((Acceptance(ONE, positive=False), Acceptance(ONE, positive=True)))


def broken(moment: RuleMoment) -> RuleResult:
    return result("R-1", moment=moment)


def untold(moment: RuleMoment) -> RuleResult:
    return result("R-1", moment=moment, verdict=Verdict.UNKNOWN, missing="rapport de tests")


def offered(*, ends_at: datetime | None = None, app: str = "cpam-bas-rhin/suivi-courriers") -> Offered:
    version = Version("v1", "http://192.0.2.1/v1", ends_at=ends_at)
    return {
        "referentiel-assures": Connector(
            "referentiel-assures", "Référentiel", versions=(version,), consumers=(Consumer(app, "x"),)
        )
    }


OPEN, SHUT, OVER = offered(), offered(app="cpam-haut-rhin/autre"), offered(ends_at=START)
SOURCE, PIPELINE = RuleMoment.SOURCE, RuleMoment.PIPELINE
ACCEPTANCE, PRODUCTION = RuleMoment.ACCEPTANCE, RuleMoment.PRODUCTION


@dataclass(frozen=True)
class Case:
    """One row: a situation and the answer."""

    says: str
    track: Track
    stage: StageName
    moment: Moment
    answer: Answer
    reason: Reason
    results: tuple[RuleResult, ...] = ()
    dossier: Dossier = NO_DOSSIER
    enforced: bool = True
    suspension: Suspension | None = None
    sponsor: str | None = None
    connectors: Offered | None = None
    """The connectors that exist, for an application that declares one; ``None`` for one that declares none."""


GO, REFUSE, CATALOGUE = Answer.GO, Answer.REFUSE, Answer.CATALOGUE
CASES = (
    Case("conforme", X, A, BUILD, CATALOGUE, Reason.CATALOGUED),
    Case("une règle sur les sources violée", X, A, BUILD, CATALOGUE, Reason.CATALOGUED, (broken(SOURCE),)),
    Case("suspendu", X, P, BUILD, CATALOGUE, Reason.CATALOGUED, suspension=FOREVER),
    Case("conforme", H, D, BUILD, GO, Reason.CONFORMANT),
    Case("une règle sur les sources violée", H, D, BUILD, REFUSE, Reason.NOT_CONFORMANT, (broken(SOURCE),)),
    Case("une règle sur les sources indéterminée", H, D, BUILD, REFUSE, Reason.CONFORMANCE_UNKNOWN, (untold(SOURCE),)),
    Case("une règle sur le pipeline violée", H, D, HOST, GO, Reason.CONFORMANT, (broken(PIPELINE),)),
    Case("une règle sur le pipeline indéterminée", H, D, HOST, GO, Reason.CONFORMANT, (untold(PIPELINE),)),
    Case("une règle sur la recette violée", H, D, HOST, GO, Reason.CONFORMANT, (broken(ACCEPTANCE),)),
    Case("conforme", H, A, BUILD, GO, Reason.CONFORMANT),
    Case("une règle sur les sources violée", H, A, BUILD, REFUSE, Reason.NOT_CONFORMANT, (broken(SOURCE),)),
    Case("une règle sur le pipeline encore indéterminée", H, A, BUILD, GO, Reason.CONFORMANT, (untold(PIPELINE),)),
    Case("une règle sur le pipeline violée", H, A, HOST, REFUSE, Reason.NOT_CONFORMANT, (broken(PIPELINE),)),
    Case("une règle sur le pipeline indéterminée", H, A, HOST, REFUSE, Reason.CONFORMANCE_UNKNOWN, (untold(PIPELINE),)),
    Case("une règle sur la recette violée", H, A, HOST, GO, Reason.CONFORMANT, (broken(ACCEPTANCE),)),
    Case("conforme, sans procès-verbal", H, A, HOST, GO, Reason.CONFORMANT),
    Case("une règle violée, normes en audit", H, A, HOST, GO, Reason.CONFORMANT, (broken(SOURCE),), enforced=False),
    Case("conforme, suspendu", H, A, BUILD, REFUSE, Reason.SUSPENDED, suspension=FOREVER),
    Case("conforme, suspendu", H, A, HOST, REFUSE, Reason.SUSPENDED, suspension=FOREVER),
    Case("conforme, suspension échue", H, A, HOST, GO, Reason.CONFORMANT, suspension=ENDED),
    Case(
        "violé et suspendu : la suspension est dite",
        H,
        A,
        BUILD,
        REFUSE,
        Reason.SUSPENDED,
        (broken(SOURCE),),
        suspension=FOREVER,
    ),
    Case("conforme, sans procès-verbal", H, P, BUILD, GO, Reason.CONFORMANT),
    Case("conforme, sans procès-verbal", H, P, HOST, REFUSE, Reason.ACCEPTANCE_MISSING),
    Case("conforme, procès-verbal d'un autre commit", H, P, HOST, REFUSE, Reason.ACCEPTANCE_MISSING, dossier=OTHER),
    Case("conforme, dernier procès-verbal négatif", H, P, HOST, REFUSE, Reason.ACCEPTANCE_MISSING, dossier=NO),
    Case("conforme, négatif puis positif", H, P, HOST, GO, Reason.CONFORMANT, dossier=AGAIN),
    Case("conforme, procès-verbal positif", H, P, HOST, GO, Reason.CONFORMANT, dossier=YES),
    Case("une règle sur la recette violée", H, P, HOST, REFUSE, Reason.NOT_CONFORMANT, (broken(ACCEPTANCE),), YES),
    Case(
        "une règle sur la production indéterminée",
        H,
        P,
        HOST,
        REFUSE,
        Reason.CONFORMANCE_UNKNOWN,
        (untold(PRODUCTION),),
        YES,
    ),
    Case(
        "violé en audit, sans procès-verbal",
        H,
        P,
        HOST,
        REFUSE,
        Reason.ACCEPTANCE_MISSING,
        (broken(SOURCE),),
        enforced=False,
    ),
    Case(
        "violé en audit, procès-verbal positif",
        H,
        P,
        HOST,
        GO,
        Reason.CONFORMANT,
        (broken(SOURCE),),
        YES,
        enforced=False,
    ),
    Case("conforme, connecteur autorisé", H, A, BUILD, GO, Reason.CONFORMANT, connectors=OPEN),
    Case("conforme, connecteur inconnu", H, A, BUILD, REFUSE, Reason.CONNECTOR_UNKNOWN, connectors={}),
    Case("conforme, connecteur non autorisé", H, D, BUILD, REFUSE, Reason.CONNECTOR_UNAUTHORISED, connectors=SHUT),
    Case("conforme, connecteur non autorisé", H, P, HOST, REFUSE, Reason.CONNECTOR_UNAUTHORISED, connectors=SHUT),
    Case("conforme, version de connecteur finie", H, A, HOST, REFUSE, Reason.CONNECTOR_ENDED, connectors=OVER),
    Case("conforme, sans commanditaire", L, A, HOST, GO, Reason.CONFORMANT),
    Case("procès-verbal positif, sans commanditaire", L, P, HOST, REFUSE, Reason.SPONSOR_MISSING, dossier=YES),
    Case("procès-verbal positif, commanditaire", L, P, HOST, GO, Reason.CONFORMANT, dossier=YES, sponsor="DDO"),
)


def _decided(case: Case) -> tuple[Answer, Reason, str]:
    app = stage_one.parse(manifest(), ORGANISATIONS, lambda _: "671")
    app = replace(app, track=case.track, suspension=case.suspension, sponsor=case.sponsor, lifecycle=Lifecycle.SERVICE)
    if case.connectors is not None:
        app = replace(app, hosting=replace(app.hosting, connectors=(ConnectorUse("referentiel-assures", "v1"),)))
    decision = decide(
        moment=case.moment,
        app=app,
        stage=case.stage,
        commit=ONE,
        report=report(ONE, *case.results),
        enforced=case.enforced,
        dossier=case.dossier,
        now=START,
        offered=case.connectors or {},
    )
    return decision.answer, decision.reason, decision.sentence


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.track} {case.stage} {case.moment}: {case.says}")
def test_the_gate_answers_as_its_table_says(case: Case) -> None:
    answer, reason, sentence = _decided(case)
    assert (answer, reason) == (case.answer, case.reason)
    assert sentence.strip() and "\n" not in sentence


def test_a_refusal_names_the_rule_or_the_missing_evidence_or_the_commit() -> None:
    by_reason = dict(_decided(case)[1:] for case in CASES)
    assert "R-1" in by_reason[Reason.NOT_CONFORMANT]
    assert "rapport de tests" in by_reason[Reason.CONFORMANCE_UNKNOWN]
    assert ONE[:8] in by_reason[Reason.ACCEPTANCE_MISSING]
    assert "Fuite de données" in by_reason[Reason.SUSPENDED]


def test_a_report_about_another_commit_is_no_pass() -> None:
    app = stage_one.parse(manifest(), ORGANISATIONS, lambda _: "671")
    decision = decide(
        moment=HOST, app=app, stage=A, commit=ONE, report=report(TWO), enforced=True, dossier=Dossier(), now=START
    )
    assert (decision.answer, decision.reason) == (REFUSE, Reason.CONFORMANCE_UNKNOWN)


def test_nothing_waits_for_evidence_that_only_a_later_moment_brings() -> None:
    """With every blocking rule on but not yet known, a commit gets past each moment that it has reached."""
    app = stage_one.parse(manifest(), ORGANISATIONS, lambda _: "671")
    order = (SOURCE, PIPELINE, ACCEPTANCE, PRODUCTION)
    for stage, moment, known in ((D, BUILD, 1), (D, HOST, 1), (A, BUILD, 1), (A, HOST, 2), (P, BUILD, 1), (P, HOST, 4)):
        later = [untold(rule_moment) for rule_moment in order[known:]]
        decision = decide(
            moment=moment,
            app=app,
            stage=stage,
            commit=ONE,
            report=report(ONE, *later),
            enforced=True,
            dossier=YES,
            now=START,
        )
        assert decision.answer is GO, (stage, moment)


def pack(version: str, day: int) -> NormPack:
    return NormPack(version, "sha256:" + "0" * 64, datetime(2026, 3, day, tzinfo=UTC), frozenset(StageName))


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        pytest.param(None, "b", id="the newest effective one"),
        pytest.param("c", "c", id="a newer one that the app asks for"),
        pytest.param("a", "b", id="never an older one"),
        pytest.param("z", "b", id="an unknown one changes nothing"),
    ],
)
def test_the_pack_in_force(asked: str | None, version: str) -> None:
    offered = (pack("a", 1), pack("c", 20), pack("b", 2))
    found = norm_pack(offered, asked, now=datetime(2026, 3, 10, tzinfo=UTC))
    assert found is not None and found.version == version


def test_no_pack_is_in_force_before_the_first_one_is() -> None:
    assert norm_pack((pack("a", 20),), "a", now=START) is None


def table() -> str:
    """The rows as the page shows them."""
    words = {GO: "continue", REFUSE: "**refuse**", CATALOGUE: "catalogue"}
    moments = {BUILD: "avant la fabrication", HOST: "avant la mise en service"}
    lines = ["| filière | étape | moment | situation | réponse | raison |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {c.track} | {c.stage} | {moments[c.moment]} | {c.says} | {words[c.answer]} | `{c.reason}` |" for c in CASES
    ]
    return "\n".join(lines)


def test_the_page_porte_shows_this_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
