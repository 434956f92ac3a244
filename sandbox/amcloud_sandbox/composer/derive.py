"""A Composer package from the files and the control data of a Debian one. Pure: no disk, no network.

Debian strips ``composer.json`` but keeps what is needed to write it again: the upstream version, the name and the
place of the autoloader (``/usr/share/pkg-php-tools/autoloaders``), dependencies and licences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

SHARE = "usr/share/php/"
AUTOLOADERS = "usr/share/pkg-php-tools/autoloaders/"
# Debian packages whose Composer name is neither declared by the package nor `php-<vendor>-<project>`.
NAMES = {
    "php-phar-io-manifest": "phar-io/manifest",
    "php-phar-io-version": "phar-io/version",
}
EXTENSIONS = {"php-intl": "ext-intl", "php-mbstring": "ext-mbstring", "php-xml": "ext-dom"}
LICENCES = {"Expat": "MIT", "BSD-3-clause": "BSD-3-Clause", "BSD-3-Clause": "BSD-3-Clause"}

_NAMESPACE = re.compile(rb"^\s*(?:<\?php\s+)?namespace\s+([\w\\]+)\s*[;{]", re.MULTILINE)
_CLASS = re.compile(
    rb"^(?:#\[[^\n]*\]\s*)?(?:(?:abstract|final|readonly)\s+)*(?:class|interface|trait|enum)\s+(\w+)", re.MULTILINE
)
_OWN_FILE = re.compile(rb"^require(?:_once)? __DIR__ ?\. ?'/([\w/]+\.php)'", re.MULTILINE)
_RELATION = re.compile(r"^(?P<name>[a-z0-9.+-]+)(?::any)?(?:\s*\((?P<op><<|<=|=|>=|>>)\s*(?P<version>[^)]+)\))?")
_OPERATORS = {">=": ">=", ">>": ">", "<=": "<=", "<<": "<", "=": ">="}


@dataclass(frozen=True, slots=True)
class Control:
    """What Debian says of one binary package."""

    name: str
    version: str
    depends: str = ""
    description: str = ""
    homepage: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of one Composer package: its ``composer.json`` fields and its files (path → content)."""

    name: str
    version: str
    manifest: Mapping[str, object]
    files: Mapping[str, bytes]


def upstream_version(debian_version: str) -> str:
    """Upstream's part of a Debian version: ``5.4.53+dfsg-0+deb12u1`` → ``5.4.53``."""
    without_epoch = debian_version.split(":", 1)[-1]
    match = re.match(r"\d+(?:\.\d+)*", without_epoch)
    return match.group() if match else without_epoch


def composer_name(package: str, files: Mapping[str, bytes]) -> str:
    """``vendor/project``, declared by the package or else after Debian's naming custom ``php-<vendor>-<project>``."""
    for path, content in files.items():
        words = content.decode("utf-8", "replace").split() if path.startswith(AUTOLOADERS) else []
        if len(words) > 1:
            return f"{words[0]}/{words[1]}"
    if package in NAMES:
        return NAMES[package]
    vendor, _, project = package.removeprefix("php-").partition("-")
    return f"{vendor}/{project or vendor}"


def requirements(depends: str, names: Mapping[str, str]) -> dict[str, str]:
    """Composer requirements of a Debian ``Depends`` field; ``names`` maps known Debian packages to Composer's names.

    Of alternatives (``a | b``) only the first counts; packages that are neither known nor PHP extensions go.
    """
    found: dict[str, list[str]] = {}
    for relation in depends.split(","):
        match = _RELATION.match(relation.split("|")[0].strip())
        name = match and (names.get(match["name"]) or EXTENSIONS.get(match["name"]))
        if match and name:
            bounds = found.setdefault(name, [])
            if match["op"] and "/" in name:
                bounds.append(f"{_OPERATORS[match['op']]}{upstream_version(match['version'])}")
    return {name: ",".join(bounds) or "*" for name, bounds in sorted(found.items())}


