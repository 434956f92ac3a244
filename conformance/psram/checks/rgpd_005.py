"""RGPD-005: a page of the application makes the agent's browser speak with the platform, with nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, entries, ignored, outcome
from psram.facts import Facts, FileFact, Mark
from psram.index import beside_code, marks
from psram.model import Context, Finding, Outcome

_POLICY = re.compile(r"(?:^|\.)(?:[a-z]+-)+(?:src|action)(?:\[\d+\])?$")
_HOST = re.compile(r"(?:https?:|wss?:)?(?://)?((?:\*\.)?(?:[a-z0-9-]+\.)+[a-z]{2,24})(?::\d+)?(?:/.*)?$", re.I)
_SAID = {
    "csp": "la Content-Security-Policy laisse entrer {}",
    "tracker": "traceur publicitaire ou de mesure d'audience ({})",
    "form": "un formulaire est envoyé à {}",
    "importmap": "un module JavaScript vient de {}",
    "style": "une feuille de style, une police ou une image vient de {}",
    "script": "un script parle avec {}",
}


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by assets, connections and trackers of a host outside the list, and by a policy that lets them in."""
    return outcome(dict.fromkeys([*_marks(facts, params), *_policies(facts, params)]))


def _marks(facts: Facts, params: Params) -> Iterator[Finding]:
    for file, mark in _remote(facts):
        if not ignored(file.path, params) and (mark.detail == "tracker" or not _allowed(mark.name, params)):
            message = _SAID.get(mark.detail, f"<{mark.detail}> charge un contenu de {{}}").replace("{}", mark.name)
            yield at(file, mark, message)


def _remote(facts: Facts) -> Iterator[tuple[FileFact, Mark]]:
    for file, blob in beside_code(facts):
        for mark in blob.remote:
            yield file, mark
    yield from marks(facts, "remote")


def _policies(facts: Facts, params: Params) -> Iterator[Finding]:
    for file, entry in entries(facts, "config/", ".yaml", ".yml"):
        host = _HOST.match(entry.value.strip()) if _POLICY.search(entry.path) else None
        if host is not None and not _allowed(host[1].lower(), params):
            yield Finding(_SAID["csp"].replace("{}", host[1]), file.path, entry.line)


def _allowed(host: str, params: Params) -> bool:
    bare = host.removeprefix("*.").lower()
    return any(bare == item or bare.endswith("." + item) for item in params["allowed_hosts"])
