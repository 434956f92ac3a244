"""GOV-001: the project is declared on the portal, and what is declared is this project."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Entry, Facts
from psram.index import beside_code
from psram.model import Context, Declaration, Finding, ForgeEvidence, Giver, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated where the declaration, the forge and the repository's own manifest do not speak of the same project."""
    declared, forge = context.evidence.declaration, context.evidence.forge
    if declared is None or forge is None:
        return unknown("la déclaration du portail et le projet de la forge", giver=Giver.PLATFORM, confirm=True)
    return outcome([*_declared(declared), *_same_project(declared, forge), *_manifests(facts, params, declared)])


def _declared(declared: Declaration) -> Iterator[Finding]:
    for name, value in (("nom", declared.name), ("projet", declared.project), ("organisme", declared.owner)):
        if not value.strip():
            yield Finding(f"la déclaration ne dit pas son {name}")


def _same_project(declared: Declaration, forge: ForgeEvidence) -> Iterator[Finding]:
    if declared.project and declared.project.lower() != forge.project.lower():
        yield Finding(f"le projet déclaré est « {declared.project} », la forge répond « {forge.project or 'aucun'} »")
    if None not in (declared.project_id, forge.project_id) and declared.project_id != forge.project_id:
        said = f"le projet déclaré porte le numéro {declared.project_id}, celui de la forge {forge.project_id}"
        yield Finding(f"{said} : ce n'est plus le même projet")


def _manifests(facts: Facts, params: Params, declared: Declaration) -> Iterator[Finding]:
    """The manifest kept in the repository, if any, must describe the application that is declared."""
    expected = {"name": declared.name, "project": declared.project, "owner": declared.owner}
    for file, blob in beside_code(facts):
        if blob.data is None or file.path not in params["manifests"]:
            continue
        for field, path in params["fields"].items():
            entry = _entry(blob.data.entries, str(path))
            if entry is not None and expected[str(field)] and entry.value.lower() != expected[str(field)].lower():
                said = f"{path} vaut « {entry.value[:80]} », la déclaration dit « {expected[str(field)]} »"
                yield Finding(said, file.path, entry.line)


def _entry(entries: tuple[Entry, ...], path: str) -> Entry | None:
    return next((entry for entry in entries if entry.path == path), None)
