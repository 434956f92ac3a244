"""The words of the contract between an application and the Starter Kit, as a rule's data gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names that isolation is made of; a pack's rules may change any of them."""

    trait: str = "AmCloud\\StarterKit\\Tenancy\\TenantScoped"
    shared_attribute: str = "AmCloud\\StarterKit\\Tenancy\\SharedEntity"
    bundle: str = "AmCloud\\StarterKit\\StarterKitBundle"
    test_case: str = "AmCloud\\StarterKit\\Testing\\IsolationTestCase"
    reserved: tuple[str, ...] = ("Tenancy", "TenantFilter")
    column: str = "organisation"
    setting: str = "amcloud.organisation"
    migrations: str = "migrations/"
    ignore: tuple[str, ...] = ("tests/",)

    def ignored(self, path: str) -> bool:
        """Whether a rule's data leaves this file or folder out."""
        return any(path == item or (item.endswith("/") and path.startswith(item)) for item in self.ignore)


def of(params: Mapping[str, Any]) -> Vocabulary:
    """The contract's words, those that a rule's parameters give instead of the usual ones."""
    known = {name: value for name, value in params.items() if name in Vocabulary.__slots__}
    given: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in known.items()}
    return Vocabulary(**given)
