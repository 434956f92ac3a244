"""Facts of composer.json and composer.lock, read without Composer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

from psram.collect import php_json, strict_json
from psram.facts import ComposerFacts, Constraint, LockedPackage, Mark

_MAX_PACKAGES: Final = 5000
_MAX_MIRRORS: Final = 50
_PACKAGE_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,100})/[a-z0-9]([a-z0-9._-]{0,100})")
_HASHED_KEYS: Final = (
    *("name", "version", "require", "require-dev", "conflict", "replace", "provide"),
    *("minimum-stability", "prefer-stable", "repositories", "extra"),
)


def facts(manifest: bytes | None, lock: bytes | None) -> ComposerFacts:
    """What both files say; never raises."""
    if manifest is None:
        return ComposerFacts(lock_present=lock is not None)
    content, problem = strict_json.read(manifest, "composer.json")
    if content is None:
        return ComposerFacts(manifest_present=True, manifest_problem=problem, lock_present=lock is not None)
    locked, lock_problem = (None, "") if lock is None else strict_json.read(lock, "composer.lock")
    if locked is not None:
        lock_problem = _lock_problem(locked)
    readable = _mapping(locked) if not lock_problem else {}
    expected = content_hash(content)
    config = _mapping(content.get("config"))
    autoload, autoload_dev = _mapping(content.get("autoload")), _mapping(content.get("autoload-dev"))
    repositories = tuple(_repositories(content.get("repositories")))
    return ComposerFacts(
        manifest_present=True,
        manifest_problem="" if expected else "composer.json contient un nombre que Composer ne peut pas écrire",
        lock_present=lock is not None,
        lock_problem=lock_problem,
        content_hash=expected,
        locked_hash=_text(readable.get("content-hash"))[:64],
        require=_constraints(content.get("require")),
        require_dev=_constraints(content.get("require-dev")),
        platform_php=_text(_mapping(config.get("platform")).get("php")),
        psr4=tuple(_psr4(autoload)),
        psr4_dev=tuple(_psr4(autoload_dev)),
        repositories=repositories,
        packagist_disabled=any(r.kind == "packagist-disabled" for r in repositories),
        packages=tuple(_packages(readable, _lock_lines(lock or b""))),
        lines=_lines(manifest),
        minimum_stability=_text(content.get("minimum-stability")),
        locked_stability=_text(readable.get("minimum-stability")),
        license=_licenses(content.get("license")),
    )


def content_hash(content: dict[str, Any]) -> str:
    """The ``content-hash`` that Composer would write into the lock for this composer.json; empty where it could not.

    Composer hashes a subset of the file, ``config.platform`` included, re-encoded by PHP's ``json_encode``.
    """
    relevant: dict[str, Any] = {key: content[key] for key in _HASHED_KEYS if key in content}
    platform = _mapping(content.get("config")).get("platform")
    if platform is not None:
        relevant["config"] = {"platform": platform}
    try:
        encoded = php_json.dumps({key: relevant[key] for key in sorted(relevant)})
    except (ValueError, RecursionError):
        return ""
    return hashlib.md5(encoded.encode(), usedforsecurity=False).hexdigest()


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:300] if isinstance(value, str) else ""


def _constraints(value: object) -> tuple[Constraint, ...]:
    return tuple(Constraint(name.lower()[:200], _text(text)) for name, text in sorted(_mapping(value).items()))


def _psr4(autoload: dict[str, Any]) -> Iterator[Constraint]:
    for prefix, folders in _mapping(autoload.get("psr-4")).items():
        for folder in folders if isinstance(folders, list) else [folders]:
            yield Constraint(prefix[:200], _text(folder).removeprefix("./"))


def _repositories(value: object) -> Iterator[Mark]:
    """Repositories: kind, URL; Composer accepts a list or a map, and ``{"packagist.org": false}``."""
    items: list[tuple[str, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = [("", item) for item in value]
    for name, item in items[:200]:
        if item is False and name.startswith("packagist"):
            yield Mark(0, "packagist-disabled", name)
        elif isinstance(item, dict):
            if any(key.startswith("packagist") and flag is False for key, flag in item.items()):
                yield Mark(0, "packagist-disabled")
            elif "type" in item:
                yield Mark(0, _text(item.get("type")) or "?", _text(item.get("url")))


def _lock_problem(lock: dict[str, Any]) -> str:
    """Why the lock's lists of packages cannot be trusted, in French; empty when they can."""
    seen: set[str] = set()
    for key in ("packages", "packages-dev"):
        listed = lock.get(key, [])
        if not isinstance(listed, list):
            return f"composer.lock : « {key} » n'est pas une liste"
        if len(listed) > _MAX_PACKAGES:
            return f"composer.lock : « {key} » compte plus de {_MAX_PACKAGES} paquets"
        for position, item in enumerate(listed):
            name, version = _mapping(item).get("name"), _mapping(item).get("version")
            if not isinstance(name, str) or not _PACKAGE_NAME.fullmatch(name.lower()):
                return f"composer.lock : {key}[{position}] n'a pas de nom de paquet « vendeur/projet »"
            if not isinstance(version, str) or not 0 < len(version) <= 100:  # noqa: PLR2004
                return f"composer.lock : {name.lower()} n'a pas de version"
            if name.lower() in seen:
                return f"composer.lock : {name.lower()} est verrouillé deux fois"
            seen.add(name.lower())
    return ""


