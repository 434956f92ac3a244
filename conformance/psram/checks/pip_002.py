"""PIP-002: the image starts from an approved base, does not run as root and carries no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import data, outcome
from psram.facts import Entry, Facts
from psram.model import Context, Finding, Outcome

_SECRET = re.compile(r"(passw|secret|token|private|credential|api_?key|mot_?de_?passe)", re.IGNORECASE)
_ASSIGNED = re.compile(r"""(?:^|\s)([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)""")
_PATH = "Dockerfile"


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a foreign base image, a root user, a secret in ENV or ARG, or a file fetched from the network."""
    entries = [entry for file, content in data(facts, _PATH) if file.path == _PATH for entry in content.entries]
    if not entries:
        return outcome([Finding("aucun Dockerfile à la racine : la plateforme ne sait pas construire l'image", _PATH)])
    approved = (*params["base_images"], *(context.base_images or ()))
    found = [*_doubtful(entries), *_bases(entries, approved, context.base_images is not None), *_user(entries)]
    return outcome([*found, *_contents(entries), *_health(entries, params)])


def _doubtful(entries: list[Entry]) -> Iterator[Finding]:
    for entry in entries:
        if entry.path == "#ESCAPE":
            yield Finding("# escape= change la lecture du fichier : il ne peut pas être vérifié", _PATH, entry.line)
        elif entry.path == "#TOO_LONG":
            yield Finding(
                "le fichier est trop long, ou ne se termine pas : il ne peut pas être vérifié", _PATH, entry.line
            )


def _health(entries: list[Entry], params: Params) -> Iterator[Finding]:
    """Kubernetes asks /sante itself: an instruction is wanted only where the rule's data says so."""
    if params.get("health_check") and not any(e.path == "HEALTHCHECK" for e in entries):
        yield Finding("aucune instruction HEALTHCHECK, que la plateforme demande", _PATH, 1)


def _bases(entries: list[Entry], approved: tuple[str, ...], strict: bool) -> Iterator[Finding]:
    arguments = _arguments(entries)
    stages: set[str] = set()
    sources = [e for e in entries if e.path == "FROM"]
    if not sources:
        yield Finding("aucune instruction FROM", _PATH, 1)
    for entry in sources:
        words = [w for w in entry.value.split() if not w.startswith("--")]
        image = _resolved(words[0] if words else "", arguments)
        if image not in stages and not _approved(image, approved, strict):
            yield Finding(f"image de base non agréée : {image}", _PATH, entry.line)
        if len(words) > 2 and words[1].lower() == "as":  # noqa: PLR2004  image AS name
            stages.add(words[2])
    for entry in entries:
        copied = re.search(r"--from=(\S+)", entry.value) if entry.path == "COPY" else None
        if copied and copied[1] not in stages and not copied[1].isdigit():
            image = _resolved(copied[1], arguments)
            if not _approved(image, approved, strict):
                yield Finding(f"copie depuis une image non agréée : {image}", _PATH, entry.line)


def _resolved(image: str, arguments: dict[str, str]) -> str:
    found = re.sub(r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda m: arguments.get(m[1], m[2] or ""), image)
    return found.strip("'\"")


def _approved(image: str, approved: tuple[str, ...], strict: bool) -> bool:
    """Whether the image, tag and digest aside, is approved; away from the platform, whatever the registry."""
    name = re.sub(r"@sha256:[0-9a-f]{64}$", "", image)
    name = re.sub(r":[\w.-]+$", "", name)
    if name in approved:
        return True
    registry, _, rest = name.partition("/")
    return not strict and rest in approved and ("." in registry or ":" in registry or registry == "localhost")


def _arguments(entries: list[Entry]) -> dict[str, str]:
    """Defaults of ARG and ENV, by name."""
    assigned = (pair for e in entries if e.path in ("ARG", "ENV") for pair in _ASSIGNED.findall(e.value))
    return {name: value.strip("'\"") for name, value in assigned}


def _user(entries: list[Entry]) -> Iterator[Finding]:
    last = max((i for i, e in enumerate(entries) if e.path == "FROM"), default=0)
    users = [e for e in entries[last:] if e.path == "USER"]
    if not users:
        said = "aucune instruction USER : l'image s'exécuterait en root"
        yield Finding(said, _PATH, entries[last].line)
        return
    user = _resolved(users[-1].value, _arguments(entries)).split(":")[0].strip()
    if user in ("root", "") or (user.isdigit() and int(user) == 0):
        yield Finding("l'image s'exécute en root", _PATH, users[-1].line)


def _contents(entries: list[Entry]) -> Iterator[Finding]:
    for entry in entries:
        if entry.path in ("ENV", "ARG"):
            for name in _names(entry):
                if _SECRET.search(name):
                    yield Finding(f"{entry.path} {name} : un secret resterait lisible dans l'image", _PATH, entry.line)
        elif entry.path == "ADD" and re.search(r"(^|\s)(https?|git)://", entry.value):
            yield Finding("ADD télécharge un fichier sans contrôle", _PATH, entry.line)


def _names(entry: Entry) -> list[str]:
    assigned = re.findall(r"(?:^|\s)([A-Za-z_]\w*)=", entry.value)
    return assigned or entry.value.split()[:1]
