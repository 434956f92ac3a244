"""What ties a forge project to the platform, read and written: hooks, labels, deploy tokens, and the Secret.

Needs a token of the role Maintainer on the project, which the operator's own need not have.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, assert_never

import gitlab

from amcloud.clients.forge_calls import ONCE, ForgeCalls, said
from amcloud.clients.kubernetes_api import APPLY_PATCH, Api
from amcloud.errors import BrokenInstallationError
from amcloud.settings import FIELD_MANAGER, GROUP
from amcloud.stages.to_forge.forge_link import (
    EVENTS,
    LABELS,
    NORMS_EVENTS,
    NORMS_LABELS,
    SCOPES,
    TOKEN,
    TOKEN_LASTS,
    Action,
    Delivery,
    DeployToken,
    Found,
    Hook,
    SecretState,
    Step,
)

DELIVERIES: Final = 5
MOST: Final = 100
PROJECT: Final = f"{GROUP}/forge-project"
"""Annotation of a Secret that this made: the project that its token opens."""


class ForgeLink:
    """One project as somebody sees it who maintains it."""

    def __init__(self, calls: ForgeCalls, project: str) -> None:
        self._calls = calls
        self._project = project

    def found(self, secret: SecretState = SecretState.UNASKED) -> Found:
        """What is there.

        Raises:
            RepositoryRefusedError: the project is not there for this token, or its role is less than Maintainer.
        """
        with self._asking("lecture des webhooks, labels et jetons"):
            owner: Any = self._calls.project(self._project)
            hooks = [one.attributes for one in owner.hooks.list(per_page=MOST, get_all=False, **ONCE)]
            labels = [str(one.attributes["name"]) for one in owner.labels.list(per_page=MOST, get_all=False, **ONCE)]
            tokens = [one.attributes for one in owner.deploytokens.list(per_page=MOST, get_all=False, **ONCE)]
            return Found(
                hooks=tuple(_hook(found, self._deliveries(int(found["id"]))) for found in hooks),
                labels=frozenset(labels),
                tokens=tuple(_token(found) for found in tokens if _opens(found)),
                secret=secret,
            )

    def hooks(self) -> tuple[Hook, ...]:
        """The hooks with their last deliveries."""
        with self._asking("lecture des webhooks"):
            owner: Any = self._calls.project(self._project)
            hooks = [one.attributes for one in owner.hooks.list(per_page=MOST, get_all=False, **ONCE)]
            return tuple(_hook(found, self._deliveries(int(found["id"]))) for found in hooks)

    def carry_out(
        self, step: Step, *, url: str, webhook_token: str, today: date, events: tuple[str, ...] = EVENTS
    ) -> tuple[str, str] | None:
        """The step is done; of a new deploy token, its user name and text, which the forge shows once."""
        with self._asking(step.said.partition(" :")[0].lower()):
            owner: Any = self._calls.project(self._project)
            match step.action:
                case Action.KEEP | Action.LEFT:
                    pass
                case Action.CREATE_HOOK:
                    owner.hooks.create(_body(url, webhook_token, events), **ONCE)
                case Action.UPDATE_HOOK:
                    owner.hooks.update(step.id, _body(url, webhook_token, events), **ONCE)
                case Action.DELETE_HOOK:
                    owner.hooks.delete(step.id, **ONCE)
                case Action.CREATE_LABEL:
                    color, description = {**LABELS, **NORMS_LABELS}[step.name]
                    owner.labels.create({"name": step.name, "color": color, "description": description}, **ONCE)
                case Action.NEW_TOKEN:
                    wanted = {"name": TOKEN, "scopes": sorted(SCOPES), "expires_at": (today + TOKEN_LASTS).isoformat()}
                    made = owner.deploytokens.create(wanted, **ONCE).attributes
                    return str(made["username"]), str(made["token"])
                case Action.REVOKE_TOKEN:
                    owner.deploytokens.delete(step.id, **ONCE)
                case _:
                    assert_never(step.action)
        return None

    def test(self, url: str) -> str:
        """What a notification sent now says, ``""`` when the operator took it."""
        with self._asking("essai du webhook"):
            owner: Any = self._calls.project(self._project)
            ours = [
                one for one in owner.hooks.list(per_page=MOST, get_all=False, **ONCE) if one.attributes["url"] == url
            ]
            if not ours:
                return "le webhook n'est pas là"
            try:
                path = f"/projects/{owner.get_id()}/hooks/{ours[0].get_id()}/test/push_events"
                self._calls.gitlab.http_post(path, **ONCE)
            except gitlab.GitlabHttpError as error:
                return said(error)
            return ""

    def _deliveries(self, hook_id: int) -> tuple[Delivery, ...]:
        """The last ones, newest first; none where the forge does not tell them (GitLab before 17.3)."""
        path = f"/projects/{self._calls.project(self._project).get_id()}/hooks/{hook_id}/events"
        try:
            listed = self._calls.gitlab.http_get(path, query_data={"per_page": DELIVERIES}, **ONCE)
        except gitlab.GitlabHttpError as error:
            if error.response_code not in (403, 404):
                raise
            return ()
        found = listed if isinstance(listed, list) else []
        return tuple(Delivery(str(one.get("created_at", "")), str(one.get("response_status", ""))) for one in found)

    def _asking(self, doing: str) -> Any:
        return self._calls.asking(f"{doing} de {self._project}", self._project)


def secret_state(api: Api, place: str, project: str) -> SecretState:
    """Whose the Secret ``namespace/name`` is."""
    namespace, _, name = place.partition("/")
    found = api.get(api.resource("", "Secret").path(namespace, name), doing=f"lecture du Secret {place}")
    if found is None:
        return SecretState.ABSENT
    annotations = found["metadata"].get("annotations") or {}
    return SecretState.OURS if annotations.get(PROJECT) == project else SecretState.FOREIGN


def write_secret(api: Api, place: str, project: str, credentials: tuple[str, str]) -> None:
    """The Secret holds the credentials of a project, as ``spec.repository.credentialsRef`` names them."""
    namespace, _, name = place.partition("/")
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "annotations": {PROJECT: project}},
        "type": "Opaque",
        "data": {
            key: base64.b64encode(text.encode()).decode()
            for key, text in zip(("username", "token"), credentials, strict=True)
        },
    }
    params = {"fieldManager": f"{FIELD_MANAGER}-connect", "force": "true"}
    path, doing = api.resource("", "Secret").path(namespace, name), f"écriture du Secret {place}"
    if api.patch(path, body, doing=doing, kind=APPLY_PATCH, params=params) is None:
        raise BrokenInstallationError(f"{doing} : l'espace {namespace} n'existe pas")


def _body(url: str, token: str, events: tuple[str, ...]) -> dict[str, Any]:
    return {
        "url": url,
        "token": token,
        "push_events_branch_filter": "",
        "enable_ssl_verification": url.startswith("https:"),
        "push_events": False,  # which GitLab sends unless told otherwise
        **dict.fromkeys(events, True),
    }


def _hook(found: Mapping[str, Any], deliveries: tuple[Delivery, ...]) -> Hook:
    return Hook(
        id=int(found["id"]),
        url=str(found["url"]),
        events=frozenset(event for event in (*EVENTS, *NORMS_EVENTS) if found.get(event)),
        branch_filter=str(found.get("push_events_branch_filter") or ""),
        verify_tls=bool(found.get("enable_ssl_verification", True)),
        state=str(found.get("alert_status") or "executable"),
        deliveries=deliveries,
    )


def _token(found: Mapping[str, Any]) -> DeployToken:
    expires = found.get("expires_at")
    day = datetime.fromisoformat(str(expires)).date() if expires else None
    return DeployToken(int(found["id"]), str(found["name"]), frozenset(map(str, found.get("scopes") or ())), day)


def _opens(found: Mapping[str, Any]) -> bool:
    return not found.get("revoked") and not found.get("expired")
