"""Started by test_down.py in network and mount namespaces of its own: starts a node, runs pods, ends it all, compares.

Arguments: ``orderly`` or ``crash``. Prints what `down` left, one line each; nothing else.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from amcloud_sandbox import binaries, leftovers, lifecycle, processes
from amcloud_sandbox.containerd import PAUSE_IMAGE
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.progress import Progress

PARTS = ("kubernetes", "node", "registry")
PODS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: essai, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: essai}}
  template:
    metadata: {labels: {app: essai}}
    spec:
      containers:
        - {name: c, image: IMAGE, imagePullPolicy: IfNotPresent, ports: [{containerPort: 80}]}
      volumes: [{name: v, secret: {secretName: absent, optional: true}}]
---
apiVersion: v1
kind: Service
metadata: {name: essai, namespace: default}
spec: {selector: {app: essai}, ports: [{port: 80}]}
"""


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _ours(layout: Layout) -> set[str]:
    """Everything that a node may leave on a machine."""
    rules = [line for command in ("iptables-save", "ip6tables-save") for line in _lines(command)]
    space = Path("/proc/self/ns/net").readlink()
    found = {f"rule {line.split('[')[0]}" for line in rules if line.startswith("-A") or line.split()[1:2] == ["-"]}
    found |= {f"link {line.split()[1]}" for line in _lines("ip", "-o", "link")}
    found |= {f"route {line}" for line in _lines("ip", "route")}
    found |= {f"mount {line.split()[1]}" for line in Path("/proc/self/mounts").read_text().splitlines()}
    found |= {f"group {path}" for path in Path("/sys/fs/cgroup").glob(f"**/{leftovers.cgroup(layout)}")}
    found |= {f"file {path}" for folder in leftovers.FIXED_FOLDERS for path in folder.glob("*")}
    found |= {f"setting {name} {(leftovers.SYSCTL / name).read_text()}" for name in leftovers.KERNEL_SETTINGS
              if (leftovers.SYSCTL / name).exists()}  # fmt: skip
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "ns" / "net").readlink() == space and processes.start_ticks(int(folder.name)):
                found.add(f"process {(folder / 'comm').read_text().strip()}")
        except OSError:
            continue
    return found | ({"state"} if layout.state.exists() else set())


def main(ending: str) -> None:
    """Up, pods, down; the difference on standard output."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for folder in ("/run", "/var/log"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    layout = Layout()
    before = _ours(layout)
    progress = Progress()
    with progress:
        lifecycle.up(PARTS, layout=layout, progress=progress)
        kubectl = [str(binaries.cached(layout) / "kubectl"), f"--kubeconfig={layout.kubeconfig}"]
        subprocess.run([*kubectl, "apply", "-f", "-"], input=PODS.replace("IMAGE", PAUSE_IMAGE), text=True, check=True)
        subprocess.run([*kubectl, "rollout", "status", "deployment/essai", "--timeout=60s"], check=True)
        if ending == "crash":
            for name in ("containerd", "kubelet", "kube-proxy", "etcd", "kube-apiserver"):
                processes.send_signal(name, signal.SIGKILL, layout=layout)
        for _ in range(2):  # a second time is fine
            lifecycle.down(None, layout=layout, progress=progress)
    sys.stdout.writelines(f"LEFT {line}\n" for line in sorted(_ours(layout) - before))


if __name__ == "__main__":
    main(sys.argv[1])
