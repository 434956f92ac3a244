"""The runner's side of the forge's internal addresses."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests

CLAIM_WAIT_S = 20
TIMEOUT_S = 30


class ForgeClient:
    """What a runner asks of its forge. Every method raises ``requests.RequestException`` when the forge is away."""

    def __init__(self, url: str, token: str, *, name: str) -> None:
        self._url, self._name = url, name
        self._headers = {"X-Runner-Token": token}

    def hello(self) -> None:
        """What an earlier life of this runner left unfinished has failed."""
        self._call("POST", "/hello", {"name": self._name})

    def claim(self) -> dict[str, Any] | None:
        """A pipeline to run; None when none came for a while."""
        answer = self._call("POST", "/claim", {"name": self._name, "wait_s": CLAIM_WAIT_S})
        return answer if isinstance(answer, dict) else None

    def plan(self, pipeline_id: int, jobs: list[dict[str, Any]]) -> dict[str, int]:
        """Ids of the pipeline's jobs by name."""
        return {job["name"]: int(job["id"]) for job in self._call("PUT", f"/pipelines/{pipeline_id}", {"jobs": jobs})}

    def refuse(self, pipeline_id: int, problem: str) -> None:
        """The pipeline has failed: its configuration cannot be used."""
        self._call("PUT", f"/pipelines/{pipeline_id}", {"problem": problem})

    def canceled(self, pipeline_id: int, job_id: int) -> bool:
        """Whether someone canceled the pipeline or the job."""
        state = self._call("GET", f"/pipelines/{pipeline_id}")
        over = any(job["id"] == job_id and job["status"] == "canceled" for job in state["jobs"])
        return bool(state["cancel_requested"]) or over

    def job(self, job_id: int, status: str, *, failure_reason: str | None = None) -> None:
        """The job is in that state."""
        self._call("PUT", f"/jobs/{job_id}", {"status": status, "failure_reason": failure_reason})

    def trace(self, job_id: int, text: bytes, *, offset: int) -> None:
        """The job's trace holds ``text`` from ``offset`` on."""
        self._send(f"/jobs/{job_id}/trace?offset={offset}", text)

    def artifacts(self, job_id: int, content: bytes, *, kind: str) -> None:
        """The job has this artifact."""
        self._send(f"/jobs/{job_id}/artifacts?type={quote(kind)}", content)

    def earlier_artifacts(self, job_id: int) -> bytes | None:
        """Zip that a job of an earlier run handed in, None when it left none."""
        address = f"{self._url}/-/sandbox/runner/jobs/{job_id}/artifacts"
        answer = requests.get(address, headers=self._headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.content or None

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        address = f"{self._url}/-/sandbox/runner{path}"
        answer = requests.request(method, address, json=body, headers=self._headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _send(self, path: str, content: bytes) -> None:
        address = f"{self._url}/-/sandbox/runner{path}"
        requests.put(address, data=content, headers=self._headers, timeout=TIMEOUT_S).raise_for_status()
