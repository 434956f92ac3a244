"""Switches that make the stand-in fail as a real forge fails, and the log of what was asked of it.

Both are reached at ``/-/sandbox/``, outside GitLab's API; nothing here is GitLab's.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from amcloud_sandbox.forge.errors import ApiError

LOG_SIZE = 50_000
HANG_S = 3600.0
DEFAULT_STATUS = 500


class Kind(StrEnum):
    """What happens to a request, a delivery or a pipeline that a switch matches."""

    STATUS = "status"  # answer `status` with `body`
    RATE_LIMIT = "rate-limit"  # 429 with Retry-After and RateLimit-*
    HANG = "hang"  # no answer until the client gives up (or `delay_s`)
    RESET = "reset"  # the connection ends without an answer
    TRUNCATED = "truncated"  # the true answer, cut in the middle
    HTML = "html"  # a proxy's page where JSON was expected
    SLOW = "slow"  # the true answer after `delay_s`
    WEBHOOK_LOST = "webhook-lost"
    WEBHOOK_DUPLICATED = "webhook-duplicated"
    WEBHOOK_DELAYED = "webhook-delayed"  # by `delay_s`
    PIPELINE_STUCK = "pipeline-stuck"  # no runner gets it


WEBHOOKS = frozenset({Kind.WEBHOOK_LOST, Kind.WEBHOOK_DUPLICATED, Kind.WEBHOOK_DELAYED})
REQUESTS = frozenset(Kind) - WEBHOOKS - {Kind.PIPELINE_STUCK}


@dataclass(slots=True)
class Fault:
    """One switch. ``path``: pattern (``*`` matches anything) on a request's decoded path, on the project's path
    for deliveries and pipelines. ``count``: how many times it strikes, None for ever; ``struck``: how often it did."""

    id: int
    kind: Kind
    path: str = "*"
    method: str | None = None
    count: int | None = None
    status: int = DEFAULT_STATUS
    body: Any = None
    delay_s: float = 1.0
    retry_after_s: int = 30
    struck: int = 0

    def as_json(self) -> dict[str, Any]:
        """The switch as the sandbox's endpoint shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


def parse(raw: object, number: int) -> Fault:
    """The switch that ``raw`` (a JSON object) describes.

    Raises:
        ApiError: 400, unknown field or kind, or a value of the wrong type.
    """
    if not isinstance(raw, Mapping):
        raise ApiError(400, "a fault is a JSON object")
    names = set(Fault.__slots__) - {"id", "struck"}
    unknown = set(raw) - names
    if unknown:
        raise ApiError(400, f"unknown field: {', '.join(sorted(map(str, unknown)))}")
    try:
        fault = Fault(number, Kind(str(raw.get("kind"))))
        fault.path = str(raw.get("path", "*"))
        fault.method = str(raw["method"]).upper() if raw.get("method") else None
        fault.count = int(raw["count"]) if raw.get("count") is not None else None
        fault.status = int(raw.get("status", DEFAULT_STATUS))
        fault.body = raw.get("body")
        fault.delay_s = float(raw.get("delay_s", HANG_S if fault.kind is Kind.HANG else 1.0))
        fault.retry_after_s = int(raw.get("retry_after_s", 30))
    except (TypeError, ValueError) as error:
        raise ApiError(400, f"fault refused: {error}") from error
    return fault


class Faults:
    """The switches that are on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def replace(self, raw: list[object]) -> list[Fault]:
        """Only these switches are on."""
        parsed = [parse(item, next(self._ids)) for item in raw]
        with self._lock:
            self._faults = parsed
        return parsed

    def add(self, raw: object) -> Fault:
        """One more switch is on."""
        fault = parse(raw, next(self._ids))
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """The switch ``fault_id`` (all when None) is off."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]

    def all(self) -> list[Fault]:
        """Every switch, used up or not."""
        with self._lock:
            return list(self._faults)

    def _take(self, kinds: frozenset[Kind], path: str, method: str | None) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                used_up = fault.count is not None and fault.struck >= fault.count
                other = fault.method and method and fault.method != method
                if fault.kind in kinds and not used_up and not other and fnmatchcase(path, fault.path):
                    fault.struck += 1
                    return fault
        return None

    def request(self, method: str, path: str) -> Fault | None:
        """The switch that strikes this request, counted."""
        return self._take(REQUESTS, path, method)

    def webhook(self, project_path: str) -> Fault | None:
        """The switch that strikes this delivery, counted."""
        return self._take(WEBHOOKS, project_path, None)

    def stuck(self, project_path: str) -> bool:
        """Whether the project's pipelines stay pending for now: as long as the switch is on, whatever its ``count``."""
        return any(fault.kind is Kind.PIPELINE_STUCK and fnmatchcase(project_path, fault.path) for fault in self.all())


@dataclass(slots=True)
class Entry:
    """One request; ``status`` 0 while it runs or when the client left."""

    id: int
    at: float
    method: str
    path: str
    query: str
    agent: str
    status: int = 0
    duration_s: float = 0.0
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry as the sandbox's endpoint shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class RequestLog:
    """The last requests, without their bodies and tokens."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=LOG_SIZE))
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self, method: str, path: str, query: str, agent: str) -> Entry:
        """The new entry of a request that starts now."""
        kept = "&".join(part for part in query.split("&") if "token" not in part.partition("=")[0])
        entry = Entry(next(self._ids), time.time(), method, path, kept, agent)
        self.entries.append(entry)
        return entry

    def select(self, *, since: int = 0, path: str = "*", method: str | None = None) -> list[Entry]:
        """Entries after the id ``since`` whose decoded path matches the pattern."""
        wanted = method.upper() if method else None
        return [
            entry
            for entry in list(self.entries)
            if entry.id > since and fnmatchcase(entry.path, path) and wanted in {None, entry.method}
        ]
