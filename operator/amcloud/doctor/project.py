"""A forge project: is it there under that name, may the operator work there, are the refs of stages protected?"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from typing import Final

from amcloud.clients.forge_state import ProjectState
from amcloud.doctor.findings import Finding, error, ok, warning
from amcloud.doctor.forge_ground import followers, state
from amcloud.doctor.ground import Ground
from amcloud.errors import RepositoryRefusedError
from amcloud.stages.declared.app import Ref, RefKind
from psram.proofs import ProtectedRef

DEVELOPER: Final = 30
REPORTER: Final = 20


def examine(ground: Ground) -> Iterator[Finding]:
    """The project itself, what the operator's token may do there, and its protections."""
    try:
        found = state(ground)
    except RepositoryRefusedError as refused:
        remedy = f"Vérifiez le chemin {ground.project}, et que le compte de l'opérateur en est membre."
        yield error("project", str(refused), remedy)
        return
    yield named(found, ground.project)
    yield archived(found)
    if ground.is_norms:
        yield answering(found)
        return
    refs = [stage.ref for app in followers(ground).apps for stage in app.stages]
    yield rights(found, refs)
    yield from protections(refs, found.branches, found.tags)


def named(found: ProjectState, asked: str) -> Finding:
    """Whether the project still has the name that was asked for."""
    if found.path.casefold() == asked.casefold():
        return ok(
            "project-name", f"Projet {found.path} (n° {found.id}), branche par défaut « {found.default_branch} »."
        )
    said = f"Le projet {asked} s'appelle maintenant {found.path}."
    return warning("project-name", said, "Écrivez ce chemin dans spec.repository.project de la LocalApp.")


def archived(found: ProjectState) -> Finding:
    """Whether anything can still happen in it."""
    if not found.archived:
        return ok("project-archived", "Le projet n'est pas archivé.")
    said = "Le projet est archivé : ni statut, ni pipeline, ni push. Ce qui est en service le reste."
    return error("project-archived", said, "Désarchivez-le sur la forge, ou retirez l'application.")


def answering(found: ProjectState) -> Finding:
    """Whether the operator's account may open the issues of contested rules, and close one opened twice."""
    account = f"Le compte de l'opérateur (« {found.account} »)"
    if not found.admin and found.level < REPORTER:
        said = f"{account} n'est pas Reporter du projet des normes : il ne peut ni lire ni ouvrir de contestation."
        return error("project-rights", said, f"Ajoutez {found.account} au projet (Developer, pour fermer un doublon).")
    return ok("project-rights", f"{account} peut ouvrir les contestations et lire leurs réponses.")


def rights(found: ProjectState, refs: Sequence[Ref]) -> Finding:
    """Whether the operator's account may publish statuses and start pipelines on the refs of stages; no more."""
    account = f"Le compte de l'opérateur (« {found.account} »)"
    if found.admin:
        said = f"{account} administre la forge : il n'en a pas besoin."
        return warning("project-rights", said, "Donnez-lui un compte ordinaire, membre des groupes hébergés.")
    if found.level < DEVELOPER:
        said = f"{account} n'est pas Developer du projet : il ne peut ni publier de statut ni lancer de pipeline."
        return error("project-rights", said, f"Ajoutez {found.account} au projet ou à son groupe.")
    closed = [ref.pattern for ref in refs if found.level < _needed(ref, found.branches)]
    if closed:
        said = f"{account} ne peut ni publier de statut ni lancer de pipeline sur {', '.join(closed)}, protégé(es)."
        return error(
            "project-rights", said, f"Donnez le rôle Maintainer à {found.account}, ou le droit de fusionner là."
        )
    return ok("project-rights", f"{account} peut publier ses statuts et lancer les pipelines.")


def _needed(ref: Ref, rules: Sequence[ProtectedRef]) -> int:
    """The role that starts a pipeline of a protected branch: of those who may push or merge there."""
    if ref.kind is not RefKind.BRANCH:
        return DEVELOPER
    mine = [rule for rule in rules if fnmatch.fnmatchcase(ref.pattern, rule.pattern)]
    levels = [level for rule in mine for level in (rule.push_level, rule.merge_level) if level]
    return min(levels, default=DEVELOPER)


def protections(
    refs: Sequence[Ref], branches: Sequence[ProtectedRef], tags: Sequence[ProtectedRef]
) -> Iterator[Finding]:
    """Whether the branches and tags that stages follow are protected, from being rewritten too."""
    for ref in dict.fromkeys(refs):
        match ref.kind:
            case RefKind.BRANCH:
                yield _branch(ref.pattern, branches)
            case RefKind.TAG:
                covered = any(rule.pattern in {ref.pattern, "*"} for rule in tags)
                yield _told(f"l'étiquette « {ref.pattern} »", "project-tags", protected=covered)


def _branch(name: str, rules: Sequence[ProtectedRef]) -> Finding:
    mine = [rule for rule in rules if fnmatch.fnmatchcase(name, rule.pattern)]
    if mine and any(rule.force_push for rule in mine):
        said = f"La branche « {name} » peut être réécrite (force push)."
        return error(
            "project-branches", said, "Settings > Repository > Protected branches : décochez « Allowed to force push »."
        )
    return _told(f"la branche « {name} »", "project-branches", protected=bool(mine))


def _told(what: str, check: str, *, protected: bool) -> Finding:
    if protected:
        return ok(check, f"{what[0].upper()}{what[1:]} est protégée.")
    remedy = "Settings > Repository : protégez-la (Maintainers seulement)."
    return error(check, f"{what[0].upper()}{what[1:]} n'est pas protégée : n'importe quel développeur déploie.", remedy)
