"""Webhook deliveries: one POST an event, logged, and hooks that keep failing disabled as GitLab does.

GitLab sends each event once; four failures in a row disable the hook for a minute, then twice as long at each further
failure (a day at most), forty disable it for good.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import requests

from amcloud_sandbox.forge.config import VERSION
from amcloud_sandbox.forge.faults import Fault, Faults, Kind
from amcloud_sandbox.forge.store import Row, Store, now, stamp

FAILURES_BEFORE_PAUSE, FAILURES_BEFORE_END = 4, 40
LONGEST_PAUSE_S = 86_400
BODY_LIMIT = 8_192
WORKERS = 4
HEADERS = {
    "push_hooks": "Push Hook",
    "tag_push_hooks": "Tag Push Hook",
    "merge_request_hooks": "Merge Request Hook",
    "note_hooks": "Note Hook",
    "issues_hooks": "Issue Hook",
    "pipeline_hooks": "Pipeline Hook",
    "job_hooks": "Job Hook",
    "deployment_hooks": "Deployment Hook",
}
EVENTS = {
    "push_hooks": "push_events",
    "tag_push_hooks": "tag_push_events",
    "merge_request_hooks": "merge_requests_events",
    "note_hooks": "note_events",
    "issues_hooks": "issues_events",
    "pipeline_hooks": "pipeline_events",
    "job_hooks": "job_events",
    "deployment_hooks": "deployment_events",
}


def alert_status(hook: Row) -> str:
    """``executable``, ``temporarily_disabled`` or ``disabled``."""
    if hook["failures"] >= FAILURES_BEFORE_END:
        return "disabled"
    return "temporarily_disabled" if (hook["disabled_until"] or "") > now() else "executable"


class Deliveries:
    """Sends events in the background; the order of two events of one project is not promised, as in GitLab."""

    def __init__(self, store: Store, faults: Faults, *, timeout_s: float, backoff_s: float, url: str) -> None:
        self._store, self._faults, self._timeout_s, self._backoff_s, self._url = (
            store,
            faults,
            timeout_s,
            backoff_s,
            url,
        )
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="webhook")
        self._pending: set[Future[Any]] = set()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Nothing more is sent."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def idle(self, timeout_s: float = 10.0) -> bool:
        """Whether everything queued was sent within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while any(not future.done() for future in list(self._pending)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def fire(self, project: Row, trigger: str, payload: Row, *, branch: str | None = None) -> None:
        """Every enabled hook of the project that wants ``trigger`` gets ``payload``, soon."""
        for hook in self._store.all("select * from hooks where project_id = ?", project["id"]):
            wanted = EVENTS[trigger] in json.loads(hook["events"])
            filtered = branch is not None and hook["branch_filter"] and not _matches(branch, hook["branch_filter"])
            if wanted and not filtered and alert_status(hook) == "executable":
                self._queue(project, hook, trigger, payload)

    def _queue(self, project: Row, hook: Row, trigger: str, payload: Row) -> None:
        fault = self._faults.webhook(project["full_path"])
        if fault is not None and fault.kind is Kind.WEBHOOK_LOST:
            return
        key = str(uuid.uuid4())
        for _ in range(2 if fault is not None and fault.kind is Kind.WEBHOOK_DUPLICATED else 1):
            future = self._pool.submit(self._later, fault, hook["id"], trigger, payload, key)
            self._pending.add(future)
            future.add_done_callback(self._pending.discard)

    def _later(self, fault: Fault | None, hook_id: int, trigger: str, payload: Row, key: str) -> None:
        delay = fault.delay_s if fault is not None and fault.kind is Kind.WEBHOOK_DELAYED else 0
        if not self._stopped.wait(delay):
            self.send(hook_id, trigger, payload, key=key)

    def send(
        self, hook_id: int, trigger: str, payload: Row, *, key: str | None = None, event: str | None = None
    ) -> Row | None:
        """The log's entry of one delivery made now; None when the hook is gone."""
        hook = self._store.one("select * from hooks where id = ?", hook_id)
        if hook is None:
            return None
        headers = self._headers(hook, trigger, key or str(uuid.uuid4()), event or str(uuid.uuid4()))
        began = time.monotonic()
        status, answer, text = self._post(hook, headers, payload)
        if headers.get("X-Gitlab-Token"):
            headers["X-Gitlab-Token"] = "[REDACTED]"
        entry = self._store.insert(
            "hook_events",
            hook_id=hook_id,
            trigger=trigger,
            url=hook["url"],
            request_headers=json.dumps(headers),
            request_data=json.dumps(payload),
            response_headers=json.dumps(answer),
            response_body=text,
            response_status=status,
            execution_duration=round(time.monotonic() - began, 6),
            created_at=now(),
        )
        self._count(hook_id, ok=status[:1] == "2")
        return entry

    def _headers(self, hook: Row, trigger: str, key: str, event: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"GitLab/{VERSION}",
            "Idempotency-Key": key,
            "X-Gitlab-Event": HEADERS[trigger],
            "X-Gitlab-Event-UUID": event,
            "X-Gitlab-Instance": self._url,
            "X-Gitlab-Webhook-UUID": hook["uuid"],
        }
        return {**headers, "X-Gitlab-Token": hook["token"]} if hook["token"] else headers

    def _post(self, hook: Row, headers: dict[str, str], payload: Row) -> tuple[str, dict[str, str], str]:
        try:
            answer = requests.post(
                hook["url"],
                data=json.dumps(payload).encode(),
                headers=headers,
                timeout=self._timeout_s,
                allow_redirects=False,
                verify=bool(hook["ssl"]),
            )
        except (requests.RequestException, ValueError) as error:
            return "internal error", {}, str(error)[:BODY_LIMIT]
        return str(answer.status_code), dict(answer.headers), answer.text[:BODY_LIMIT]

    def _count(self, hook_id: int, *, ok: bool) -> None:
        with self._store.together():
            hook = self._store.one("select * from hooks where id = ?", hook_id)
            if hook is None:
                return
            if ok:
                self._store.update("hooks", hook_id, failures=0, backoffs=0, disabled_until=None)
                return
            failures, backoffs, until = hook["failures"] + 1, hook["backoffs"], hook["disabled_until"]
            if failures >= FAILURES_BEFORE_PAUSE:
                pause_s = min(self._backoff_s * 2**backoffs, LONGEST_PAUSE_S)
                until, backoffs = stamp(datetime.now(UTC) + timedelta(seconds=pause_s)), backoffs + 1
            self._store.update("hooks", hook_id, failures=failures, backoffs=backoffs, disabled_until=until)


def _matches(branch: str, pattern: str) -> bool:
    return fnmatchcase(branch, pattern)
