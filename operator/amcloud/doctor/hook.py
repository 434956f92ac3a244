"""The web hook of a forge project: is it there, whole, and do its last deliveries arrive?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amcloud.clients.forge_link import ForgeLink
from amcloud.doctor import forge_ground
from amcloud.doctor.findings import Finding, error, ok, unknown, warning
from amcloud.doctor.ground import Ground
from amcloud.errors import RepositoryRefusedError
from amcloud.stages.to_forge.forge_link import EVENTS, Hook, events_of, wrong

SLOWER = "Sans lui rien n'est perdu : l'opérateur interroge la forge, et un push attend une minute ou plus."


def examine(ground: Ground) -> Iterator[Finding]:
    """Hooks are shown to Maintainers only: the operator need not be one."""
    if not forge_ground.visible(ground):
        return  # the project's own family says it
    url, remedy = ground.settings().webhook_url, f"amcloud forge connect {ground.project}"
    try:
        hooks = ForgeLink(forge_ground.calls(ground), ground.project).hooks()
    except RepositoryRefusedError:
        said = "Les webhooks ne se montrent qu'aux Maintainers, et ce jeton n'en est pas un."
        yield unknown("hook", said, f"Avec le jeton d'un Maintainer (GITLAB_TOKEN) : {remedy} --dry-run")
        return
    events = events_of(ground.project, norms_project=ground.settings().norms_project)
    yield from judged(hooks, url, remedy, events)


def judged(hooks: Sequence[Hook], url: str, remedy: str, events: tuple[str, ...] = EVENTS) -> Iterator[Finding]:
    """What there is to say of these hooks, where ``url`` is the operator's address."""
    ours = [hook for hook in hooks if hook.url.rstrip("/") == url.rstrip("/")]
    if not ours:
        yield error("hook", f"Aucun webhook vers {url}. {SLOWER}", remedy)
        return
    problem = wrong(ours[0], events)
    if problem:
        yield error("hook", f"Le webhook est là, mais {problem}. {SLOWER}", remedy)
    else:
        yield ok("hook", f"Webhook vers {url} : en place.")
    if len(ours) > 1:
        yield warning(
            "hook-twice", f"{len(ours)} webhooks vers la même adresse : chaque envoi part plusieurs fois.", remedy
        )
    yield delivered(ours[0])


def delivered(hook: Hook) -> Finding:
    """Whether the last notifications arrived."""
    if not hook.deliveries:
        return ok("hook-deliveries", "Aucun envoi récent (la forge n'en a rien à dire).")
    last, failed = hook.deliveries[0], [one for one in hook.deliveries if not one.arrived]
    if not last.arrived:
        said = f"Le dernier envoi ({last.at}) n'est pas arrivé : réponse « {last.status} »."
        return error(
            "hook-deliveries", said, "La forge doit pouvoir joindre cette adresse : réseau, certificat, jeton."
        )
    if failed:
        said = f"{len(failed)} des {len(hook.deliveries)} derniers envois ne sont pas arrivés ; le dernier, si."
        return warning("hook-deliveries", said, "Le journal de l'opérateur (lignes « webhook ») dit ce qui est arrivé.")
    return ok("hook-deliveries", f"Les {len(hook.deliveries)} derniers envois sont arrivés (le dernier : {last.at}).")
