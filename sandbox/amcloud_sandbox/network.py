"""The sandbox's own network: a bridge with one address, the way to pods and services, and the removal of all of it.

The address is a bridge's because a kubelet refuses a loopback address and because pods cannot reach 127.0.0.1 of the
host. Nothing here leaves the machine: 198.18.0.0/15 is a range for benchmarks, and pods may not go beyond it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import HOST_IP, POD_CIDR, SERVICE_CIDR

BRIDGE = "amcloud0"
EGRESS_CHAIN = "AMCLOUD-EGRESS"
INSIDE = "198.18.0.0/15"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
# Chains that kubelet, kube-proxy and the CNI plugins leave behind.
LEFT_CHAINS = re.compile(r"^(KUBE-|CNI-|AMCLOUD-)")
IPTABLES_WAIT = ("-w", "10")


def _ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)


def host_address_present() -> bool:
    """Whether this machine has the sandbox's address."""
    return HOST_IP in _ip("-o", "-4", "addr", "show", "dev", BRIDGE).stdout


def ensure_host_address() -> None:
    """The bridge is there with the sandbox's address, up, and services' addresses lead to it.

    Raises:
        SandboxError: not root, or a kernel without bridges.
    """
    if not host_address_present():
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{HOST_IP}/32", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    # What no Service claims goes to the bridge and dies there instead of leaving by the default route.
    _ip("route", "replace", SERVICE_CIDR, "dev", BRIDGE)
    if not host_address_present():
        raise SandboxError(
            f"adresse {HOST_IP} sur le pont {BRIDGE}", "il faut être root, et un noyau qui connaît les ponts réseau"
        )


def remove_host_address() -> None:
    """The bridge, its address and its routes are gone."""
    _ip("link", "del", BRIDGE)


def open_pod_network() -> None:
    """Pods reach the host, services and each other, and nothing beyond this machine."""
    FORWARDING.write_text("1\n", encoding="ascii")
    _iptables("-N", EGRESS_CHAIN)
    _iptables("-F", EGRESS_CHAIN)
    _iptables("-A", EGRESS_CHAIN, "-s", POD_CIDR, "!", "-d", INSIDE, "-j", "REJECT")
    # other software may have made DROP the default for forwarded packets
    _iptables("-A", EGRESS_CHAIN, "-s", POD_CIDR, "-j", "ACCEPT")
    _iptables("-A", EGRESS_CHAIN, "-d", POD_CIDR, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT")
    if _iptables("-C", "FORWARD", "-j", EGRESS_CHAIN).returncode:
        added = _iptables("-I", "FORWARD", "-j", EGRESS_CHAIN)
        if added.returncode:
            raise SandboxError("règles iptables des pods", added.stderr.strip())


def close_pod_network() -> None:
    """No chain of Kubernetes, CNI or ours is left, even after a crash."""
    for command in ("iptables", "ip6tables"):
        _remove_left_chains(command)


def _iptables(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["iptables", *IPTABLES_WAIT, *arguments], capture_output=True, text=True, check=False)


def _remove_left_chains(command: str) -> None:
    saved = subprocess.run([f"{command}-save"], capture_output=True, text=True, check=False).stdout
    script = removal_script(saved.splitlines())
    if script:
        subprocess.run(
            [f"{command}-restore", "--noflush", *IPTABLES_WAIT],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )


def removal_script(saved: Sequence[str]) -> str:
    """Input for ``iptables-restore --noflush`` that removes the chains of Kubernetes and CNI from a saved rule set.

    Rules of other chains that jump to them are deleted one by one; all other rules stay. Empty when there is nothing.
    """
    script: list[str] = []
    table = ""
    chains: list[str] = []
    jumps: list[str] = []
    for line in saved:
        if line.startswith("*"):
            table, chains, jumps = line, [], []
        elif line.startswith(":") and LEFT_CHAINS.match(line[1:]):
            chains.append(line[1:].split()[0])
        elif line.startswith("-A ") and _only_jumps_to_ours(line):
            jumps.append("-D " + line[3:])
        elif line == "COMMIT" and (chains or jumps):
            flushes = [f":{chain} - [0:0]" for chain in chains]
            script += [table, *flushes, *jumps, *(f"-X {chain}" for chain in chains), "COMMIT"]
    return "\n".join(script) + "\n" if script else ""


def _only_jumps_to_ours(rule: str) -> bool:
    words = rule.split()
    target = words[words.index("-j") + 1] if "-j" in words else ""
    return bool(LEFT_CHAINS.match(target)) and not LEFT_CHAINS.match(words[1])
