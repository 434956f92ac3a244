"""GOV-005: the software factory is really used: the approved template, at an approved version, with its jobs whole."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from typing import Final

from psram.checks import Params, factory
from psram.checks.ci import ROOT, Include, Setting, Source, configuration, protected
from psram.checks.common import outcome
from psram.facts import Facts
from psram.model import Context, Finding, ForgeEvidence, Outcome
from psram.proofs import CiJob

_VARIABLE: Final = re.compile(r"variables\.([A-Za-z_]\w*)")
_CONDITIONS: Final = frozenset({"if", "changes", "exists"})


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated without the template, by an inclusion out of control, or by anything that weakens its jobs."""
    asked = configuration(facts)
    files = asked.sources
    if not files:
        said = f"{ROOT} manque, ou n'est pas un fichier YAML lisible : la chaîne de production n'est pas utilisée"
        return outcome([Finding(said, ROOT)])
    approved = context.approved_templates or tuple(params["templates"])
    found = [
        Finding(f"le fichier inclus « {i.local} » n'existe pas ou n'est pas du YAML", path, i.line)
        for i, path in asked.lost
    ]
    for source in files:
        found += _unreadable(source)
        found += _inclusions(source, params, approved)
        found += _pieces(source, params, approved)
        found += _jobs(source, params)
        found += _globals(source, params)
    found += [Finding(asked.problem, ROOT, 1)] if asked.problem else []
    found += _template(files[0], params, approved)
    found += _as_merged(context.evidence.forge, params, approved)
    return outcome(dict.fromkeys(found))


def _unreadable(source: Source) -> Iterator[Finding]:
    if source.content.problem:
        yield Finding(source.content.problem, source.file.path, source.content.problem_line)


def _template(root: Source, params: Params, approved: Sequence[str]) -> Iterator[Finding]:
    """The approved template is included by the root file, always, and as it is."""
    project = {name.rpartition("@")[0] for name in approved}
    chosen = [i for i in root.includes() if i.first("project") in project and _has_file(i, params)]
    if not chosen:
        example = approved[0].replace("@", ", ref: ")
        said = f"le modèle agréé n'est pas inclus (include : project: {example}, file: {params['file']})"
        yield Finding(said, ROOT, 1)
        return
    for include in chosen:
        ref = include.first("ref")
        if f"{include.first('project')}@{ref}" not in approved:
            known = ", ".join(name.rpartition("@")[2] for name in approved)
            told = f"ref « {ref} »" if ref else "sans « ref » (la branche par défaut, qui change)"
            yield Finding(f"le modèle est inclus {told} ; versions agréées : {known}", ROOT, include.line)
        if any(name.startswith("rules") for name in include.fields):
            yield Finding("le modèle n'est inclus que sous condition (« rules »)", ROOT, include.line)
        yield from _inputs(include, params)


def _inputs(include: Include, params: Params) -> Iterator[Finding]:
    """Inputs of the template may repeat where it comes from, not send its steps elsewhere."""
    for key in _diverted(include, params):
        yield Finding(f"l'entrée « {key} » du modèle est détournée", ROOT, include.line)


def _diverted(include: Include, params: Params) -> list[str]:
    same = {str(name): include.first(str(of)) for name, of in params["inputs"].items()}
    given = {name.removeprefix("inputs."): v for name, v in include.fields.items() if name.startswith("inputs.")}
    return [
        key for key, values in given.items() if key not in factory.FREE_INPUTS and values != [same.get(key, object())]
    ]


def _pieces(source: Source, params: Params, approved: Sequence[str]) -> Iterator[Finding]:
    """Other files of the template's project: at an approved version, and none of the template's own once more."""
    projects = {name.rpartition("@")[0] for name in approved}
    for include in source.includes():
        project, ref = include.first("project"), include.first("ref")
        if project not in projects:
            continue
        whole = source.file.path == ROOT and _has_file(include, params)
        files = {name.lstrip("/") for name in include.fields.get("file", ())}
        for file in sorted(files & (factory.FILES if whole else {*factory.FILES, str(params["file"])})):
            said = f"« {file} » fait déjà partie du modèle : l'inclure encore le remplace"
            yield Finding(said, source.file.path, include.line)
        if not whole and f"{project}@{ref}" not in approved:
            said = f"un fichier du projet du modèle est inclus à une version non agréée (ref « {ref} »)"
            yield Finding(said, source.file.path, include.line)


def _has_file(include: Include, params: Params) -> bool:
    return str(params["file"]) in [name.lstrip("/") for name in include.fields.get("file", ())]


def _inclusions(source: Source, params: Params, approved: Sequence[str]) -> Iterator[Finding]:
    """Inclusions whose content nobody here can read could redefine anything."""
    for entry in source.obscure():
        yield Finding(
            "inclusion écrite d'une façon qui ne se relit pas (listes imbriquées)", source.file.path, entry.line
        )
    for include in source.includes():
        if include.ambiguous:
            said = f"inclusion ambiguë : « {include.ambiguous} » y a plusieurs valeurs"
            yield Finding(said, source.file.path, include.line)
        what = _uncontrolled(include, params, approved)
        if what:
            yield Finding(f"inclusion {what} : son contenu échappe au contrôle", source.file.path, include.line)


