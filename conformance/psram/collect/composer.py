"""Facts of composer.json and composer.lock, read without Composer."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from psram.facts import ComposerFacts, Constraint, LockedPackage, Mark

_MAX_BYTES: Final = 8 * 1024 * 1024
_MAX_DEPTH: Final = 500
_HASHED_KEYS: Final = (
    *("name", "version", "require", "require-dev", "conflict", "replace", "provide"),
    *("minimum-stability", "prefer-stable", "repositories", "extra"),
)


def facts(manifest: bytes | None, lock: bytes | None) -> ComposerFacts:
    """What both files say; never raises."""
    if manifest is None:
        return ComposerFacts(lock_present=lock is not None)
    content, problem = _parsed(manifest, "composer.json")
    if content is None:
        return ComposerFacts(manifest_present=True, manifest_problem=problem, lock_present=lock is not None)
    locked, lock_problem = (None, "") if lock is None else _parsed(lock, "composer.lock")
    config = _mapping(content.get("config"))
    autoload, autoload_dev = _mapping(content.get("autoload")), _mapping(content.get("autoload-dev"))
    repositories = tuple(_repositories(content.get("repositories")))
    return ComposerFacts(
        manifest_present=True,
        lock_present=lock is not None,
        lock_problem=lock_problem,
        content_hash=content_hash(content),
        locked_hash=str(_mapping(locked).get("content-hash", ""))[:64],
        require=_constraints(content.get("require")),
        require_dev=_constraints(content.get("require-dev")),
        platform_php=_text(_mapping(config.get("platform")).get("php")),
        psr4=tuple(_psr4(autoload)),
        psr4_dev=tuple(_psr4(autoload_dev)),
        repositories=repositories,
        packagist_disabled=any(r.kind == "packagist-disabled" for r in repositories),
        packages=tuple(_packages(_mapping(locked))),
        lines=_lines(manifest),
    )


def _parsed(raw: bytes, name: str) -> tuple[dict[str, Any] | None, str]:
    if len(raw) > _MAX_BYTES:
        return None, f"{name} dépasse {_MAX_BYTES // 1024 // 1024} Mio"
    try:
        content = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return None, f"{name} n'est pas en UTF-8"
    except json.JSONDecodeError as error:
        return None, f"{name} n'est pas du JSON valide (ligne {error.lineno})"
    except (ValueError, RecursionError):
        return None, f"{name} n'est pas du JSON lisible"
    if not isinstance(content, dict):
        return None, f"{name} n'est pas un objet JSON"
    return content, ""


def content_hash(content: dict[str, Any]) -> str:
    """The ``content-hash`` that Composer would write into the lock for this composer.json.

    Composer hashes a subset of the file, ``config.platform`` included, re-encoded by PHP's ``json_encode``.
    """
    relevant: dict[str, Any] = {key: content[key] for key in _HASHED_KEYS if key in content}
    platform = _mapping(content.get("config")).get("platform")
    if platform is not None:
        relevant["config"] = {"platform": platform}
    return hashlib.md5(php_json({k: relevant[k] for k in sorted(relevant)}).encode(), usedforsecurity=False).hexdigest()


def php_json(value: Any, depth: int = 0) -> str:
    """``json_encode(json_decode($text, true))`` as PHP does it: empty objects and 0…n keys become lists."""
    if depth > _MAX_DEPTH:
        return "null"
    if isinstance(value, dict):
        if _is_php_list(list(value)):
            return php_json(list(value.values()), depth)
        inner = (f"{_php_string(key)}:{php_json(item, depth + 1)}" for key, item in value.items())
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(php_json(item, depth + 1) for item in value) + "]"
    if isinstance(value, str):
        return _php_string(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        value = float(value)
    return _php_float(value) if isinstance(value, float) else json.dumps(value)


def _is_php_list(keys: list[str]) -> bool:
    return keys == [str(i) for i in range(len(keys))]


def _php_string(text: str) -> str:
    return json.dumps(text).replace("/", "\\/").replace("\x7f", "\\u007f").replace("\\u007f", "\x7f")


def _php_float(number: float) -> str:
    if not math.isfinite(number):
        return "0"
    if number == int(number) and abs(number) < 1e17:  # noqa: PLR2004  PHP writes bigger ones with an exponent
        return "-0" if str(number) == "-0.0" else f"{Decimal(repr(number)):.0f}"
    digits, _, exponent = repr(number).partition("e")
    if not exponent:
        return digits
    return f"{digits if '.' in digits else digits + '.0'}e{int(exponent):+d}"


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


def _packages(lock: dict[str, Any]) -> Iterator[LockedPackage]:
    for key, dev in (("packages", False), ("packages-dev", True)):
        listed = lock.get(key)
        for item in listed[:5000] if isinstance(listed, list) else []:
            package = _mapping(item)
            dist, source = _mapping(package.get("dist")), _mapping(package.get("source"))
            yield LockedPackage(
                name=_text(package.get("name")).lower(),
                version=_text(package.get("version")),
                dev=dev,
                dist_url=_text(dist.get("url")),
                dist_type=_text(dist.get("type")),
                source_url=_text(source.get("url")),
                source_type=_text(source.get("type")),
            )


def _lines(raw: bytes) -> dict[str, int]:
    """Line of each key's first appearance in composer.json, for findings."""
    lines: dict[str, int] = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        for found in re.finditer(r'"([^"\\]{1,120})"\s*:', line):
            lines.setdefault(found[1], number)
        for found in re.finditer(r'"((?:https?|git|ssh|file)://[^"]{1,300}|\.{1,2}/[^"]{0,300})"', line):
            lines.setdefault(found[1].replace("\\/", "/"), number)
    return dict(list(lines.items())[:2000])
