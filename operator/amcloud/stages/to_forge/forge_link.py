"""What ties a forge project to the platform: hook, labels, deploy token. Found × wanted → steps, a sentence each. Pure.

The deploy token reads one repository and nothing else; a hook's token is write-only on the forge and is sent anew when
deliveries were refused for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from amcloud.stages.to_forge import contests

EVENTS: Final = ("push_events", "tag_push_events", "merge_requests_events", "note_events", "pipeline_events")
"""What the operator wants to be told of an application's project, and no more."""
NORMS_EVENTS: Final = ("issues_events", "note_events")
"""The same of the project where contested rules arrive."""
LABELS: Final = {
    "amcloud::contestation": ("#d9534f", "Une règle de conformité est contestée"),
    "amcloud::derogation": ("#f0ad4e", "Une dérogation est demandée ou en vigueur"),
    "amcloud::hebergement": ("#428bca", "Hébergement sur AM Cloud"),
}
NORMS_LABELS: Final = {
    contests.LABEL: ("#d9534f", "Une règle de conformité est contestée : AM Cloud retrouve le ticket par là"),
    contests.UPHELD: ("#5cb85c", "Contestation retenue : la règle sera corrigée"),
    contests.REJECTED: ("#8e8e8e", "Contestation rejetée : la règle s'applique"),
}
"""The same of the project where contested rules arrive: what answers them."""
TOKEN: Final = "amcloud"  # noqa: S105 - the name of a token
SCOPES: Final = frozenset({"read_repository"})
TOKEN_LASTS: Final = timedelta(days=365)
RENEWED_BEFORE: Final = timedelta(days=30)
REFUSED: Final = "401"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification that the forge sent: ``status`` is the answer's code, or GitLab's words when there was none."""

    at: str
    status: str

    @property
    def arrived(self) -> bool:
        """Whether the operator took it."""
        return self.status.startswith("2")


@dataclass(frozen=True, slots=True)
class Hook:
    """A web hook of the project; ``state`` is ``executable``, ``temporarily_disabled`` or ``disabled``."""

    id: int
    url: str
    events: frozenset[str]
    branch_filter: str
    verify_tls: bool
    state: str
    deliveries: tuple[Delivery, ...] = ()
    """The last ones, newest first."""


@dataclass(frozen=True, slots=True)
class DeployToken:
    """A deploy token of the project that still opens something."""

    id: int
    name: str
    scopes: frozenset[str]
    expires: date | None


class SecretState(StrEnum):
    """The Secret that is to hold the deploy token."""

    UNASKED = "unasked"
    ABSENT = "absent"
    OURS = "ours"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Found:
    """What is there."""

    hooks: tuple[Hook, ...]
    labels: frozenset[str]
    tokens: tuple[DeployToken, ...]
    secret: SecretState = SecretState.UNASKED


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be. ``secret`` is ``namespace/name``, ``""`` when no deploy token is asked for."""

    webhook_url: str
    secret: str = ""
    events: tuple[str, ...] = EVENTS
    labels: tuple[str, ...] = tuple(LABELS)


class Action(StrEnum):
    """What a step does."""

    KEEP = "keep"
    CREATE_HOOK = "create-hook"
    UPDATE_HOOK = "update-hook"
    DELETE_HOOK = "delete-hook"
    CREATE_LABEL = "create-label"
    NEW_TOKEN = "new-token"  # noqa: S105
    REVOKE_TOKEN = "revoke-token"  # noqa: S105
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, or to leave. ``said`` says it in the present: « Webhook créé : … »."""

    action: Action
    said: str
    id: int = 0
    name: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything is written."""
        return self.action not in {Action.KEEP, Action.LEFT}


def plan(found: Found, wanted: Wanted, *, today: date) -> tuple[Step, ...]:
    """Everything to do, in order; the same again once it is done is nothing but ``KEEP``."""
    return (*_hooks(found, wanted), *_labels(found, wanted), *_token(found, wanted, today))


