"""Merge requests' comments, the norms' project and the deployments of a forge, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from amcloud.errors import ForgeUnavailableError, RepositoryRefusedError
from amcloud.stages.to_forge import contests
from amcloud.stages.to_forge.contests import Issue, Note
from amcloud.stages.to_forge.deployments import Deployment, Records
from amcloud.stages.to_forge.merge_requests import MergeRequest

if TYPE_CHECKING:
    from amcloud_fakes import FakeWorld

OWN = 1


class FakeDiscussion:
    """Comments by merge request; issues of the norms' project in the order in which they were opened."""

    def __init__(self, outside: FakeWorld) -> None:
        self._outside = outside
        self.comments: dict[int, list[Note]] = {}
        self.levels: dict[int, int] = {}
        self.files: dict[str, bytes] = {}
        self.issues: list[tuple[str, str, Issue]] = []
        """Title, description, state."""
        self.closed = False
        """Whether the norms' project is closed to the operator."""

    def _reach(self) -> None:
        if self._outside.forge.down or self._outside.forge.closed:
            raise ForgeUnavailableError("forge : pas de réponse")

    def own(self) -> int:
        return OWN

    def number(self, project: str) -> int:
        return 1

    def notes(self, project: str, request: MergeRequest) -> tuple[Note, ...]:
        self._reach()
        return tuple(self.comments.get(request.iid, ()))

    def say(self, iid: int, body: str, *, author: int = 7) -> None:
        """Somebody comments on a merge request."""
        listed = self.comments.setdefault(iid, [])
        listed.append(Note(100 * iid + len(listed), author, f"personne-{author}", body))

    def tell(self, project: str, request: MergeRequest, marker: str, body: str) -> bool:
        self._reach()
        listed = self.comments.setdefault(request.iid, [])
        mine = [n for n, note in enumerate(listed) if note.author_id == OWN and note.body.startswith(marker)]
        if mine and listed[mine[0]].body == body:
            return False
        if mine:
            listed[mine[0]] = replace(listed[mine[0]], body=body)
        else:
            listed.append(Note(100 * request.iid + len(listed), OWN, "amcloud", body))
        self._outside.effect("note", request.iid)
        return True

    def told(self, iid: int) -> list[str]:
        """Our notes in a merge request."""
        return [note.body for note in self.comments.get(iid, ()) if note.author_id == OWN]

    def level(self, project: str, user: int) -> int:
        return self.levels.get(user, 0)

    def contents(self, project: str, commit: str, paths: Sequence[str]) -> Mapping[str, bytes]:
        self._reach()
        return {path: self.files[path] for path in paths if path in self.files}

    def contested(self, project: str, iid: int) -> Mapping[str, Issue]:
        self._reach()
        if self.closed:
            raise RepositoryRefusedError("normes/psram n'existe pas pour l'opérateur")
        prefix = contests.key(1, iid, "")
        found = {text.split()[1]: issue for _, text, issue in reversed(self.issues)}
        return {key: issue for key, issue in found.items() if key.startswith(prefix)}

    def contest(self, project: str, title: str, description: str) -> None:
        self._reach()
        number = len(self.issues) + 1
        url = f"https://forge.example/normes/psram/-/issues/{number}"
        self.issues.append((title, description, Issue(number, url, False, frozenset({contests.LABEL}))))
        self._outside.effect("issue", title)


class FakeDeployments:
    """What the forge shows of where applications run."""

    def __init__(self, outside: FakeWorld) -> None:
        self._outside = outside
        self.shown: dict[str, Deployment] = {}
        self.ended: frozenset[str] = frozenset()

    def record(self, project: str, records: Records) -> bool:
        if self._outside.forge.down or self._outside.forge.closed:
            raise ForgeUnavailableError("forge : pas de réponse")
        known = dict(self.shown), self.ended
        self.shown |= {str(one.stage): one for one in records.deployments}
        self.ended = frozenset(str(stage) for stage in records.ended)
        return (self.shown, self.ended) != known
