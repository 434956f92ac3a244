"""Runs a request in a disposable child with bounds on processor time, memory and duration.

Whatever a hostile repository does to the child, the caller gets an answer: facts, or a sentence that says why not.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import msgspec

from psram.model import Limits
from psram.worker.programs import environment
from psram.worker.protocol import Answer, Request

_MAX_ANSWER_BYTES = 512 * 1024 * 1024


def run(request: Request) -> Answer:
    """The worker's answer; never raises because of what the repository contains.

    Where nothing could be read and a verdict was asked, the report says "indéterminé" and why.
    """
    answer = _run(request)
    if not answer.problem or request.context is None:
        return answer
    from psram import packs
    from psram.facts import Facts
    from psram.judge import judge

    unread = Facts(commit=request.commit, tree="", truncated=answer.problem)
    report = judge(unread, packs.load(request.pack or packs.DEFAULT), request.context)
    return msgspec.structs.replace(answer, report=report)


def _run(request: Request) -> Answer:
    limits = request.limits
    folder = tempfile.mkdtemp(prefix="psram-")  # the child's own: removed with what a killed child left in it
    try:
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
            asked.write(msgspec.json.encode(request))
            asked.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "psram.worker"],
                stdin=asked,
                stdout=said,
                stderr=subprocess.DEVNULL,
                env=environment({"TMPDIR": folder, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}),
                start_new_session=True,
                preexec_fn=lambda: _bound(limits),  # noqa: PLW1509  only sets limits, before the interpreter starts
            )
            problem = _waited(process, limits)
            if problem:
                return Answer(problem=problem)
            said.seek(0)
            return _decoded(said.read(_MAX_ANSWER_BYTES))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _bound(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _waited(process: subprocess.Popen[bytes], limits: Limits) -> str:
    """Why the worker gave no answer, empty when it did."""
    try:
        code = process.wait(timeout=limits.timeout_s)
    except subprocess.TimeoutExpired:
        return f"l'analyse a été arrêtée après {limits.timeout_s:.0f} s"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"l'analyse a été arrêtée : elle demandait plus de {limits.cpu_s} s de calcul ou trop de mémoire"
    if code != 0:
        megabytes = limits.memory_bytes // 1024 // 1024
        return f"l'analyse s'est interrompue (contenu hostile, ou plus de {megabytes} Mio de mémoire)"
    return ""


def _decoded(content: bytes) -> Answer:
    try:
        return msgspec.json.decode(content, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Answer(problem="l'analyse a rendu une réponse illisible")
