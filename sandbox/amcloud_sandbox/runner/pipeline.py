"""One pipeline from claim to end: check out, understand, run job after job, tell the forge."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from amcloud_sandbox.runner import cells, jobs, variables
from amcloud_sandbox.runner.cells import CommandError
from amcloud_sandbox.runner.client import ForgeClient
from amcloud_sandbox.runner.isolation import Cell
from amcloud_sandbox.runner.jobs import Job

LOOK_EVERY_S = 0.5
TRACE_LIMIT = 4 * 1024 * 1024
PROBLEM_LIMIT = 900
CREDENTIAL_HELPER = '!f() { echo username=gitlab-ci-token; echo "password=$CI_JOB_TOKEN"; }; f'
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1b\]8;;[^\x1b\a]*(\x1b\\|\a)")
LIST_START, DOCUMENT_START = re.compile(r"^\[(\]|$)", re.MULTILINE), re.compile(r"^---$", re.MULTILINE)
WARNED = re.compile(r"finished in [\d.]+ \w+\s+WARN \d+")
STARTING = re.compile(r" starting shell \(")
LOCAL = ("--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source", "--no-color")


@dataclass(slots=True)
class Pipeline:
    """One claimed pipeline and the cell it runs in."""

    work: dict[str, Any]
    cell: Cell
    forge: ForgeClient
    registry: str
    stopping: threading.Event
    _shown: str = field(default="", init=False)

    def run(self) -> str:
        """Outcome in a word, after every job's state, trace and artifacts are at the forge."""
        try:
            self._check_out()
            found = self._understand()
        except CommandError as error:
            self.forge.refuse(self.work["id"], self._plain(str(error))[-PROBLEM_LIMIT:])
            return "refused"
        ids = self.forge.plan(self.work["id"], [_as_plan(job) for job in found])
        states = self._restore()
        for job in found:
            if job.name in states:
                continue
            if self.stopping.is_set():
                return "stopped"
            states[job.name] = self._job(job, ids[job.name], found, states)
        return "failed" if "failed" in states.values() else "done"

    # ---- before the jobs

    @property
    def _env(self) -> dict[str, str]:
        # The job's token reaches git by the environment: in no address, argument or file of the repository.
        return {
            "CI_JOB_TOKEN": self.work["token"],
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"credential.{self.work['url']}.helper",
            "GIT_CONFIG_VALUE_0": CREDENTIAL_HELPER,
            "GIT_CONFIG_KEY_1": "core.hooksPath",
            "GIT_CONFIG_VALUE_1": "/dev/null",
        }

    def _check_out(self) -> None:
        remote = f"{self.work['url']}/{self.work['project_path']}.git"
        branch = self.work["ref"]
        for command in (
            ("init", "--quiet", f"--initial-branch={branch}", "."),
            ("remote", "add", "origin", remote),
            ("fetch", "--quiet", "--depth=20", "--no-recurse-submodules", "origin", self.work["sha"]),
            ("reset", "--quiet", "--hard", "FETCH_HEAD"),
            ("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{self.work['default_branch']}"),
        ):
            cells.run(self.cell, ["git", *command], env=self._env)
        message = cells.run(self.cell, ["git", "log", "-1", "--format=%B"], env=self._env).decode("utf-8", "replace")
        known = variables.predefined(self.work, registry=self.registry, message=message.strip())
        content = yaml.safe_dump(variables.home_file(self.work, known), allow_unicode=True)
        cells.write(self.cell, self.cell.home / ".gitlab-ci-local" / "variables.yml", content)

    def _local(self, *arguments: str, validate: bool = False) -> list[str]:
        # Checking against GitLab's schema costs as much as all the rest: once a pipeline is enough.
        return [str(self.cell.program), *LOCAL, f"--json-schema-validation={str(validate).lower()}", *arguments]

    def _understand(self) -> tuple[Job, ...]:
        """The pipeline's jobs; includes have been fetched.

        Raises:
            CommandError: the configuration cannot be used, in gitlab-ci-local's words.
        """
        listed = cells.run(self.cell, self._local("--list-json", validate=True), env=self._env)
        expanded = cells.run(self.cell, self._local("--preview"), env=self._env)
        try:
            found = jobs.parse(
                json.loads(_after(listed, LIST_START)), yaml.safe_load(_after(expanded, DOCUMENT_START)) or {}
            )
        except (ValueError, yaml.YAMLError, AttributeError, LookupError, TypeError) as error:
            raise CommandError(f"gitlab-ci-local: unreadable answer ({error})") from error
        if not found:
            raise CommandError("No stages / jobs for this pipeline.")
        return found

    def _restore(self) -> dict[str, str]:
        """Jobs that succeeded in an earlier run of this pipeline; their artifacts are in place again."""
        for job in self.work["earlier"]:
            content = self.forge.earlier_artifacts(job["id"])
            if content is not None:
                target = self.cell.sources / ".gitlab-ci-local" / "artifacts" / _safe(job["name"])
                cells.unpack(self.cell, content, target)
        return {job["name"]: "success" for job in self.work["earlier"]}

    # ---- one job

    def _job(self, job: Job, job_id: int, found: tuple[Job, ...], states: dict[str, str]) -> str:
        if self.forge.canceled(self.work["id"], job_id):
            return "canceled"
        if not jobs.may_start(job, found, states):
            self.forge.job(job_id, "skipped")
            return "skipped"
        self.forge.job(job_id, "pending")
        self.forge.job(job_id, "running")
        outcome, reason = self._execute(job, job_id)
        if outcome != "canceled":
            self._hand_in(job, job_id)
            self.forge.job(job_id, outcome, failure_reason=reason)
        return outcome

    def _execute(self, job: Job, job_id: int) -> tuple[str, str | None]:
        env = {**self._env, "CI_JOB_ID": str(job_id), "CI_JOB_NAME": job.name, "CI_JOB_STAGE": job.stage}
        process = cells.popen(self.cell, self._local(job.name), env=env)
        assert process.stdout is not None
        trace = Trace(self.forge, job_id, job.name, self.work)
        reading = threading.Thread(target=trace.read, args=(process,), daemon=True)
        reading.start()
        began, ended = time.monotonic(), None
        while process.poll() is None:
            ended = self._must_end(job, job_id, began)
            if ended:
                _end(process)
            trace.send()
            time.sleep(LOOK_EVERY_S if not ended else 0)
        reading.join(timeout=10)
        # A job that may fail ends gitlab-ci-local well all the same; GitLab calls that job failed.
        sound = process.returncode == 0 and not (job.allow_failure and trace.warned)
        outcome, reason = ended or (("success", None) if sound else ("failed", "script_failure"))
        trace.close(outcome, reason, time.monotonic() - began)
        return outcome, reason

    def _must_end(self, job: Job, job_id: int, began: float) -> tuple[str, str | None] | None:
        if time.monotonic() - began > job.timeout_s:
            return "failed", "job_execution_timeout"
        if self.stopping.is_set():
            return "failed", "runner_system_failure"
        try:
            return ("canceled", None) if self.forge.canceled(self.work["id"], job_id) else None
        except requests.RequestException:
            return None  # the forge is away: the job goes on

    def _hand_in(self, job: Job, job_id: int) -> None:
        folder = self.cell.sources / ".gitlab-ci-local" / "artifacts" / _safe(job.name)
        try:
            content = cells.pack(self.cell, folder)
        except CommandError:
            return
        if content is None:
            return
        self.forge.artifacts(job_id, content, kind="archive")
        for kind, path in job.reports:
            report = cells.read_zip(content, path)
            if report is not None:
                self.forge.artifacts(job_id, gzip.compress(report), kind=kind)

    def _plain(self, text: str) -> str:
        return mask(COLOURS.sub("", text), variables.secrets(self.work))


