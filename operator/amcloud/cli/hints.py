"""The next thing to do for each reason that keeps a stage from serving: one command or one person, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LOGS: Final = "amcloud logs {app} --stage {stage}"
_WAIT: Final = "rien à faire : la plateforme y travaille (amcloud status {app})"
WITHDRAWN: Final = "corrigez et poussez ; pour réessayer : amcloud rollback {app} --stage {stage} --undo"
HINTS: Final[Mapping[str, str]] = {
    "Checking": _WAIT,
    "Building": _WAIT,
    "Provisioning": _WAIT,
    "RollingOut": _WAIT,
    "ForgeUnavailable": "rien à faire : la plateforme réessaie seule",
    "ServiceUnavailable": "rien à faire : la plateforme réessaie seule",
    "InternalError": "prévenez l'équipe de la plateforme",
    "InvalidManifest": "corrigez ce champ du manifeste, puis kubectl apply -f localapp.yaml",
    "RepositoryRefused": "vérifiez les droits du jeton et la taille du dépôt",
    "RefNotFound": "poussez cette branche ou cette étiquette, ou corrigez spec.stages",
    "NotConformant": "amcloud check : sur votre poste, les mêmes règles et leurs remèdes",
    "ConformanceUnknown": "amcloud check : la preuve qui manque est dite",
    "AcceptanceMissing": "demandez à la DC2R d'enregistrer le procès-verbal de ce commit",
    "SponsorMissing": "renseignez spec.sponsor",
    "Suspended": "amcloud resume {app} : qui a suspendu lève sa suspension",
    "BuildFailed": "lisez le journal du pipeline dans la forge, corrigez, poussez",
    "ImageRefused": "relancez le pipeline de ce commit dans la forge",
    "NotOwned": "changez le nom, ou voyez avec le propriétaire nommé",
    "ConnectorUnknown": "corrigez spec.hosting.connectors : kubectl get connectors",
    "ConnectorUnauthorised": "demandez à la DDSI d'autoriser l'application pour ce connecteur",
    "ConnectorEnded": "passez à la version du connecteur qui la remplace",
    "BudgetExceeded": "amcloud cost --by organisation, puis une taille ou une étape de moins, ou voyez la DDSI",
    "Pinned": "amcloud rollback {app} --stage {stage} --undo pour suivre à nouveau la branche",
    "RolledBack": WITHDRAWN,
    "StatusRefused": "vérifiez les droits du jeton de la plateforme sur le projet de la forge",
    "SecretMissing": "demandez aux exploitants de créer ce Secret",
    "MigrationFailed": "corrigez la migration et poussez ; la base n'a pas été changée par celle qui échoue",
    "TenantLeak": "corrigez ce qui fuit, aussitôt : amcloud isolation {app} --stage {stage} le dit route par route",
    "QuotaExceeded": "demandez une taille plus grande (spec.hosting.size) ou moins de répliques",
    "Unschedulable": "prévenez les exploitants : le cluster n'a plus de place",
    "ImagePullFailed": "prévenez l'équipe de la plateforme, ou relancez le pipeline si l'image a été retirée",
    "CrashLooping": _LOGS,
    "OutOfMemory": "demandez une taille plus grande (spec.hosting.size), ou voyez ce qui prend la mémoire : " + _LOGS,
    "NotReady": _LOGS,
    "RolloutFailed": _LOGS,
    "BrokenInstallation": "prévenez l'équipe de la plateforme",
}


def hint(reason: str, *, app: str, stage: str, url: str = "", withdrawn: bool = False) -> str:
    """What to do about ``reason``; the report or pipeline where there is one. ``withdrawn``: nothing of it runs now."""
    said = (WITHDRAWN if withdrawn else HINTS.get(reason, "docs/raisons.md dit qui agit")).format(app=app, stage=stage)
    return f"{said} ({url})" if url else said


def link(stage: Mapping[str, Any], reason: str) -> str:
    """Where more is said of that reason."""
    if reason in {"NotConformant", "ConformanceUnknown"}:
        return str((stage.get("conformance") or {}).get("reportURL") or "")
    return str(stage.get("pipelineURL") or "") if reason in {"BuildFailed", "ImageRefused"} else ""
