"""What the operator costs: its memory, and how fast it gives LocalApps a status, against peers of the same run.

Not called `operator`: a file of that name hides Python's own module from whoever starts a program in its folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from amcloud_sandbox import binaries, control_plane
from amcloud_sandbox.control_plane import ControlPlane, free_port
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout
from bench import cluster, figures, processes
from bench.figures import Table, ratio, say

ROOT = Path(__file__).resolve().parents[1]
DEPLOYMENT = ROOT / "deploy" / "base" / "operator.yaml"
WORKERS = 8  # the operator's own default
ALIVE_S, ALL_DONE_S, END_S, SETTLE_S, LOOK_S = 30.0, 60.0, 30.0, 3.0, 0.1
MEMORY_COLUMNS = ("process", "RSS MiB", "peak RSS MiB", "RSS / import kopf", "peak / pod's limit")
RATE_COLUMNS = ("measured", "applications", "seconds", "per second", "time / raw", "CPU ms each", "requests each")
MS = 1000.0
UNITS = {"Ki": 1 / 1024, "Mi": 1.0, "Gi": 1024.0}


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process, in MiB."""

    name: str
    rss: float | None
    peak: float | None

    @classmethod
    def read(cls, name: str, status: str) -> Memory:
        """From the content of /proc/<pid>/status."""
        return cls(name, processes.status_mib(status, "VmRSS"), processes.status_mib(status, "VmHWM"))


@dataclass(frozen=True, slots=True)
class Rate:
    """Things done, and the seconds they took; processor of the client, requests that the API server served."""

    name: str
    count: int
    seconds: float
    cpu_s: float | None = None
    requests: int | None = None


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = figures.parser("controller", "Measures the operator's memory and how fast it gives LocalApps a status.")
    made.add_argument("--apps", type=figures.positive, default=200, help="LocalApps, at most 2000 (200)")
    made.add_argument("--memory-only", action="store_true", help="no control plane: peers and the sandbox's pod alone")
    return made


def mib(quantity: str) -> float:
    """A Kubernetes quantity of memory, such as ``2Gi``, in MiB."""
    return float(quantity[:-2]) * UNITS[quantity[-2:]]


