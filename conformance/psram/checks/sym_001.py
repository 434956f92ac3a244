"""SYM-001: the application is derived from a Starter Kit version that is still maintained, told by its files' contents.

Which version it says it uses does not count: the one whose files it has does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec

from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import Facts
from psram.model import Context, Finding, NextDate, Outcome

_LINE_ENDS = (
    "seules ses fins de ligne diffèrent (CRLF) : écrivez « * text=auto eol=lf » dans .gitattributes, puis lancez "
    "« git add --renormalize . »"
)


class _Version(NamedTuple):
    """A published version: ``files`` maps a path to the git id of its content."""

    name: str
    support_end: date
    files: Mapping[str, str]
    supported: bool


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an unknown origin, a version that is neither N nor N-1 or out of support, or changed kit files."""
    known = _versions(params, context.evaluated_on)
    blobs = {file.path: file.blob for file in facts.files}
    with_lf = blobs | dict(_with_lf(facts, {path for version in known for path in version.files}))
    used = max(known, key=lambda v: (_overlap(v, with_lf), v.supported))
    if not _overlap(used, with_lf):
        said = "aucun fichier du Starter Kit n'est reconnu : l'application n'en est pas dérivée"
        return outcome([Finding(said, "composer.json", 1)])
    findings = [
        *_age(used, known, context.evaluated_on),
        *_locked(facts, params, known),
        *_owned(params, used, known, blobs, with_lf),
    ]
    ends = NextDate(used.support_end, f"SYM-001 : fin de support du Starter Kit {used.name}")
    return msgspec.structs.replace(outcome(findings), next_dates=(ends,) if used.supported else ())


def _versions(params: Params, day: date) -> tuple[_Version, ...]:
    """Newest first; the first two are supported until their end of support."""
    listed: list[dict[str, Any]] = params["versions"]
    found = []
    for rank, entry in enumerate(listed):
        end = (
            entry["support_end"] if isinstance(entry["support_end"], date) else date.fromisoformat(entry["support_end"])
        )
        found.append(_Version(str(entry["version"]), end, entry["files"], rank < params["kept"] and day < end))
    return tuple(found)


def _with_lf(facts: Facts, paths: set[str]) -> Iterator[tuple[str, str]]:
    """The contents that these files would have with LF for CRLF, by path."""
    for file in facts.files:
        blob = facts.blobs.get(file.blob) if file.path in paths and file.skipped is None else None
        if blob is not None and blob.with_lf:
            yield file.path, blob.with_lf


def _overlap(version: _Version, blobs: Mapping[str, str]) -> int:
    return sum(blobs.get(path) == blob for path, blob in version.files.items())


def _age(used: _Version, known: tuple[_Version, ...], day: date) -> Iterator[Finding]:
    if not used.supported:
        yield Finding(
            _too_old(f"les fichiers sont ceux du Starter Kit {used.name}", used, known, day), "src/Kernel.php", 1
        )


def _locked(facts: Facts, params: Params, known: tuple[_Version, ...]) -> Iterator[Finding]:
    """The locked package as well: files of a new version on an old kit would be a façade."""
    package = next((p for p in facts.composer.packages if p.name == params["package"] and not p.dev), None)
    if package is None:
        return  # SYM-002 says it
    minor = ".".join(package.version.removeprefix("v").split(".")[:2])
    version = next((v for v in known if v.name == minor), None)
    if version is not None and not version.supported:
        said = f"composer.lock verrouille le Starter Kit {package.version} ; versions admises : {_names(known)}"
        yield Finding(said, "composer.lock", 1)


def _owned(
    params: Params,
    used: _Version,
    known: tuple[_Version, ...],
    blobs: Mapping[str, str],
    with_lf: Mapping[str, str],
) -> Iterator[Finding]:
    for path in params["owned"]:
        blob = blobs.get(path)
        if blob is None:
            yield Finding(f"ce fichier du Starter Kit {used.name} a été supprimé", path)
            continue
        of = next((v for v in known if v.files.get(path) == blob), None)
        if of is None:
            same = any(version.files.get(path) == with_lf[path] for version in known)
            yield Finding(
                f"ce fichier appartient au Starter Kit {used.name} et {_LINE_ENDS if same else 'a été modifié'}",
                path,
                1,
            )


def _too_old(said: str, used: _Version, known: tuple[_Version, ...], day: date) -> str:
    ended = f", sans support depuis le {used.support_end}" if day >= used.support_end else ""
    return f"{said}{ended} ; versions admises : {_names(known)}"


def _names(known: tuple[_Version, ...]) -> str:
    return " et ".join(v.name for v in known if v.supported) or "aucune connue de ce pack"