def events_of(project: str, *, norms_project: str) -> tuple[str, ...]:
    """What a project's hook should send."""
    return NORMS_EVENTS if _norms(project, norms_project) else EVENTS


def labels_of(project: str, *, norms_project: str) -> tuple[str, ...]:
    """The labels that a project should have."""
    return tuple(NORMS_LABELS if _norms(project, norms_project) else LABELS)


def _norms(project: str, norms_project: str) -> bool:
    return bool(norms_project) and project.casefold() == norms_project.casefold()


def wrong(hook: Hook, events: tuple[str, ...] = EVENTS) -> str:
    """What is wrong with a hook of ours, in a few words; ``""`` when nothing is."""
    missing = [event for event in events if event not in hook.events]
    if missing:
        return f"il n'envoie pas {', '.join(missing)}"
    if hook.branch_filter:
        return f"il ne vaut que pour les branches « {hook.branch_filter} »"
    if hook.state != "executable":
        return "la forge l'a désactivé après trop d'échecs"
    if hook.deliveries and hook.deliveries[0].status == REFUSED:
        return "son jeton n'est pas celui de l'opérateur"
    if hook.url.startswith("https:") and not hook.verify_tls:
        return "il ne vérifie pas le certificat"
    return ""


def _hooks(found: Found, wanted: Wanted) -> Iterator[Step]:
    ours = [hook for hook in found.hooks if hook.url.rstrip("/") == wanted.webhook_url.rstrip("/")]
    if not ours:
        yield Step(Action.CREATE_HOOK, f"Webhook créé : {wanted.webhook_url}")
        return
    first, *others = ours
    if problem := wrong(first, wanted.events):
        yield Step(Action.UPDATE_HOOK, f"Webhook remis en ordre : {problem}", first.id)
    else:
        yield Step(Action.KEEP, f"Webhook déjà là : {first.url}")
    for other in others:
        yield Step(Action.DELETE_HOOK, "Webhook en double supprimé", other.id)


def _labels(found: Found, wanted: Wanted) -> Iterator[Step]:
    for name in wanted.labels:
        if name in found.labels:
            yield Step(Action.KEEP, f"Label déjà là : {name}", name=name)
        else:
            yield Step(Action.CREATE_LABEL, f"Label créé : {name}", name=name)


def _token(found: Found, wanted: Wanted, today: date) -> Iterator[Step]:
    if not wanted.secret:
        yield Step(Action.LEFT, "Jeton de déploiement : rien de demandé (--secret ESPACE/NOM pour en créer un)")
        return
    if found.secret is SecretState.FOREIGN:
        words = f"Le Secret {wanted.secret} existe et n'est pas de cette commande : il reste tel quel"
        yield Step(Action.LEFT, words)
        return
    mine = [token for token in found.tokens if token.name == TOKEN]
    good = [token for token in mine if token.scopes == SCOPES and lasting(token, today)]
    kept = good[-1] if good and found.secret is SecretState.OURS else None
    if kept is not None:
        until = f" jusqu'au {kept.expires:%d/%m/%Y}" if kept.expires else ""
        yield Step(Action.KEEP, f"Jeton de déploiement déjà là, dans le Secret {wanted.secret}{until}")
    else:
        end = today + TOKEN_LASTS
        words = (
            f"Jeton de déploiement créé (lecture du dépôt seulement, jusqu'au {end:%d/%m/%Y}) : Secret {wanted.secret}"
        )
        yield Step(Action.NEW_TOKEN, words)
    for token in mine:
        if token is not kept:
            yield Step(Action.REVOKE_TOKEN, f"Ancien jeton de déploiement n° {token.id} révoqué", token.id)


def lasting(token: DeployToken, today: date) -> bool:
    """Whether a token needs no renewal yet."""
    return token.expires is None or token.expires - today > RENEWED_BEFORE
