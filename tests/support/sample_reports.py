"""Fixed reports for tests of their forms: made by hand, so that no change of a rule changes them."""

from __future__ import annotations

from datetime import date

import msgspec

from psram.fingerprints import fingerprinted
from psram.model import (
    Action,
    Derogation,
    Finding,
    Horizon,
    Moment,
    PackRef,
    Path,
    Report,
    ReportVerdict,
    RuleResult,
    Severity,
    Stage,
    Track,
    Verdict,
)
from psram.tenancy.report import (
    TITLES,
    Cell,
    CellVerdict,
    Column,
    Heading,
    Nature,
    Proof,
    ProofKind,
    Row,
    Tenancy,
)

DAY = date(2026, 6, 1)
HOSTILE = "</script><img src=x onerror=alert(1)>\n\x1b[31m\u202egnp.php]](javascript:x) & \"'`*"
"""What a file's name may hold; tabs and the like included."""


def result(
    rule_id: str,
    title: str,
    verdict: Verdict = Verdict.CONFORMING,
    *findings: Finding,
    severity: Severity = Severity.BLOCKING,
    moment: Moment = Moment.SOURCE,
    blocks: bool = False,
    **more: object,
) -> RuleResult:
    """A rule's result with fingerprinted findings."""
    made = RuleResult(
        rule_id=rule_id,
        title=title,
        family=rule_id.partition("-")[0],
        severity=severity,
        moment=moment,
        verdict=verdict,
        blocks=blocks,
        findings=fingerprinted(rule_id, findings),
        findings_total=len(findings),
    )
    return msgspec.structs.replace(made, **more)


def _report(verdict: ReportVerdict, sentence: str, *results: RuleResult, **more: object) -> Report:
    made = Report(
        commit="c0ffee" + "1" * 34,
        tree="7ee" + "2" * 37,
        pack=PackRef("psram-2026.1", "2026.1", "sha256:" + "ab" * 32),
        engine="0.0.0",
        track=Track.HOMOLOGATION,
        stage=Stage.ACCEPTANCE,
        evaluated_on=DAY,
        verdict=verdict,
        sentence=sentence,
        results=tuple(sorted(results, key=lambda r: r.rule_id)),
        php_version="8.2.29",
        files=42,
        advisories_digest="sha256:" + "cd" * 32,
        advisories_dated=date(2026, 5, 30),
    )
    return msgspec.structs.replace(made, **more)


def _row(name: str, nature: Nature, *verdicts: CellVerdict, said: str, proof: Proof) -> Row:
    cells = (Cell(column, verdict, said, (proof,), 1) for column, verdict in zip(Column, verdicts, strict=True))
    return Row(name, nature, tuple(cells), table=name.lower(), path=f"src/Entity/{name}.php", line=12)


def matrix(said: str = "limitée à l'organisme courant", path: str = "migrations/0001_creation.sql") -> Tenancy:
    """Every verdict, nature and kind of proof."""
    fine, bad, open_, none = (
        CellVerdict.CONFORMING,
        CellVerdict.VIOLATED,
        CellVerdict.UNKNOWN,
        CellVerdict.NOT_APPLICABLE,
    )
    rows = (
        _row(
            "Fiche",
            Nature.UNDECLARED,
            bad,
            bad,
            fine,
            open_,
            none,
            said=said,
            proof=Proof(ProofKind.QUERY, said, path, 3),
        ),
        _row(
            "Courrier",
            Nature.SCOPED,
            fine,
            fine,
            fine,
            fine,
            fine,
            said=said,
            proof=Proof(ProofKind.JUNIT, said, path, 3),
        ),
        _row(
            "journal",
            Nature.TABLE,
            fine,
            none,
            fine,
            open_,
            none,
            said=said,
            proof=Proof(ProofKind.MIGRATION, said, path, 3),
        ),
        _row(
            "Modele", Nature.SHARED, none, none, none, none, none, said=said, proof=Proof(ProofKind.SOURCE, said, path)
        ),
        _row(
            "Requêtes",
            Nature.QUERIES,
            none,
            none,
            none,
            none,
            bad,
            said=said,
            proof=Proof(ProofKind.QUERY, said, path, 3),
        ),
    )
    return Tenancy(tuple(Heading(column, TITLES[column]) for column in Column), rows, len(rows), 7)


