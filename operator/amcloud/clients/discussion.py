"""Merge requests' comments and the norms' project, through GitLab's API (:class:`amcloud.ports.Discussion`).

What was read is believed while GitLab says that nothing changed since, so that a quiet merge request costs no request.
Two passes that write at the same time may both write: whoever comes next finds both, and keeps the oldest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar

import gitlab
import requests
from gitlab.v4.objects import Project

from amcloud.clients.forge_calls import ONCE, ForgeCalls
from amcloud.stages.to_forge import contests
from amcloud.stages.to_forge.contests import Issue, Note
from amcloud.stages.to_forge.correction import FILE_MOST_BYTES
from amcloud.stages.to_forge.merge_requests import MergeRequest

NOTES_MOST: Final = 2000
"""Oldest comments of a merge request that are read: our note is among the first, or is not written at all."""
ISSUES_MOST: Final = 300
"""Newest contests of one project that are followed."""
ANSWERS_MOST: Final = 100
BELIEVED_S: Final = 600.0
"""Seconds after which what seems unchanged is read again all the same."""
REMEMBERED: Final = 500
CONTENTS_REMEMBERED: Final = 300

K = TypeVar("K")
V = TypeVar("V")


class GitlabDiscussion:
    """Adapter of one GitLab. ``norms_project`` is where contested rules are discussed, ``""`` for nowhere."""

    def __init__(
        self, calls: ForgeCalls, *, norms_project: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._calls = calls
        self._norms = norms_project
        self._own: int | None = None
        self._notes: _Memory[tuple[str, int], tuple[str, tuple[Note, ...]]] = _Memory(REMEMBERED, clock)
        self._levels: _Memory[tuple[str, int], int] = _Memory(REMEMBERED, clock)
        self._answers: _Memory[tuple[int, str], tuple[Note, ...]] = _Memory(REMEMBERED, clock)
        self._contents: _Memory[tuple[str, str, str], bytes | None] = _Memory(CONTENTS_REMEMBERED, clock)

    def own(self) -> int:
        """Our user's number."""
        if self._own is None:
            with self._calls.asking("lecture du compte de l'opérateur", None):
                found = self._calls.gitlab.http_get("/user", **ONCE)
                self._own = int(dict(found)["id"])  # type: ignore[arg-type]  # JSON, never a raw response here
        return self._own

    def number(self, project: str) -> int:
        """The project's number, which a renaming does not change."""
        with self._calls.asking(f"lecture du projet {project}", project):
            return int(self._calls.project(project).get_id() or 0)

    def notes(self, project: str, request: MergeRequest) -> tuple[Note, ...]:
        """Comments of the merge request, oldest first; bounded."""
        known = self._notes.get((project, request.iid))
        if known is not None and request.updated_at and known[0] == request.updated_at:
            return known[1]
        found = self._read(project, request)
        self._notes.put((project, request.iid), (request.updated_at, found))
        return found

    def tell(self, project: str, request: MergeRequest, marker: str, body: str) -> bool:
        """Our note that begins with ``marker`` says ``body``, and is the only one; whether something was written."""
        notes = self.notes(project, request)
        mine = self._mine(notes, marker)
        if [_stored(note.body) for note in mine] == [_stored(body)] or (not mine and len(notes) >= NOTES_MOST):
            return False
        self._notes.drop((project, request.iid))
        with self._calls.asking(f"note de {project}!{request.iid}", project):
            theirs = self._request(project, request).notes
            if not mine:
                theirs.create({"body": body}, **ONCE)
        mine = self._mine(self._read(project, request), marker)
        with self._calls.asking(f"note de {project}!{request.iid}", project):
            for note in mine[:1]:
                if _stored(note.body) != _stored(body):
                    theirs.update(note.id, {"body": body}, **ONCE)
            for double in mine[1:]:
                _delete(theirs, double.id)
        return True

    def level(self, project: str, user: int) -> int:
        """Access level of a user on the project, 0 for none; what it was minutes ago at most."""
        known = self._levels.get((project, user))
        if known is not None:
            return known
        with self._calls.asking(f"lecture des membres de {project}", project):
            found = _level(self._calls.project(project), user)
        self._levels.put((project, user), found)
        return found

    def contents(self, project: str, commit: str, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The content of these files of the commit; without those that are absent or too big to be corrected here."""
        found = {path: self._content(project, commit, path) for path in paths}
        return {path: content for path, content in found.items() if content is not None}

    def contested(self, project: str, iid: int) -> Mapping[str, Issue]:
        """The issues of the merge request's contests, by key, with the answers of the norms' team."""
        if not self._norms:
            return {}
        number = self.number(project)
        prefix = contests.key(number, iid, "")
        with self._calls.asking(f"lecture des contestations de {project}!{iid}", self._norms):
            owner = self._calls.project(self._norms)
            # by label: what GitLab's search indexes of a description leaves our first line out
            labels = ",".join(contests.labels(number))
            listed = owner.issues.list(labels=labels, state="all", iterator=True, per_page=100, **ONCE)
            found_rows = (dict(one.attributes) for one in islice(listed, ISSUES_MOST))
            rows = sorted(found_rows, key=lambda row: int(row["iid"]))
        found: dict[str, Issue] = {}
        for row in rows:
            key = _key(row, own=self.own())
            if key is None or not key.startswith(prefix):
                continue
            if key in found:
                self._close_double(int(row["iid"]), found[key])
            else:
                found[key] = self._issue(row)
        return found

    def contest(self, project: str, title: str, description: str) -> None:
        """An issue of the norms' project; the next look at the contests finds it, or the one that came first."""
        labels = ",".join(contests.labels(self.number(project)))
        with self._calls.asking(f"ouverture d'une contestation ({title})", self._norms):
            body = {"title": title, "description": description, "labels": labels}
            self._calls.project(self._norms).issues.create(body, **ONCE)

    def _read(self, project: str, request: MergeRequest) -> tuple[Note, ...]:
        with self._calls.asking(f"lecture des commentaires de {project}!{request.iid}", project):
            listed = self._request(project, request).notes.list(
                sort="asc", order_by="created_at", iterator=True, per_page=100, **ONCE
            )
            return tuple(_note(dict(one.attributes)) for one in islice(listed, NOTES_MOST))

    def _request(self, project: str, request: MergeRequest) -> Any:
        return self._calls.project(project).mergerequests.get(request.iid, lazy=True)

    def _mine(self, notes: Sequence[Note], marker: str) -> list[Note]:
        own = self.own()
        found = (note for note in notes if note.author_id == own and note.body.startswith(marker))
        return sorted(found, key=lambda note: note.id)

    def _content(self, project: str, commit: str, path: str) -> bytes | None:
        key = (project, commit, path)
        if key not in self._contents:
            with self._calls.asking(f"lecture de fichiers de {project} ({commit[:12]})", project):
                self._contents.put(key, _raw(self._calls.project(project), commit, path))
        return self._contents.get(key)

    def _issue(self, row: Mapping[str, Any]) -> Issue:
        answers = self._answered(row) if row.get("user_notes_count") else ()
        labels = frozenset(str(label) for label in row.get("labels") or ())
        return Issue(int(row["iid"]), str(row.get("web_url") or ""), row["state"] == "closed", labels, answers)

    def _answered(self, row: Mapping[str, Any]) -> tuple[Note, ...]:
        """Comments of an issue by people who may answer."""
        iid, changed = int(row["iid"]), str(row.get("updated_at"))
        known = self._answers.get((iid, changed))
        if known is not None:
            return known
        with self._calls.asking(f"lecture de la contestation n° {iid}", self._norms):
            issue = self._calls.project(self._norms).issues.get(iid, lazy=True)
            listed = issue.notes.list(sort="asc", order_by="created_at", iterator=True, per_page=100, **ONCE)
            notes = [_note(dict(one.attributes)) for one in islice(listed, ANSWERS_MOST)]
        own = self.own()
        said = [note for note in notes if not note.system and note.author_id != own]
        found = tuple(note for note in said if self.level(self._norms, note.author_id) >= contests.LEVEL)
        self._answers.put((iid, changed), found)
        return found

    def _close_double(self, iid: int, first: Issue) -> None:
        with self._calls.asking(f"fermeture d'une contestation en double (n° {iid})", self._norms):
            issue = self._calls.project(self._norms).issues.get(iid, lazy=True)
            body = f"Double du ticket n° {first.iid}, ouvert au même moment par l'opérateur : c'est lui qui compte."
            issue.notes.create({"body": body}, **ONCE)
            self._calls.project(self._norms).issues.update(
                iid, {"state_event": "close", "labels": "double", "description": body}, **ONCE
            )


class _Memory(Generic[K, V]):
    """The last values by key, for a while."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._values: dict[K, tuple[float, V]] = {}

    def __contains__(self, key: K) -> bool:
        known = self._values.get(key)
        return known is not None and self._clock() - known[0] <= BELIEVED_S

    def get(self, key: K) -> V | None:
        known = self._values.get(key)
        return known[1] if known is not None and self._clock() - known[0] <= BELIEVED_S else None

    def put(self, key: K, value: V) -> None:
        self._values.pop(key, None)
        while len(self._values) >= self._most:
            self._values.pop(next(iter(self._values)), None)
        self._values[key] = (self._clock(), value)

    def drop(self, key: K) -> None:
        self._values.pop(key, None)


def _note(row: Mapping[str, Any]) -> Note:
    author = row.get("author") or {}
    return Note(
        id=int(row["id"]),
        author_id=int(author.get("id") or 0),
        author=str(author.get("username") or "?"),
        body=str(row.get("body") or ""),
        system=bool(row.get("system")),
    )


def _delete(notes: Any, number: int) -> None:
    """The comment is gone, perhaps by another pass that found it too."""
    try:
        notes.delete(number, **ONCE)
    except gitlab.GitlabDeleteError as error:
        if error.response_code != requests.codes.not_found:
            raise


def _stored(body: str) -> str:
    """A comment's text as GitLab keeps it."""
    return body.replace("\r", "").strip()


def _key(row: Mapping[str, Any], *, own: int) -> str | None:
    """The contest of an issue that we opened; what others write in theirs is nothing."""
    ours = (row.get("author") or {}).get("id") == own
    return contests.key_of(str(row.get("description") or "")) if ours else None


def _level(project: Project, user: int) -> int:
    try:
        found = project.members_all.get(user, **ONCE)
    except gitlab.GitlabGetError as error:
        if error.response_code == requests.codes.not_found:
            return 0
        raise
    active = found.attributes.get("state", "active") == "active"
    return int(found.attributes["access_level"]) if active else 0


def _raw(project: Project, commit: str, path: str) -> bytes | None:
    chunks: list[bytes] = []
    size = 0

    def take(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)
        if size <= FILE_MOST_BYTES:
            chunks.append(chunk)

    try:
        project.files.raw(file_path=path, ref=commit, streamed=True, action=take, chunk_size=65536, **ONCE)
    except gitlab.GitlabGetError as error:
        if error.response_code == requests.codes.not_found:
            return None
        raise
    return b"".join(chunks) if size <= FILE_MOST_BYTES else None
