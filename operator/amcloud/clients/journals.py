"""Journals of an instance's containers: read within bounds, in the order in which they were written, masked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from amcloud.clients.kubernetes_api import Api
from amcloud.masking import journal
from amcloud.stages.objects.operations import Object

READ_MOST_BYTES: Final = 262_144
"""Of one container, in one look."""
LINE_MOST: Final = 4_000
PODS_MOST: Final = 24


@dataclass
class Journals:
    """The journals of one instance, and how far each was read. ``secrets`` are values that must not be shown."""

    api: Api
    namespace: str
    secrets: tuple[str, ...] = ()
    named: bool = True
    """Whether each line begins with its time and its replica."""
    _read: dict[str, str] = field(default_factory=dict)

    def more(self, pods: Iterable[Object], *, lines: int, since_s: int | None = None) -> str:
        """What these pods wrote since the last look; at the first one, their last ``lines`` lines each."""
        found: list[tuple[str, str, str]] = []
        for pod in list(pods)[:PODS_MOST]:
            name = str(pod["metadata"]["name"])
            for container in pod["spec"]["containers"]:
                found += self._of(name, str(container["name"]), lines=lines, since_s=since_s)
        shown = "".join(self._shown(*one) for one in sorted(found, key=lambda one: one[0]))
        return journal(shown, self.secrets)

    def _of(self, pod: str, container: str, *, lines: int, since_s: int | None) -> list[tuple[str, str, str]]:
        """(time, pod, line) of what was not read yet."""
        after = self._read.get(pod)
        params: dict[str, Any] = {"container": container, "timestamps": "true", "limitBytes": READ_MOST_BYTES}
        if after is not None:
            params["sinceTime"] = after[:19] + "Z"  # whole seconds: what was read already is left out below
        else:
            params |= {"tailLines": lines, **({"sinceSeconds": since_s} if since_s else {})}
        path = self.api.resource("", "Pod").path(self.namespace, pod, "log")
        content = self.api.content(path, doing=f"lecture du journal de {pod}", params=params)
        stamped = (line.partition(" ") for line in (content or b"").decode(errors="replace").splitlines())
        fresh = [(at, pod, line[:LINE_MOST]) for at, _, line in stamped if after is None or at > after]
        if fresh:
            self._read[pod] = fresh[-1][0]
        elif after is None:
            self._read[pod] = "1970-01-01T00:00:00Z" if content is not None else ""
            if not self._read[pod]:
                del self._read[pod]  # the container has not started: its first lines are still to come
        return fresh

    def _shown(self, at: str, pod: str, line: str) -> str:
        return f"{at[:19]}Z [{pod.rpartition('-')[2]}] {line}\n" if self.named else f"{line}\n"