def conforming() -> Report:
    """Everything is right; one rule has no object here, one waits for a person, and a date is known."""
    return _report(
        ReportVerdict.CONFORMING,
        "Conforme : toutes les règles bloquantes sont respectées.",
        result("CMP-001", "composer.lock présent et à jour"),
        result("PHP-001", "Chaque fichier PHP est compris par le PHP hébergé"),
        result("MTN-003", "L'isolation est active par défaut", Verdict.NOT_APPLICABLE),
        result("TST-001", "Les tests de ce commit sont passés", moment=Moment.PIPELINE),
        result("TST-004", "Le procès-verbal couvre ce code", Verdict.TO_VALIDATE, moment=Moment.PRODUCTION),
        horizon=Horizon(
            "Conforme jusqu'au 2026-11-30 inclus, parce que le 2026-12-01 : CMP-004 : Symfony 5.4 n'est plus maintenu.",
            on=date(2026, 12, 1),
            verdict=ReportVerdict.VIOLATED,
            rules=("CMP-004",),
            reasons=("CMP-004 : Symfony 5.4 n'est plus maintenu",),
        ),
    )


def refused() -> Report:
    """All verdicts at once: broken, derogated, undecided, not evaluated, and one that a date will settle."""
    eval_used = Finding("eval exécute un texte", "src/Calcul.php", 12, excerpt="eval($x);")
    dumped = Finding("var_dump montre des données", "src/Calcul.php", 30, excerpt="var_dump($y);")
    return _report(
        ReportVerdict.VIOLATED,
        "2 règles bloquantes non respectées : CMP-001 composer.lock, PHP-006 src/Calcul.php:12",
        result(
            "CMP-001",
            "composer.lock présent et à jour",
            Verdict.VIOLATED,
            Finding("composer.lock ne correspond pas à composer.json", "composer.lock"),
            blocks=True,
            remedy="Lancez « composer update --lock » et validez composer.lock.",
            effort="faible",
        ),
        result(
            "CMP-002",
            "Aucune dépendance vulnérable",
            Verdict.NOT_EVALUATED,
            blocks=True,
            missing_evidence="CMP-001 doit d'abord être corrigée",
        ),
        result("MTN-002", "Toute entité est rattachée à un organisme ou déclarée partagée"),
        result(
            "MTN-005",
            "Aucun organisme écrit dans le code",
            Verdict.DEROGATED,
            Finding("le code 671 est écrit ici", "src/Menu.php", 8, excerpt="'671'"),
            severity=Severity.MAJOR,
            derogation="menu-bas-rhin (jusqu'au 2026-09-01)",
        ),
        result("PHP-002", "Nom de classe et chemin concordent", Verdict.NOT_APPLICABLE, severity=Severity.MAJOR),
        result(
            "PHP-004",
            "strict_types déclaré",
            Verdict.VIOLATED,
            severity=Severity.MINOR,
            findings_total=240,
            remedy="Ajoutez declare(strict_types=1).",
            effort="faible",
            findings=fingerprinted("PHP-004", (Finding("declare(strict_types=1) manque", "src/A.php", 1),)),
        ),
        result(
            "PHP-006",
            "Aucune construction interdite",
            Verdict.VIOLATED,
            eval_used,
            dumped,
            blocks=True,
            severity=Severity.MAJOR,
            remedy="Remplacez la construction.",
            effort="moyen",
            reason="4 règles majeures non respectées, 3 tolérées",
        ),
        result(
            "TST-001",
            "Les tests de ce commit sont passés",
            Verdict.UNKNOWN,
            blocks=True,
            moment=Moment.PIPELINE,
            missing_evidence="le rapport JUnit du pipeline de ce commit",
            giver="pipeline",
        ),
        result("TST-003", "La campagne de recette est complète", Verdict.TO_VALIDATE, moment=Moment.ACCEPTANCE),
        derogations_used=("menu-bas-rhin",),
        derogations_unused=("ancienne",),
        derogations=(
            Derogation("menu-bas-rhin", "MTN-005", "menu refondu en août", "auditeur@example.test", date(2026, 9, 1)),
        ),
        tenancy=matrix(),
        path=Path(
            (
                Action(
                    "Lancez « composer update --lock » et validez composer.lock.",
                    ("CMP-001",),
                    1,
                    0.1,
                    "développeur",
                    mechanical=True,
                ),
                Action("Remplacez la construction.", ("PHP-006",), 2, 2.0, "développeur"),
                Action("le rapport JUnit du pipeline de ce commit", ("TST-001",), 0, 0.0, "pipeline"),
            ),
            2.1,
            "2 actions, dont 1 mécanique, environ 3 h → hébergeable ; restent à fournir : TST-001 (pipeline)",
        ),
    )


