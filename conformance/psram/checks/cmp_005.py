"""CMP-005: every package comes from a source that the platform approved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

import msgspec

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.checks.locked import LOCK, at_package
from psram.facts import ComposerFacts, Facts
from psram.model import Context, Finding, Outcome
from psram.wording import counted


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a repository or a locked package from elsewhere; to confirm where the platform's list is unknown."""
    composer = facts.composer
    approved = [*params["approved"], *(context.package_sources or ())]
    structural = [*_repositories(composer, params), *_undeclared(composer, approved)]
    foreign = list(_foreign(composer, approved))
    if context.package_sources is not None:
        return outcome(dict.fromkeys([*structural, *(finding for _, finding in foreign)]))
    if foreign and not structural:
        said = "la liste des dépôts de paquets agréés, que la plateforme connaît"
        return unknown(said, _questions(foreign), confirm=True)
    return outcome(dict.fromkeys(structural))


def _questions(foreign: Iterable[tuple[str, Finding]]) -> Iterator[Finding]:
    """One a host, at the first place that names it: the platform may well approve it."""
    named: dict[str, list[Finding]] = {}
    for host, finding in foreign:
        named.setdefault(host, []).append(finding)
    for host, findings in named.items():
        packages = sum(finding.path == LOCK for finding in findings)
        whence = f" ({counted(packages, 'paquet en vient', 'paquets en viennent')})" if packages else ""
        yield msgspec.structs.replace(findings[0], message=f"dépôt à confirmer : {host}{whence}", excerpt=host)


def _repositories(composer: ComposerFacts, params: Params) -> Iterator[Finding]:
    for repository in composer.repositories:
        if repository.kind not in ("composer", "packagist-disabled"):
            line = composer.lines.get(repository.name, composer.lines.get("repositories", 1))
            said = f"dépôt de type « {repository.kind} » : seuls les dépôts Composer agréés sont admis"
            yield Finding(said, "composer.json", line)
    if not composer.packagist_disabled:
        said = "le dépôt public par défaut de Composer n'est pas désactivé (« packagist.org »: false)"
        yield Finding(said, "composer.json", composer.lines.get("repositories", 1))


def _foreign(composer: ComposerFacts, approved: Iterable[str]) -> Iterator[tuple[str, Finding]]:
    accepted = [urlsplit(url) for url in approved]
    for repository in composer.repositories:
        if repository.kind == "composer" and not _within(repository.name, accepted):
            line = composer.lines.get(repository.name, composer.lines.get("repositories", 1))
            host = _host(repository.name)
            yield host, Finding(f"dépôt non agréé : {host}", "composer.json", line)
    yield from _packages(composer, accepted)


def _undeclared(composer: ComposerFacts, approved: Iterable[str]) -> Iterator[Finding]:
    """Packages from a host that neither composer.json nor the platform names: the lock was altered."""
    declared = [
        f"{urlsplit(r.name).scheme}://{urlsplit(r.name).netloc}" for r in composer.repositories if r.kind == "composer"
    ]
    known = [urlsplit(url) for url in (*declared, *approved)]
    yield from (finding for _, finding in _packages(composer, known))
    for package in composer.packages:
        if package.dist_type == "path":
            yield at_package(package, f"{package.name} vient d'un dossier local", "source")


def _packages(composer: ComposerFacts, accepted: list[SplitResult]) -> Iterator[tuple[str, Finding]]:
    for package in composer.packages:
        for url in (package.dist_url, package.source_url, *package.mirrors):
            if url and package.dist_type != "path" and not _within(url, accepted):
                said = f"{package.name} vient d'un hôte non agréé : {_host(url)}"
                yield _host(url), at_package(package, said, "source")
                break


def within_sources(url: str, context: Context) -> bool:
    """Whether the URL is one of the platform's own repositories; everything is where these are not known."""
    if context.package_sources is None:
        return True
    return _within(url, [urlsplit(source) for source in context.package_sources])


def _within(url: str, accepted: Iterable[SplitResult]) -> bool:
    """Whether the URL has the scheme, host and port of an accepted one and lies under its path."""
    asked = _split(url)
    if asked is None or ".." in asked.path.split("/"):
        return False
    for known in accepted:
        same = (asked.scheme.lower(), asked.netloc.lower()) == (known.scheme.lower(), known.netloc.lower())
        if same and (asked.path + "/").startswith(known.path.rstrip("/") + "/"):
            return True
    return False


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _host(url: str) -> str:
    """The host, without the credentials that the URL could carry."""
    split = _split(url)
    return (split.netloc.rpartition("@")[2] if split else "") or "adresse locale"
