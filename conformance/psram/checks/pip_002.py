"""PIP-002: the image starts from an approved base, does not run as root and carries no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import data, outcome
from psram.checks.shell_words import fetches
from psram.facts import Entry, Facts
from psram.model import Context, Finding, Outcome

_SECRET = re.compile(r"(passw|secret|token|private|credential|api_?key|mot_?de_?passe)", re.IGNORECASE)
_ASSIGNED = re.compile(r"""(?:^|\s)([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)""")
_FROM_OTHER = re.compile(r"(?:--from=|--mount=\S*\bfrom=)([^\s,]+)")
_OTHER_USER = re.compile(r"(?!root$)[a-z_][a-z0-9_.-]{0,31}|[1-9][0-9]{0,9}")
_ADDRESS = re.compile(r"(?:^|[\s\"'\[,])(?:[a-z0-9+]{2,10}://|git@)", re.IGNORECASE)
_PATH = "Dockerfile"


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a foreign base image, a root user, a secret in ENV or ARG, or something from the network."""
    entries = [entry for file, content in data(facts, _PATH) if file.path == _PATH for entry in content.entries]
    if not entries:
        return outcome([Finding("aucun Dockerfile à la racine : la plateforme ne sait pas construire l'image", _PATH)])
    approved = (*params["base_images"], *(context.base_images or ()))
    found = [*_doubtful(entries), *_bases(entries, approved, context.base_images is not None), *_user(entries)]
    return outcome([*found, *_contents(entries), *_fetched(entries, params), *_health(entries, params)])


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
    first = next((i for i, e in enumerate(entries) if e.path == "FROM"), len(entries))
    arguments = _arguments([e for e in entries[:first] if e.path == "ARG"])  # a later ARG changes no FROM
    stages: set[str] = set()
    sources = [e for e in entries if e.path == "FROM"]
    if not sources:
        yield Finding("aucune instruction FROM", _PATH, 1)
    for entry in sources:
        words = [w for w in entry.value.split() if not w.startswith("--")]
        image = _resolved(words[0] if words else "", arguments)
        if image.lower() not in stages and not _approved(image, approved, strict):
            yield Finding(f"image de base non agréée : {image}", _PATH, entry.line)
        if len(words) > 2 and words[1].lower() == "as":  # noqa: PLR2004  image AS name
            stages.add(words[2].lower())
    for entry in entries:
        for other in _FROM_OTHER.findall(entry.value) if entry.path in ("COPY", "RUN", "ADD") else ():
            image = _resolved(other, arguments)
            if image.lower() not in stages and not image.isdigit() and not _approved(image, approved, strict):
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
    known = _arguments(entries[: entries.index(users[-1])])
    user = _resolved(users[-1].value, known).split(":")[0].strip()
    if not _OTHER_USER.fullmatch(user):
        yield Finding("l'image s'exécute en root", _PATH, users[-1].line)


def _contents(entries: list[Entry]) -> Iterator[Finding]:
    for entry in entries:
        if entry.path in ("ENV", "ARG"):
            for name in _names(entry):
                if _SECRET.search(name):
                    yield Finding(f"{entry.path} {name} : un secret resterait lisible dans l'image", _PATH, entry.line)
        elif entry.path == "ADD" and _ADDRESS.search(_resolved(entry.value, _arguments(entries))):
            yield Finding("ADD télécharge un fichier sans contrôle", _PATH, entry.line)


def _fetched(entries: list[Entry], params: Params) -> Iterator[Finding]:
    programs = tuple(params["fetching"])
    for entry in entries:
        if entry.path in ("RUN", "ONBUILD"):
            line = entry.value.removeprefix("RUN ") if entry.path == "ONBUILD" else entry.value
            lines = {line, _resolved(line, _arguments(entries))}
            for found in sorted({f for each in lines for f in fetches(each, programs)}):
                yield Finding(f"RUN prend quelque chose sur le réseau ({found})", _PATH, entry.line)


def _names(entry: Entry) -> list[str]:
    assigned = re.findall(r"(?:^|\s)([A-Za-z_]\w*)=", entry.value)
    return assigned or entry.value.split()[:1]
