"""A CI configuration with its includes and ``extends`` resolved, as far as this forge's projects use them.

``include: local`` and ``include: project/ref/file`` (with ``spec: inputs`` and their defaults) are; remote files,
templates of GitLab's own and components are told as errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from amcloud_sandbox.forge import ci, git
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row

DEPTH_MOST: Final = 10
FILES_MOST: Final = 50
NOT_JOBS: Final = frozenset(
    {"default", "include", "stages", "variables", "workflow", "image", "services", "cache", "pages"}
    | {"before_script", "after_script", "spec"}
)
_INPUT: Final = re.compile(r"\$\[\[\s*inputs\.([A-Za-z0-9_-]+)\s*\]\]")


@dataclass(frozen=True, slots=True)
class Include:
    """An included file; ``project`` is empty for one of the same project."""

    project: str
    file: str
    ref: str
    sha: str


@dataclass(slots=True)
class Merged:
    """A configuration; with ``errors`` it starts nothing."""

    content: dict[str, Any] = field(default_factory=dict)
    includes: list[Include] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def merged(forge: Forge, project: Row, sha: str) -> Merged:
    """The configuration of a commit."""
    found = Merged()
    file = project["ci_config_path"] or ci.CONFIG_FILE
    _add(forge, project, sha, file, found, inputs={}, depth=0)
    if not found.errors:
        found.content = {name: _extended(found, name, ()) for name in found.content}
    return found


def jobs(found: Merged) -> dict[str, dict[str, Any]]:
    """The jobs that a pipeline would have: hidden ones and keywords left out."""
    return {
        name: value
        for name, value in found.content.items()
        if isinstance(value, dict) and not name.startswith(".") and name not in NOT_JOBS
    }


def text(found: Merged) -> str:
    """The configuration as YAML."""
    return "---\n" + yaml.safe_dump(found.content, allow_unicode=True, sort_keys=False)


def _add(
    forge: Forge, project: Row, sha: str, file: str, found: Merged, *, inputs: Mapping[str, Any], depth: int
) -> None:
    """What ``file`` says is in ``found``, over what it includes."""
    content = git.blob(forge.config.repository(project["id"]), sha, file)
    if content is None:
        found.errors.append(f"Project `{project['full_path']}` file `{file}` does not exist!")
        return
    parsed = _parsed(file, content[: ci.CONFIG_LIMIT], inputs, found)
    given = parsed.pop("include", [])
    for one in given if isinstance(given, list) else [given]:
        if depth >= DEPTH_MOST or len(found.includes) >= FILES_MOST:
            found.errors.append("Maximum of nested includes are allowed!")
            return
        _include(forge, project, sha, {"local": one} if isinstance(one, str) else one, found, depth=depth)
    found.content = _over(found.content, parsed)


def _include(forge: Forge, project: Row, sha: str, asked: Any, found: Merged, *, depth: int) -> None:
    if not isinstance(asked, dict) or not ("local" in asked or "project" in asked):
        found.errors.append(f"Included file `{str(asked)[:200]}` is not served by this forge")
        return
    given = asked.get("inputs")
    inputs = given if isinstance(given, dict) else {}
    if "local" in asked:
        file = str(asked["local"]).lstrip("/")
        found.includes.append(Include("", file, "", sha))
        _add(forge, project, sha, file, found, inputs=inputs, depth=depth + 1)
        return
    other = forge.store.one("select * from projects where full_path = ?", str(asked["project"]))
    ref = str(asked.get("ref") or (other or {}).get("default_branch") or "HEAD")
    at = git.resolve(forge.config.repository(other["id"]), ref) if other else None
    if other is None or at is None:
        found.errors.append(f"Project `{asked['project']}` reference `{ref}` does not exist!")
        return
    files = asked.get("file")
    for name in files if isinstance(files, list) else [files]:
        file = str(name).lstrip("/")
        found.includes.append(Include(other["full_path"], file, str(asked.get("ref") or ""), at))
        _add(forge, other, at, file, found, inputs=inputs, depth=depth + 1)


def _parsed(file: str, content: bytes, inputs: Mapping[str, Any], found: Merged) -> dict[str, Any]:
    """The last document of a file, its inputs replaced by what is given or by their defaults."""
    try:
        documents = list(yaml.load_all(content, Loader=ci.CiLoader))
        if len(documents) > 1:
            declared = (documents[0] or {}).get("spec", {}).get("inputs") or {}
            values = {name: (one or {}).get("default") for name, one in declared.items()} | dict(inputs)
            body = content.decode().split("\n---\n", 1)[1]
            replaced = _INPUT.sub(lambda match: str(values.get(match[1], "")), body)
            documents = [yaml.load(replaced, Loader=ci.CiLoader)]
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError, AttributeError, IndexError) as error:
        found.errors.append(f"({file}): {str(error)[:400]}")
        return {}
    if not isinstance(documents[0] if documents else None, dict):
        found.errors.append(f"({file}): Please provide content of the file")
        return {}
    return dict(documents[0])


def _over(under: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``under`` with ``above`` on top, mappings key by key, all else as a whole: GitLab's deep merge."""
    joined = dict(under)
    for name, value in above.items():
        before = joined.get(name)
        joined[name] = _over(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return joined


def _extended(found: Merged, name: str, on_the_way: tuple[str, ...]) -> Any:
    value = found.content.get(name)
    if not isinstance(value, dict) or "extends" not in value:
        return value
    parents = value["extends"] if isinstance(value["extends"], list) else [value["extends"]]
    joined: dict[str, Any] = {}
    for parent in map(str, parents):
        if parent in (*on_the_way, name) or parent not in found.content:
            found.errors.append(f"{name}: unknown or circular key in `extends` ({parent})")
            return value
        above = _extended(found, parent, (*on_the_way, name))
        joined = _over(joined, above if isinstance(above, dict) else {})
    return _over(joined, {key: one for key, one in value.items() if key != "extends"})