def _packages(lock: dict[str, Any], lines: dict[str, int]) -> Iterator[LockedPackage]:
    for key, dev in (("packages", False), ("packages-dev", True)):
        for item in lock.get(key, []):
            name = _text(item["name"]).lower()
            dist, source = _mapping(item.get("dist")), _mapping(item.get("source"))
            yield LockedPackage(
                name=name,
                version=_text(item["version"]),
                dev=dev,
                dist_url=_text(dist.get("url")),
                dist_type=_text(dist.get("type")),
                source_url=_text(source.get("url")),
                source_type=_text(source.get("type")),
                license=_licenses(item.get("license")),
                require=tuple(sorted(name.lower()[:200] for name in _mapping(item.get("require")) if "/" in name)),
                provide=tuple(sorted({k.lower()[:200] for s in ("provide", "replace") for k in _mapping(item.get(s))})),
                line=lines.get(name, 0),
                mirrors=tuple(_mirrors(dist, source)),
            )


def _mirrors(*origins: dict[str, Any]) -> Iterator[str]:
    for origin in origins:
        listed = origin.get("mirrors")
        for item in listed[:_MAX_MIRRORS] if isinstance(listed, list) else []:
            if url := _text(_mapping(item).get("url")):
                yield url
        if isinstance(listed, list) and len(listed) > _MAX_MIRRORS:
            yield "?"  # nobody's address: those beyond are not looked at


def _licenses(value: object) -> tuple[str, ...]:
    """Licences as Composer reads them: one or several, any of which may be chosen."""
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(item[:200] for item in given[:20] if isinstance(item, str))


def _lock_lines(raw: bytes) -> dict[str, int]:
    """The line where each package of the lock is named."""
    lines: dict[str, int] = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        found = re.match(r'\s{0,40}"name"\s{0,5}:\s{0,5}"([^"\\]{3,203})"', line)
        if found is not None and "/" in found[1]:
            lines.setdefault(found[1].lower(), number)
    return lines


def _lines(raw: bytes) -> dict[str, int]:
    """Line of each key's first appearance in composer.json, for findings."""
    lines: dict[str, int] = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        for found in re.finditer(r'"([^"\\]{1,120})"\s*:', line):
            lines.setdefault(found[1], number)
        for found in re.finditer(r'"((?:https?|git|ssh|file)://[^"]{1,300}|\.{1,2}/[^"]{0,300})"', line):
            lines.setdefault(found[1].replace("\\/", "/"), number)
    return dict(list(lines.items())[:2000])