def licence(copyright_file: bytes) -> list[str]:
    """SPDX names of the licence of ``Files: *``; empty when Debian's file does not say it plainly."""
    match = re.search(r"^Files: \*.*?^License: (\S+)", copyright_file.decode("utf-8", "replace"), re.S | re.M)
    return [LICENCES.get(match[1], match[1])] if match else []


def package(control: Control, members: Mapping[str, bytes], names: Mapping[str, str]) -> Package:
    """The Composer package: same code, with a name, a version, an autoload section and requirements.

    ``members``: path inside the Debian package → content. Raises ``ValueError`` when it holds no PHP autoloader.
    """
    root = _root(control.name, members)
    inside = {path.removeprefix(SHARE): data for path, data in members.items() if path.startswith(SHARE)}
    flat = all(path.startswith(f"{root}/") for path in inside)
    files = {path.removeprefix(f"{root}/") if flat else path: data for path, data in inside.items()}
    folder = "" if flat else f"{root}/"
    name, version = composer_name(control.name, members), upstream_version(control.version)
    manifest: dict[str, object] = {
        "name": name,
        "version": version,
        "description": control.description,
        "type": "symfony-bundle" if name.endswith("-bundle") else "library",
        "license": licence(members.get(f"usr/share/doc/{control.name}/copyright", b"")),
        "require": {"php": ">=8.1", **requirements(control.depends, names)},
        "autoload": _autoload(root.replace("/", "\\") + "\\", folder, files),
    }
    if name == "phpunit/phpunit":
        files["phpunit"] = _phpunit_program(members["usr/bin/phpunit"])
        manifest["bin"] = ["phpunit"]
    return Package(name, version, manifest, files)


def _root(name: str, members: Mapping[str, bytes]) -> str:
    """Folder of the package under /usr/share/php: where its own autoloader is."""
    found = sorted(
        (str(PurePosixPath(path).parent).removeprefix(SHARE.rstrip("/")).lstrip("/") for path in members
         if path.startswith(SHARE) and PurePosixPath(path).name.lower() == "autoload.php"),
        key=len,
    )  # fmt: skip
    if not found or not found[0]:
        raise ValueError(f"{name}: no autoload.php below /{SHARE}")
    return found[0]


def _autoload(prefix: str, folder: str, files: Mapping[str, bytes]) -> dict[str, object]:
    """PSR-4 when every class follows it, else a class map; plus the files that Debian's autoloader always loads."""
    loader = next(data for path, data in files.items() if path.lower() == f"{folder}autoload.php".lower())
    always = sorted({folder + found.decode() for found in _OWN_FILE.findall(loader)} & files.keys())
    autoload: dict[str, object] = {"psr-4": {prefix: folder}} if _is_psr4(prefix, folder, files) else {
        "classmap": ["."]}  # fmt: skip
    return {**autoload, "files": always} if always else autoload


def _is_psr4(prefix: str, folder: str, files: Mapping[str, bytes]) -> bool:
    for path, data in files.items():
        namespace, declared = _NAMESPACE.search(data), _CLASS.search(data)
        if path.endswith(".php") and namespace and declared and "/Resources/" not in f"/{path}":
            expected = prefix + path.removeprefix(folder).removesuffix(".php").replace("/", "\\")
            if f"{namespace[1].decode()}\\{declared[1].decode()}" != expected:
                return False
    return True


def _phpunit_program(debian: bytes) -> bytes:
    """Debian's ``phpunit`` program, loading the application's own autoloader in place of the system's."""
    system = b"define('PHPUNIT_COMPOSER_INSTALL', 'PHPUnit/Autoload.php');"
    own = b"define('PHPUNIT_COMPOSER_INSTALL', $_composer_autoload_path ?? dirname(__DIR__, 2) . '/autoload.php');"
    if system not in debian:
        raise ValueError("phpunit: its program no longer loads PHPUnit/Autoload.php")
    return debian.replace(system, own).replace(b"#!/usr/bin/php", b"#!/usr/bin/env php")