def _uncontrolled(include: Include, params: Params, approved: Sequence[str]) -> str:
    if include.remote:
        return "distante"
    component, template, project = (include.first(name) for name in ("component", "template", "project"))
    if component and not any(fnmatch.fnmatchcase(component, known) for known in params["components"]):
        return f"du composant « {component[:80]} », non agréé"
    if template and not any(fnmatch.fnmatchcase(template, known) for known in params["forge_templates"]):
        return f"du modèle de la forge « {template[:80]} », non agréé"
    known = {name.rpartition("@")[0] for name in approved}
    return f"du projet « {project[:80]} », non agréé" if project and project not in known else ""


def _jobs(source: Source, params: Params) -> Iterator[Finding]:
    for name in dict.fromkeys((*map(str, params["jobs"]), *factory.JOBS, *factory.HIDDEN)):
        for setting in source.job(name):
            if setting.key == "variables" and not setting.path.startswith("variables["):
                yield from _variables(source, setting, params, f"dans le travail « {name} »")
            elif setting.key not in params["allowed_keys"]:  # a reference to other variables hides them: refused too
                said = f"le travail « {name} » du modèle est redéfini" + (f" ({setting.key})" if setting.key else "")
                yield Finding(said, source.file.path, setting.line)


def _globals(source: Source, params: Params) -> Iterator[Finding]:
    for path in params["forbidden_globals"]:
        section, _, key = str(path).partition(".")
        for setting in source.section(section):
            if not key or setting.key == key:
                said = f"« {path} » s'applique aussi aux travaux du modèle et les change"
                yield Finding(said, source.file.path, setting.line)
    for section in ("default", "variables", "workflow"):
        for setting in source.section(section):
            if setting.path.startswith(f"{section}["):
                yield Finding(f"« {section} » renvoie à autre chose (« !reference »)", source.file.path, setting.line)
            yield from _variables(source, setting, params, "pour toute la chaîne", top=section == "variables")
    yield from _stages(source, params)
    rules = source.workflow()
    first = rules.get(min(rules), {}) if rules else {}
    if "when" in first and first["when"].value == "never" and not _CONDITIONS & first.keys():
        yield Finding("« workflow » interdit toute exécution de la chaîne", source.file.path, first["when"].line)


def _stages(source: Source, params: Params) -> Iterator[Finding]:
    """The template's stages keep their order where the project lists its own."""
    listed = [s for s in source.section("stages") if not s.key and s.value]
    names = [s.value for s in listed]
    wanted = [str(stage) for stage in params["stages"]]
    if listed and [name for name in names if name in wanted] != wanted:
        said = f"« stages » doit garder, dans cet ordre : {', '.join(wanted)}"
        yield Finding(said, source.file.path, listed[0].line)


def _variables(source: Source, setting: Setting, params: Params, where: str, *, top: bool = False) -> Iterator[Finding]:
    match = _VARIABLE.search(f"variables.{setting.path}" if top else setting.path)
    if match is not None and protected(match[1], params["protected_variables"]):
        yield Finding(
            f"la variable {match[1]} est changée {where} : les étapes du modèle en dépendent",
            source.file.path,
            setting.line,
        )


def _as_merged(forge: ForgeEvidence | None, params: Params, approved: Sequence[str]) -> Iterator[Finding]:
    """What the forge makes of it all, where the platform asked it: wherever its configuration is read from."""
    if forge is None:
        return
    if forge.includes is not None:
        template, projects = str(params["file"]), {name.rpartition("@")[0] for name in approved}
        same = [i for i in forge.includes if f"{i.project}@{i.ref}" in approved and i.file.lstrip("/") == template]
        if not same:
            yield Finding("la configuration que la forge applique n'inclut pas le modèle agréé", ROOT, 1)
        for include in forge.includes:
            if "://" in include.file and not include.project:
                yield Finding("la configuration que la forge applique comprend une inclusion distante", ROOT, 1)
            if include.project in projects and f"{include.project}@{include.ref}" not in approved:
                said = (
                    f"la configuration que la forge applique prend le modèle à une version non agréée ({include.ref})"
                )
                yield Finding(said, ROOT, 1)
    jobs = {job.name: job for job in forge.jobs or ()}
    present = [name for name in factory.JOBS if name in jobs]  # an older version of the template has fewer
    for name in dict.fromkeys((*map(str, params["required"]), *present)) if forge.jobs is not None else ():
        how = _weakened(jobs.get(name), may_fail=name in factory.INFORMATIVE)
        if how:
            yield Finding(f"le travail « {name} » {how} dans la configuration que la forge applique", ROOT, 1)


def _weakened(job: CiJob | None, *, may_fail: bool) -> str:
    """How the forge's job falls short of the template's, in French; empty when it does not."""
    if job is None:
        return "n'existe pas"
    if job.never:
        return "n'est jamais lancé"
    if job.allow_failure and not may_fail:
        return "peut échouer sans conséquence"
    return "est redéfini" if job.overridden else ""
