"""What a project's CI configuration becomes once its includes are in it."""

from __future__ import annotations

from typing import Any

from amcloud_sandbox.forge import ci_merge, git
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import not_found
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row


@api("GET", "/projects/{id}/ci/lint")
def lint(call: Call) -> Row:
    """The merged configuration of ``content_ref`` (a commit, branch or tag; the default branch unless given)."""
    project = call.project(Level.DEVELOPER)
    wanted = call.text("content_ref") or project["default_branch"]
    sha = git.resolve(call.forge.config.repository(project["id"]), wanted)
    if sha is None:
        raise not_found("Commit")
    merged = ci_merge.merged(call.forge, project, sha)
    shown: Row = {
        "valid": not merged.errors,
        "merged_yaml": ci_merge.text(merged) if merged.content else None,
        "errors": merged.errors,
        "warnings": [],
        "includes": [_include(call, project, sha, one) for one in merged.includes],
    }
    if call.flag("include_jobs"):
        shown["jobs"] = [_job(name, job) for name, job in ci_merge.jobs(merged).items()]
    return shown


def _include(call: Call, project: Row, sha: str, found: ci_merge.Include) -> Row:
    url = f"{call.forge.config.url}/{found.project or project['full_path']}"
    extra = {"project": found.project, "ref": found.ref} if found.project else {}
    return {
        "type": "file" if found.project else "local",
        "location": found.file,
        "blob": f"{url}/-/blob/{found.sha}/{found.file}",
        "raw": f"{url}/-/raw/{found.sha}/{found.file}",
        "extra": extra,
        "context_project": project["full_path"],
        "context_sha": sha,
    }


def _job(name: str, job: dict[str, Any]) -> Row:
    return {
        "name": name,
        "stage": job.get("stage", "test"),
        "before_script": _lines(job.get("before_script")),
        "script": _lines(job.get("script")),
        "after_script": _lines(job.get("after_script")),
        "tag_list": _lines(job.get("tags")),
        "only": job.get("only"),
        "except": job.get("except"),
        "environment": job.get("environment"),
        "when": str(job.get("when", "on_success")),
        "allow_failure": bool(job.get("allow_failure", False)),
        "needs": job.get("needs"),
    }


def _lines(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []
