"""Commits, files and comparisons."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from starlette.responses import Response

from amcloud_sandbox.forge import git, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import bad_request, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row

LOG_LIMIT = 2_000


def repository(call: Call, wanted: int = Level.REPORTER) -> tuple[Row, Path]:
    """The project of the path and its bare repository."""
    row = call.project(wanted)
    return row, call.forge.config.repository(row["id"])


def _commit(call: Call, revision: str) -> tuple[Row, Path, git.Commit]:
    row, repo = repository(call)
    found = git.commit(repo, revision)
    if found is None:
        raise not_found("Commit")
    return row, repo, found


# ---- commits


@api("GET", "/projects/{id}/repository/commits")
def commits(call: Call) -> Answer:
    """History of ``ref_name`` (the default branch unless given), newest first."""
    project, repo = repository(call)
    revision = call.text("ref_name") or project["default_branch"]
    sha = git.resolve(repo, revision)
    if sha is None:
        if git.is_empty(repo):
            return page(call, [], lambda row: row)
        raise not_found("Commit")
    arguments: list[str] = [f"--{side}={call.text(side)}" for side in ("since", "until") if call.text(side)]
    path = ["--", call.required("path")] if call.text("path") else []
    found = git.log(repo, *arguments, sha, *path, count=LOG_LIMIT)
    return page(
        call, [{"commit": item} for item in found], lambda row: shapes.commit(call.forge, project, row["commit"])
    )


@api("GET", "/projects/{id}/repository/commits/{sha}")
def commit(call: Call) -> Row:
    """One commit, by sha, branch or tag."""
    project, repo, found = _commit(call, call.path["sha"])
    numbers = [
        line.split("\t")[:2]
        for line in git.git(repo, "show", "--format=", "--numstat", found.id).decode("utf-8", "replace").splitlines()
    ]
    added = sum(int(pair[0]) for pair in numbers if pair[0].isdigit())
    removed = sum(int(pair[1]) for pair in numbers if len(pair) > 1 and pair[1].isdigit())
    last = call.store.one(
        "select * from pipelines where project_id = ? and sha = ? order by id desc", project["id"], found.id
    )
    pipeline = (
        {name: last[name] for name in ("id", "iid", "project_id", "sha", "ref", "status", "source")} if last else None
    )
    return {
        **shapes.commit(call.forge, project, found),
        "stats": {"additions": added, "deletions": removed, "total": added + removed},
        "status": last["status"] if last else None,
        "project_id": project["id"],
        "last_pipeline": pipeline,
    }


@api("GET", "/projects/{id}/repository/commits/{sha}/refs")
def commit_refs(call: Call) -> Answer:
    """Branches and tags whose history holds the commit."""
    _, repo, found = _commit(call, call.path["sha"])
    rows: list[Row] = []
    for kind, prefix in (("branch", "refs/heads"), ("tag", "refs/tags")):
        if call.text("type", "all") in {"all", kind}:
            out = git.git(repo, "for-each-ref", "--contains", found.id, "--format=%(refname:lstrip=2)", prefix).decode()
            rows += [{"type": kind, "name": name} for name in out.splitlines()]
    return page(call, rows, lambda row: row)


@api("GET", "/projects/{id}/repository/commits/{sha}/merge_requests")
def commit_merge_requests(call: Call) -> Answer:
    """Merge requests whose source branch holds the commit."""
    from amcloud_sandbox.forge.api.merge_requests import shape

    project, repo, found = _commit(call, call.path["sha"])
    holding = set(git.branches_containing(repo, found.id))
    rows = call.store.all("select * from merge_requests where project_id = ? order by id desc", project["id"])
    kept = [row for row in rows if row["source_branch"] in holding or row["sha"] == found.id]
    return page(call, kept, lambda row: shape(call, project, row))


def _diffs(repo: Path, *span: str) -> list[Row]:
    out = git.git(repo, "diff", "--no-color", "--no-ext-diff", "--unified=3", "--raw", "--no-abbrev", *span).decode(
        "utf-8", "replace"
    )
    names = [line for line in out.splitlines() if line.startswith(":")]
    shown: list[Row] = []
    for line in names[:1000]:
        fields, _, paths = line.partition("\t")
        old_mode, new_mode, _, _, letter = fields[1:].split()
        old, _, new = paths.partition("\t")
        new = new or old
        text = git.git(repo, "diff", "--no-color", "--no-ext-diff", *span, "--", old, new, limit=200_000).decode(
            "utf-8", "replace"
        )
        shown.append(
            {
                "diff": text.partition("\n@@")[1].lstrip("\n") + text.partition("\n@@")[2],
                "new_path": new,
                "old_path": old,
                "a_mode": old_mode,
                "b_mode": new_mode,
                "new_file": letter[0] == "A",
                "renamed_file": letter[0] == "R",
                "deleted_file": letter[0] == "D",
                "generated_file": None,
            }
        )
    return shown


@api("GET", "/projects/{id}/repository/commits/{sha}/diff")
def commit_diff(call: Call) -> Answer:
    """Changes of the commit against its first parent."""
    _, repo, found = _commit(call, call.path["sha"])
    empty_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    return page(call, _diffs(repo, found.parents[0] if found.parents else empty_tree, found.id), lambda row: row)


@api("GET", "/projects/{id}/repository/compare")
def compare(call: Call) -> Row:
    """Commits and changes from ``from`` to ``to``."""
    project, repo = repository(call)
    start, end = git.resolve(repo, call.required("from")), git.resolve(repo, call.required("to"))
    if start is None or end is None:
        raise not_found("Ref")
    base = start if call.flag("straight") else git.merge_base(repo, start, end) or start
    found = [
        shapes.commit(call.forge, project, item) for item in reversed(git.log(repo, f"{start}..{end}", count=LOG_LIMIT))
    ]
    return {
        "commit": found[-1] if found else None,
        "commits": found,
        "diffs": _diffs(repo, base, end),
        "compare_timeout": False,
        "compare_same_ref": start == end,
        "web_url": f"{call.forge.config.url}/{project['full_path']}/-/compare/{start}...{end}",
    }


@api("GET", "/projects/{id}/repository/merge_base")
def merge_base(call: Call) -> Row:
    """Common ancestor of two ``refs``."""
    project, repo = repository(call)
    given = call.words("refs") or [value for key, value in call.query if key == "refs[]"]
    shas = [git.resolve(repo, ref) for ref in given]
    if len(shas) < 2 or None in shas:  # noqa: PLR2004 - two refs have a common ancestor
        raise bad_request("Could not find ref" if shas else "Provide exactly 2 refs")
    found = git.merge_base(repo, str(shas[0]), str(shas[1]))
    commit_found = git.commit(repo, found) if found else None
    if commit_found is None:
        raise not_found("Merge Base")
    return shapes.commit(call.forge, project, commit_found)


# ---- files


@api("GET", "/projects/{id}/repository/tree")
def tree(call: Call) -> Answer:
    """Entries of a folder."""
    project, repo = repository(call)
    revision, path = call.text("ref") or project["default_branch"], (call.text("path") or "").strip("/")
    sha = git.resolve(repo, revision)
    if sha is None:
        raise not_found("Tree")
    arguments = ["-r", "-t"] if call.flag("recursive") else []
    try:
        out = git.git(repo, "ls-tree", "-z", *arguments, f"{sha}:{path}" if path else sha).decode("utf-8", "replace")
    except git.GitError:
        raise not_found("invalid revision or path") from None
    rows = []
    for line in filter(None, out.split("\x00")):
        meta, _, name = line.partition("\t")
        mode, kind, entry = meta.split()
        rows.append(
            {
                "id": entry,
                "name": name.rpartition("/")[2],
                "type": kind,
                "path": f"{path}/{name}" if path else name,
                "mode": mode,
            }
        )
    return page(call, rows, lambda row: row)


def _file(call: Call) -> tuple[Row, Path, str, bytes]:
    project, repo = repository(call)
    revision = call.text("ref") or "HEAD"
    if revision == "HEAD":
        revision = project["default_branch"]
    found = git.commit(repo, revision)
    if found is None:
        raise not_found("Commit")
    content = git.blob(repo, found.id, call.path["path"])
    if content is None:
        raise not_found("File")
    return project, repo, found.id, content


@api("GET", "/projects/{id}/repository/files/{path}/raw")
def raw_file(call: Call) -> Response:
    """The file's bytes."""
    content = _file(call)[3]
    return Response(content, media_type="text/plain")


@api("GET", "/projects/{id}/repository/files/{path}")
def file(call: Call) -> Row:
    """The file, in base64, with what is known of it."""
    _, repo, sha, content = _file(call)
    path = call.path["path"]
    shown: dict[str, Any] = {
        "file_name": path.rpartition("/")[2],
        "file_path": path,
        "size": len(content),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": call.text("ref") or "HEAD",
        "blob_id": git.git(repo, "rev-parse", f"{sha}:{path}").decode().strip(),
        "commit_id": sha,
        "last_commit_id": git.log(repo, sha, "--", path, count=1)[0].id,
        "execute_filemode": git.git(repo, "ls-tree", sha, "--", path).startswith(b"100755"),
        "content": base64.b64encode(content).decode(),
    }
    return shown