def pod_limit_mib() -> float:
    """The memory that deploy/ lets the operator's pod have."""
    for found in yaml.safe_load_all(DEPLOYMENT.read_text(encoding="utf-8")):
        if found["kind"] == "Deployment":
            return mib(found["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])
    raise ValueError(f"{DEPLOYMENT}: no Deployment")


def imported(module: str) -> Memory | None:
    """Memory of a Python that has just imported ``module``; ``None`` where it is not installed."""
    program = f"import {module}; print(open('/proc/self/status').read())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    return Memory.read(f"python, import {module}", done.stdout) if done.returncode == 0 else None


def sandbox_pod() -> Memory | None:
    """Memory of the operator in the sandbox's cluster; ``None`` when it does not run."""
    layout = Layout()
    programs = binaries.find(("kubectl",), layout=layout)
    if programs is None or not layout.kubeconfig.exists():
        return None
    command = [programs.path("kubectl"), "--kubeconfig", str(layout.kubeconfig), "--request-timeout=10s"]
    command += ["-n", "amcloud-system", "exec", "deploy/amcloud-operator", "--", "cat", "/proc/1/status"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        if done.returncode == 0:
            return Memory.read("the operator's pod in the sandbox", done.stdout)
    return None


@contextlib.contextmanager
def operator(plane: ControlPlane, folder: Path) -> Iterator[int]:
    """``amcloud operator`` on the control plane, told to end with the block; its process id, at once.

    Forge, registry and database are addresses where nothing listens: what is measured asks nothing of them.
    """
    nowhere = f"http://127.0.0.1:{free_port()}"
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "KUBECONFIG": str(plane.kubeconfig),
        "AMCLOUD_DOMAIN": "amcloud.localhost", "AMCLOUD_FORGE_URL": nowhere, "AMCLOUD_FORGE_TOKEN": "aucun",
        "AMCLOUD_REGISTRY_URL": nowhere, "AMCLOUD_REGISTRY_NAME": "localhost:5000", "AMCLOUD_OIDC_ISSUER": nowhere,
        "AMCLOUD_DATABASE_URL": "postgresql://127.0.0.1:1/aucune", "AMCLOUD_WEBHOOK_TOKEN": "aucun",
        "AMCLOUD_POLL_S": "3600", "AMCLOUD_RESYNC_S": "3600", "AMCLOUD_WORKERS": str(WORKERS),
        "AMCLOUD_HTTP_PORT": str(port := free_port()),
    }  # fmt: skip
    with (folder / "operator.log").open("ab") as log:
        command = [sys.executable, "-P", "-m", "amcloud", "operator", "--log-level", "warning"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_alive(process, port, folder / "operator.log")
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_alive(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Returns once the operator says that it is well.

    Raises:
        RuntimeError: it ended, or is not well in time; with the end of its log.
    """
    deadline = time.monotonic() + ALIVE_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}/sante", timeout=5):
            return
        time.sleep(0.02)
    raise RuntimeError(f"the operator is not alive: {log.read_text(encoding='utf-8')[-2000:]}")


def wait_statuses(api: cluster.Api, count: int) -> tuple[float, int]:
    """Seconds until every application has a status, and the number of looks that it took.

    Raises:
        RuntimeError: not within :data:`ALL_DONE_S`.
    """
    begin, looks = time.perf_counter(), 1
    while (done := cluster.with_status(api)) < count:
        if time.perf_counter() - begin > ALL_DONE_S:
            raise RuntimeError(f"{done} of {count} applications have a status after {ALL_DONE_S:.0f} s")
        time.sleep(LOOK_S)
        looks += 1
    return time.perf_counter() - begin, looks


def under_load(count: int) -> tuple[list[Memory], list[Rate]]:
    """The operator on a fresh control plane: idle, then with ``count`` applications to tell about."""
    with tempfile.TemporaryDirectory(prefix="amcloud-bench-") as name, control_plane.temporary(say) as plane:
        folder, api = Path(name), cluster.Api(plane)
        cluster.install(api)
        say("operator without applications")
        with operator(plane, folder) as pid:
            time.sleep(SETTLE_S)
            idle = Memory.read("amcloud operator, idle, no application", processes.status(pid))
        say(f"{count} raw status patches")
        cluster.create(api, count, threads=WORKERS)
        before = raw_patches(api, count, "Première écriture de la mesure")
        cluster.delete_all(api)
        cluster.create(api, count, threads=WORKERS)
        say(f"operator with {count} applications")
        with operator(plane, folder) as pid:
            ours, loaded = reconciled(api, pid, count)
        after = raw_patches(api, count, "Seconde écriture de la mesure")
    return [idle, loaded], [mean(before, after), ours]


def reconciled(api: cluster.Api, pid: int, count: int) -> tuple[Rate, Memory]:
    """An operator that has just started gives every application its status; then the passes that follow end too."""
    served_before, cpu_before = served(api), processes.cpu_of(pid)
    seconds, looks = wait_statuses(api, count)
    time.sleep(SETTLE_S)
    cpu_s, requests = processes.cpu_of(pid) - cpu_before, served(api) - served_before - looks
    loaded = Memory.read(f"amcloud operator, after {count} applications", processes.status(pid))
    return Rate(f"operator, {WORKERS} workers", count, seconds, cpu_s, requests), loaded


def raw_patches(api: cluster.Api, count: int, said: str) -> Rate:
    """The peer: a status for every application by nothing but HTTP."""
    begin = time.process_time()
    seconds = cluster.patch_statuses(api, count, said, threads=WORKERS)
    return Rate(f"raw status patch, {WORKERS} connections", count, seconds, time.process_time() - begin, count)


def mean(one: Rate, other: Rate) -> Rate:
    """The mean of two measurements of the same."""
    return replace(one, seconds=(one.seconds + other.seconds) / 2, cpu_s=((one.cpu_s or 0) + (other.cpu_s or 0)) / 2)


def served(api: cluster.Api) -> int:
    """Requests that the API server has served so far, of those that passes make."""
    return cluster.requests_served(api.raw("GET", "/metrics")[1].decode())


def memory_table(found: Sequence[Memory | None], limit: float, notes: Sequence[str]) -> Table:
    """Memory of what was found, against ``import kopf`` and the limit of the operator's pod."""
    rows = [row for row in found if row is not None]
    kopf = next((row.rss for row in rows if row.name.endswith("import kopf")), None)
    cells = tuple((row.name, row.rss, row.peak, ratio(row.rss, kopf), ratio(row.peak, limit)) for row in rows)
    return Table("Memory of the operator", MEMORY_COLUMNS, cells, tuple(notes))


def rate_table(rates: Sequence[Rate], notes: Sequence[str]) -> Table:
    """How fast; the first rate is the peer's."""
    peer = rates[0].seconds / rates[0].count
    cells = tuple(
        (
            *(rate.name, rate.count, rate.seconds, rate.count / rate.seconds),
            ratio(rate.seconds / rate.count, peer),
            ratio(rate.cpu_s * MS if rate.cpu_s is not None else None, rate.count),
            ratio(rate.requests, rate.count),
        )
        for rate in rates
    )
    return Table("LocalApps that get their status", RATE_COLUMNS, cells, tuple(notes))


def measure(count: int, *, memory_only: bool) -> list[Table]:
    """The whole measurement."""
    before = figures.load()
    say("peers")
    peers = [imported("sys"), imported("kopf"), imported("kubernetes")]
    loaded, rates = ([], []) if memory_only else under_load(count)
    limit = pod_limit_mib()
    load = f"at the start: {before}; at the end: {figures.load()}"
    about = f"the pod's limit: {limit:.0f} MiB (deploy/base/operator.yaml); idle: {SETTLE_S:.0f} s without work"
    tables = [memory_table([*peers, *loaded, sandbox_pod()], limit, (about, load))]
    if rates:
        scope = (
            "half of the applications are hors-standard, half refused for their manifest: no forge, no build; "
            "seconds: from an operator that says it is alive until the last status; CPU and requests: of every pass "
            "that follows too (a first status brings a second pass)"
        )
        peer = "raw: merge patch of the status by Python's own HTTP client, before and after the operator, their mean"
        tables.append(rate_table(rates, (scope, peer, load)))
    return tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    options = parser().parse_args(arguments)
    try:
        figures.show(measure(min(options.apps, 2000), memory_only=options.memory_only), options.output)
    except SandboxError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
