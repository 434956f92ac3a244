"""How grave a rule's violation is here: its data by track and stage, made graver by conditions or by what was found."""

from __future__ import annotations

from typing import Final

from psram import applicability
from psram.facts import Facts
from psram.model import Context, Outcome
from psram.rules import Rule, Severity

_GRAVITY: Final = (Severity.INFO, Severity.MINOR, Severity.MAJOR, Severity.BLOCKING)
_NOTHING: Final = Facts(commit="", tree="")


def severity_of(rule: Rule, outcome: Outcome, context: Context) -> Severity:
    """The gravest of: the rule's own for track and stage (or the outcome's milder one), its ``graver`` ones that hold,
    the outcome's.

    Conditions of ``graver`` speak of track, stage and criticality, never of facts.
    """
    asked = [outcome.milder or rule.severity_for(context.track, context.stage)]
    asked += [g.severity for g in rule.graver if applicability.applies(g.when, _NOTHING, context)]
    if outcome.severity is not None:
        asked.append(outcome.severity)
    return max(asked, key=_GRAVITY.index)