def _after(output: bytes, start: re.Pattern[str]) -> str:
    """What gitlab-ci-local answers, without the warnings that it may write before."""
    text = output.decode("utf-8", "replace")
    found = start.search(text)
    return text[found.start() :] if found else ""


def _as_plan(job: Job) -> dict[str, Any]:
    return {"name": job.name, "stage": job.stage, "allow_failure": job.allow_failure}


def _safe(name: str) -> str:
    """The folder's name that gitlab-ci-local gives a job."""
    return re.sub(
        r"[^\w-]+",
        lambda found: base64.urlsafe_b64encode(found.group().encode()).decode().rstrip("="),
        name,
        flags=re.ASCII,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Every process of the job is gone: ``unshare`` ends its whole namespace with it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def mask(text: str, secrets: tuple[str, ...]) -> str:
    """``text`` without the secrets."""
    for secret in secrets:
        text = text.replace(secret, "[MASKED]")
    return text


class Trace:
    """What a job writes, line by line without gitlab-ci-local's prefix and without secrets, sent while it runs."""

    def __init__(self, forge: ForgeClient, job_id: int, name: str, work: dict[str, Any]) -> None:
        self._forge, self._job_id, self._name = forge, job_id, name
        self._secrets = variables.secrets(work)
        self._lock = threading.Lock()
        self._started = False
        self.warned = False
        self._before: list[str] = []
        self._waiting = bytearray()
        self._sent = 0

    def read(self, process: subprocess.Popen[bytes]) -> None:
        """Returns when the job's output has ended."""
        assert process.stdout is not None
        for raw in process.stdout:
            text = raw.decode("utf-8", "replace")
            if self._started:
                line = self._line(text)
                self.warned = self.warned or WARNED.match(line) is not None
                self._add(line)
            elif STARTING.search(text):
                self._started = True
            else:
                self._before.append(self._line(text))
        if not self._started:  # it never came to the job: its own messages say why
            self._add("".join(self._before))

    def _line(self, raw: str) -> str:
        line = COLOURS.sub("", raw).rstrip("\r\n").removeprefix(self._name).lstrip(" ")
        return mask(line.removeprefix("> "), self._secrets) + "\n"

    def _add(self, line: str) -> None:
        with self._lock:
            if self._sent + len(self._waiting) < TRACE_LIMIT:
                self._waiting += line.encode()

    def send(self) -> None:
        """The forge has all lines so far; tried again later when it is away."""
        with self._lock:
            content, offset = bytes(self._waiting), self._sent
        if not content:
            return
        try:
            self._forge.trace(self._job_id, content, offset=offset)
        except requests.RequestException:
            return
        with self._lock:
            del self._waiting[: len(content)]
            self._sent += len(content)

    def close(self, outcome: str, reason: str | None, duration_s: float) -> None:
        """The trace ends with the outcome."""
        ending = {"success": "Job succeeded", "canceled": "ERROR: Job canceled"}.get(
            outcome, f"ERROR: Job failed: {reason}"
        )
        self._add(f"{ending} ({duration_s:.1f} s)\n")
        self.send()


def prepare(cell: Cell, registry: str) -> None:
    """The cell is ready for a checkout."""
    cell.make()
    for path, content in cells.storage_settings(cell, registry).items():
        cells.write(cell, path, content)
    state: Path = cell.sources / ".gitlab-ci-local"
    cells.run(cell, ["mkdir", "-p", str(state), str(cell.cache / "ci")])
    cells.run(cell, ["ln", "-sfn", str(cell.cache / "ci"), str(state / "cache")])