def unknown() -> Report:
    """Nothing is wrong and a blocking rule could not be told."""
    return _report(
        ReportVerdict.UNKNOWN,
        "1 règle bloquante n'a pas pu être vérifiée : TST-001 (le rapport JUnit du pipeline de ce commit)",
        result("CMP-001", "composer.lock présent et à jour"),
        result(
            "PHP-001",
            "Chaque fichier PHP est compris par le PHP hébergé",
            Verdict.UNKNOWN,
            Finding("PHP et l'analyseur ne disent pas la même chose", "src/B.php"),
            blocks=True,
            to_confirm=True,
            missing_evidence="le PHP hébergé",
            giver="plateforme",
        ),
        result(
            "TST-001",
            "Les tests de ce commit sont passés",
            Verdict.UNKNOWN,
            blocks=True,
            moment=Moment.PIPELINE,
            missing_evidence="le rapport JUnit du pipeline de ce commit",
            giver="pipeline",
        ),
        php_version=None,
        advisories_digest="",
        advisories_dated=None,
        uncommitted=("src/B.php",),
        hidden=("tests/BTest.php",),
        pack_notice="Ce pack est un projet : il peut encore changer.",
    )


def hostile() -> Report:
    """Every text that may come from a repository or a person is hostile."""
    whole = refused()
    spoiled = tuple(
        msgspec.structs.replace(
            each,
            findings=fingerprinted(each.rule_id, (Finding(HOSTILE, f"src/{HOSTILE}\\xff.php", 3),)),
            findings_total=1,
            missing_evidence=HOSTILE,
            reason=HOSTILE,
            giver=HOSTILE,
            derogation=each.derogation and HOSTILE,
        )
        for each in whole.results
    )
    return msgspec.structs.replace(
        whole,
        results=spoiled,
        sentence=HOSTILE,
        pack_notice=HOSTILE,
        uncommitted=(HOSTILE,),
        hidden=(HOSTILE,),
        derogations=tuple(
            msgspec.structs.replace(d, justification=HOSTILE, approver=HOSTILE) for d in whole.derogations
        ),
        derogations_used=(HOSTILE,),
        derogations_unused=(HOSTILE,),
        path=Path((Action(HOSTILE, ("CMP-001",), 1, 1.0, HOSTILE),), 1.0, HOSTILE),
        tenancy=matrix(HOSTILE, HOSTILE),
        horizon=Horizon(HOSTILE, on=DAY, reasons=(HOSTILE,)),
    )


def big(findings: int = 10_000, per_rule: int = 200) -> Report:
    """As many findings as that, each on its own line with a long path."""
    rules = []
    for number in range(findings // per_rule):
        rule_id = f"PHP-{number:03}"
        lines = (
            Finding(
                "var_dump montre des données", f"src/Un/Chemin/Assez/Long/Classe{i:05}.php", i + 1, excerpt=f"d({i})"
            )
            for i in range(per_rule)
        )
        rules.append(
            result(
                rule_id,
                "Aucune construction interdite",
                Verdict.VIOLATED,
                *lines,
                blocks=True,
                remedy="Remplacez la construction.",
                effort="moyen",
            )
        )
    return _report(ReportVerdict.VIOLATED, "beaucoup de règles non respectées", *rules)


FIXED = {"conforme": conforming, "refuse": refused, "indetermine": unknown}
