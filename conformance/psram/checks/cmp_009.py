"""CMP-009: what is hosted stands on labelled products, under a support contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from psram import versions
from psram.checks import Params
from psram.checks.locked import at_package, day, named, unreadable
from psram.facts import Facts, LockedPackage
from psram.model import Context, Finding, NextDate, Outcome, Verdict

_Product = Mapping[str, Any]


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a package of no labelled product, of another version, or whose support contract has ended."""
    missing = unreadable(facts)
    if missing is not None:
        return missing
    packages = {p.name: p for p in facts.composer.packages if not p.dev}
    products = {name: _product(name, params) for name in packages}
    today = context.evaluated_on
    labelled = {n for n, p in products.items() if p is not None and not _refusal(p, packages[n], today)}
    direct = {c.name for c in facts.composer.require}
    covered = _reached(labelled, packages, direct) - {
        n for n, p in products.items() if p is not None and n not in labelled
    }
    found = [
        _finding(package, products[name], packages, facts, today)
        for name, package in sorted(packages.items())
        if name not in covered
    ]
    used = [p for n in sorted(labelled) if (p := products[n]) is not None]
    return Outcome(
        Verdict.VIOLATED if found else Verdict.CONFORMING,
        tuple(found),
        next_dates=tuple(sorted(set(_dates(used, today)))),
    )


def _product(name: str, params: Params) -> _Product | None:
    return next((p for p in params["products"] if named(name, p["packages"], p.get("except", ()))), None)


def _refusal(product: _Product, package: LockedPackage, today: date) -> str:
    """Why this version does not count as labelled, in French; empty when it does."""
    ends = day(product["ends"])
    if ends is not None and today > ends:
        return f"le contrat de support de {product['name']} ({product['contract']}) a pris fin le {ends}"
    if versions.allows(str(product["versions"]), package.version) is False:  # a branch is CMP-006's affair
        return f"{product['name']} n'est labellisé qu'en version {product['versions']}"
    return ""


def _reached(labelled: set[str], packages: Mapping[str, LockedPackage], direct: set[str]) -> set[str]:
    """The labelled packages and all that they require: the product's support covers what it is made of.

    What the application itself chose among the packages that could provide a requirement is its own choice.
    """
    provided = {name: p.name for p in packages.values() if p.name not in direct for name in p.provide}
    covered: set[str] = set()
    waiting = sorted(labelled)
    while waiting:
        name = waiting.pop()
        if name in covered or name not in packages:
            continue
        covered.add(name)
        waiting += [provided.get(required, required) for required in packages[name].require]
    return covered


def _finding(
    package: LockedPackage, product: _Product | None, packages: Mapping[str, LockedPackage], facts: Facts, today: date
) -> Finding:
    why = "n'appartient à aucun produit labellisé" if product is None else _refusal(product, package, today)
    chosen = any(c.name == package.name for c in facts.composer.require)
    by = "" if chosen else next((f", exigé par {p.name}" for p in packages.values() if package.name in p.require), "")
    return at_package(package, f"{package.name} {package.version}{by} : {why}", "label")


def _dates(products: list[_Product], today: date) -> Iterator[NextDate]:
    for product in products:
        ends = day(product["ends"])
        if ends is not None and ends >= today:
            yield NextDate(ends + timedelta(days=1), f"fin du contrat de support de {product['name']}")
