"""An organisation's allowance (``Organisation.spec.quota``): which new instances and which growths it still pays for.

What serves is never stopped, nor kept from its next revision: only what would cost more is put off. Instances that
serve count first, as they serve; what is left goes to what is asked for, oldest LocalApp first, and a smaller one may
pass a bigger one that does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from amcloud.stages.declared.app import Allowance, App, Stage
from amcloud.stages.outcome import StageOutcome
from amcloud.stages.reasons import Reason
from amcloud.stages.steering.cost import Instance


@dataclass(frozen=True, slots=True)
class Spent:
    """What an organisation's instances take together."""

    euros: int
    instances: int


def applied(
    app: App, stage: Stage, outcome: StageOutcome, fleet: Sequence[Instance], allowance: Allowance
) -> tuple[App, StageOutcome]:
    """``app`` and ``outcome`` as the allowance leaves them: a new instance may be refused, a growth put off."""
    mine = next((one for one in fleet if one.key == (app.namespace, app.name, stage.name)), None)
    if mine is None or mine in granted(fleet, allowance):
        return app, outcome
    words = sentence(mine, spent(fleet), allowance)
    if mine.held is None:  # one that was let in before, and does not serve yet, is not turned out
        refused = replace(outcome, deployed=None).refused(Reason.BUDGET_EXCEEDED, words)
        return app, outcome if outcome.was is not None else refused
    stages = tuple(replace(one, size=mine.held) if one.name is stage.name else one for one in app.stages)
    return replace(app, stages=stages), replace(outcome, put_off=f"{words} L'instance reste en taille {mine.held}.")


def granted(fleet: Sequence[Instance], allowance: Allowance) -> frozenset[Instance]:
    """The instances whose asked size may be given: those that cost no more than they do, then what is left pays for."""
    so_far = spent(fleet)
    found = {one for one in fleet if one.held is not None and one.growth <= 0}
    for one in sorted(set(fleet) - found, key=lambda one: (one.since, one.key)):
        more = Spent(so_far.euros + one.growth, so_far.instances + (one.held is None))
        if _within(more, allowance, of=one):
            so_far = more
            found.add(one)
    return frozenset(found)


def spent(fleet: Sequence[Instance]) -> Spent:
    """What serves now."""
    return Spent(sum(one.held_euros for one in fleet), sum(one.held is not None for one in fleet))


def _within(more: Spent, allowance: Allowance, *, of: Instance) -> bool:
    if of.held is None and allowance.instances is not None and more.instances > allowance.instances:
        return False
    return allowance.yearly_euros is None or more.euros <= allowance.yearly_euros


def sentence(mine: Instance, now: Spent, allowance: Allowance) -> str:
    """Why ``mine`` is put off, in figures, and what to do."""
    bounds = [
        *([f"{allowance.yearly_euros} € par an"] if allowance.yearly_euros is not None else []),
        *([f"{allowance.instances} instance(s)"] if allowance.instances is not None else []),
    ]
    what = f"une instance {mine.asked}" if mine.held is None else f"la taille {mine.asked} au lieu de {mine.held}"
    return (
        f"L'organisme {mine.organisation} a {now.instances} instance(s) en service pour {now.euros} € par an ; {what} "
        f"({mine.growth:+d} € par an) dépasserait son plafond ({', '.join(bounds)}). Choisissez une taille plus "
        "petite, retirez une étape (amcloud cost dit lesquelles), ou demandez à la DDSI de le relever."
    )
