"""``amcloud forge connect`` against the stand-in: what it does is said, done once, and opens no more than it must."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from amcloud.cli import build
from amcloud.clients.budget import Budget
from amcloud.clients.forge_calls import ForgeCalls
from amcloud.clients.forge_link import ForgeLink, secret_state, write_secret
from amcloud.clients.kubernetes_api import Api
from amcloud.clients.source import GitSource
from amcloud.errors import BrokenInstallationError, RepositoryRefusedError
from amcloud.stages.to_forge import contests
from amcloud.stages.to_forge.forge_link import LABELS, Action, SecretState, Step, Wanted, events_of, labels_of, plan
from amcloud_sandbox.testing.forge import RunningForge

TODAY = date(2026, 3, 2)
TOKEN = "jeton-webhook"
PLACE = "default/relie-forge"
_numbers = itertools.count(1)


class Receiver(ThreadingHTTPServer):
    """Something that takes web hooks, as the operator does: 202 with the right token, 401 without."""

    wanted = TOKEN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhooks/gitlab"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202 if self.headers.get("X-Gitlab-Token") == self.server.wanted else 401)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def path(forge: RunningForge) -> str:
    """A project of its own for each test, with a maintainer and a commit."""
    made = f"cpam-bas-rhin/relie-{next(_numbers)}"
    forge.project(made, maintainers=("responsable",))
    forge.commit(made, {"a": "1"})
    return made


@pytest.fixture
def link(forge: RunningForge, path: str) -> ForgeLink:
    return ForgeLink(ForgeCalls(forge.url, forge.user("responsable"), budget=Budget()), path)


def connected(link: ForgeLink, url: str, secret: SecretState = SecretState.UNASKED) -> tuple[Step, ...]:
    """One run, as the command does it."""
    steps = plan(link.found(secret), Wanted(url, "" if secret is SecretState.UNASKED else PLACE), today=TODAY)
    for step in steps:
        link.carry_out(step, url=url, webhook_token=TOKEN, today=TODAY)
    return steps


def test_a_project_is_tied_once_and_the_hook_works(
    forge: RunningForge, path: str, link: ForgeLink, receiver: Receiver
) -> None:
    first = connected(link, receiver.url)
    assert {step.action for step in first} == {Action.CREATE_HOOK, Action.CREATE_LABEL, Action.LEFT}
    assert link.test(receiver.url) == ""
    (hook,) = link.hooks()
    assert [delivery.arrived for delivery in hook.deliveries] == [True]
    assert not any(step.changes for step in connected(link, receiver.url))
    shown: Any = forge.client().projects.get(path)
    assert {label.name for label in shown.labels.list(get_all=True)} == set(LABELS)


def test_a_hook_that_somebody_spoilt_is_put_right_and_a_second_one_goes(
    forge: RunningForge, path: str, link: ForgeLink, receiver: Receiver
) -> None:
    connected(link, receiver.url)
    project: Any = forge.client().projects.get(path)
    hook = project.hooks.list(get_all=True)[0]
    project.hooks.update(hook.id, {"url": receiver.url, "push_events": False, "push_events_branch_filter": "x"})
    project.hooks.create({"url": receiver.url, "push_events": True})
    actions = [step.action for step in connected(link, receiver.url) if step.changes]
    assert actions == [Action.UPDATE_HOOK, Action.DELETE_HOOK]
    (hook,) = project.hooks.list(get_all=True)
    assert hook.push_events and hook.push_events_branch_filter == ""


def test_a_hook_whose_token_was_changed_gets_the_right_one(
    forge: RunningForge, path: str, link: ForgeLink, receiver: Receiver
) -> None:
    connected(link, receiver.url)
    project: Any = forge.client().projects.get(path)
    project.hooks.update(project.hooks.list(get_all=True)[0].id, {"url": receiver.url, "token": "autre"})
    assert link.test(receiver.url) != ""
    assert [step.action for step in connected(link, receiver.url) if step.changes] == [Action.UPDATE_HOOK]
    assert link.test(receiver.url) == ""


def test_the_deploy_token_reads_one_repository_and_nothing_else(
    forge: RunningForge, path: str, link: ForgeLink, receiver: Receiver, api: Api, tmp_path: Any
) -> None:
    forge.commit("cpam-bas-rhin/voisin", {"a": "1"})
    steps = plan(link.found(SecretState.ABSENT), Wanted(receiver.url, PLACE), today=TODAY)
    made = [link.carry_out(s, url=receiver.url, webhook_token=TOKEN, today=TODAY) for s in steps]
    (credentials,) = (one for one in made if one is not None)
    write_secret(api, PLACE, path, credentials)
    assert secret_state(api, PLACE, path) is SecretState.OURS
    assert secret_state(api, PLACE, "autre/projet") is SecretState.FOREIGN
    source = GitSource(forge.url, tmp_path)
    assert source.refs(path, ":".join(credentials))
    with pytest.raises(RepositoryRefusedError):
        source.refs("cpam-bas-rhin/voisin", ":".join(credentials))
    with pytest.raises(BrokenInstallationError, match="portée « api »"):
        ForgeLink(ForgeCalls(forge.url, credentials[1]), path).found()
    again = plan(link.found(SecretState.OURS), Wanted(receiver.url, PLACE), today=TODAY)
    assert not any(step.changes for step in again)


def test_a_lost_secret_means_a_new_token_and_the_old_one_opens_nothing(
    forge: RunningForge, path: str, link: ForgeLink, receiver: Receiver, tmp_path: Any
) -> None:
    connected(link, receiver.url, SecretState.ABSENT)
    actions = [step.action for step in connected(link, receiver.url, SecretState.ABSENT) if step.changes]
    assert actions[0] is Action.NEW_TOKEN and Action.REVOKE_TOKEN in actions
    tokens: Any = forge.client().projects.get(path).deploytokens.list(get_all=True)
    assert [(token.name, token.scopes) for token in tokens] == [("amcloud", ["read_repository"])]


def test_a_developer_is_told_which_role_it_takes(forge: RunningForge, path: str) -> None:
    project = forge.project(path)
    forge.user("developpeur")
    known: Any = forge.client().users.list(username="developpeur", get_all=False)[0]
    project.members.create({"user_id": known.id, "access_level": 30})
    with pytest.raises(RepositoryRefusedError):
        ForgeLink(ForgeCalls(forge.url, forge.user("developpeur")), path).found()


def test_the_command_says_what_it_would_do_then_does_it(
    forge: RunningForge, path: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("DOMAIN", "REGISTRY_URL", "REGISTRY_NAME", "DATABASE_URL", "OIDC_ISSUER")
    for name in names:
        monkeypatch.setenv(f"AMCLOUD_{name}", "exemple")
    monkeypatch.setenv("AMCLOUD_FORGE_URL", forge.url)
    monkeypatch.setenv("AMCLOUD_FORGE_TOKEN", "inutile")
    monkeypatch.setenv("GITLAB_TOKEN", forge.user("responsable"))
    monkeypatch.setenv("AMCLOUD_WEBHOOK_TOKEN", TOKEN)

    def run(*options: str) -> Any:
        return CliRunner().invoke(build(), ["forge", "connect", path, "--webhook-url", receiver.url, *options])

    project: Any = forge.client().projects.get(path)
    dry = run("--dry-run")
    assert dry.exit_code == 0 and "à faire" in dry.output and "--dry-run" in dry.output
    assert project.hooks.list(get_all=True) == [] and project.labels.list(get_all=True) == []
    done = run()
    assert done.exit_code == 0 and "Webhook créé" in done.output and "reçu par l'opérateur" in done.output
    assert TOKEN not in done.output and forge.user("responsable") not in done.output
    again = json.loads(run("--output", "json").output)
    assert {(one["action"], one["done"]) for one in again} == {("keep", False), ("left", False)}
    monkeypatch.setenv("GITLAB_TOKEN", "perime")
    expired = run()
    assert expired.exit_code == 1 and "jeton donné (GITLAB_TOKEN)" in expired.output
    forge.fail({"kind": "status", "status": 503, "path": "*"})
    try:
        assert run().exit_code == 2
    finally:
        forge.fail()


def test_the_norms_project_sends_issues_and_comments_and_no_push(
    forge: RunningForge, link: ForgeLink, receiver: Receiver, path: str
) -> None:
    events = events_of(path, norms_project=path.upper())
    wanted = Wanted(receiver.url, events=events, labels=labels_of(path, norms_project=path.upper()))
    for step in plan(link.found(), wanted, today=TODAY):
        link.carry_out(step, url=receiver.url, webhook_token=TOKEN, today=TODAY, events=events)
    (hook,) = forge.client().projects.get(path).hooks.list(get_all=True)
    assert (hook.issues_events, hook.note_events, hook.push_events) == (True, True, False)
    listed: Any = forge.client().projects.get(path).labels.list(get_all=True)
    assert {label.name for label in listed} == {contests.LABEL, contests.UPHELD, contests.REJECTED}
    assert not any(step.changes for step in plan(link.found(), wanted, today=TODAY))
