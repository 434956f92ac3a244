"""The container runtime of the sandbox's node: containerd with folders of its own, and the pods' `pause` image.

No image can be pulled from outside: `pause` is built from a static program, all others come from the local registry.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable
from pathlib import Path

from amcloud_sandbox import processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import REGISTRY_NAME, REGISTRY_PORT, Layout
from amcloud_sandbox.programs import run

PAUSE_IMAGE = "localhost/amcloud/pause:1"
NAMESPACE = "k8s.io"
START_TIMEOUT_S = 30
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # the kernel's names and images' ones


def folder(layout: Layout) -> Path:
    """Everything that containerd writes, its socket included."""
    return layout.state / "containerd"


def socket(layout: Layout) -> Path:
    """containerd's socket; its path tells our shims from others'."""
    return folder(layout) / "containerd.sock"


def configuration(layout: Layout, *, cni: Path) -> str:
    """containerd's configuration (TOML, version 2) for pods of one node without a cloud."""
    home = folder(layout)
    return f"""version = 2
root = "{home}/root"
state = "{home}/state"

[grpc]
  address = "{socket(layout)}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # without CAP_SYS_RESOURCE no score may be lowered, and each pod would fail
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
    max_conf_num = 1

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{home}/certs.d"
"""


def start(layout: Layout, *, cni: Path, pause: Path, say: Callable[[str], None]) -> None:
    """containerd answers and has the pause image.

    Raises:
        SandboxError: it ended or did not answer in time.
    """
    home = folder(layout)
    home.mkdir(parents=True, exist_ok=True, mode=0o711)
    (home / "config.toml").write_text(configuration(layout, cni=cni), encoding="utf-8")
    hosts = home / "certs.d" / REGISTRY_NAME
    hosts.mkdir(parents=True, exist_ok=True)
    mirror = f"http://127.0.0.1:{REGISTRY_PORT}"
    (hosts / "hosts.toml").write_text(
        f'server = "{mirror}"\n\n[host."{mirror}"]\n  capabilities = ["pull", "resolve"]\n', encoding="utf-8"
    )
    processes.start("containerd", ["containerd", "--config", str(home / "config.toml")], layout=layout)
    processes.wait_until(
        lambda: answers(layout),
        doing="démarrage de containerd",
        timeout_s=START_TIMEOUT_S,
        say=say,
        alive=("containerd",),
        layout=layout,
    )
    archive = home / "pause.tar"
    archive.write_bytes(pause_archive(pause.read_bytes()))
    run(_ctr(layout, "images", "import", str(archive)), doing="image « pause » des pods", say=say)


def answers(layout: Layout) -> bool:
    """Whether containerd's pod interface is ready."""
    if not socket(layout).exists():
        return False
    try:
        plugins = run(_ctr(layout, "plugins", "ls"), doing="état de containerd", say=lambda _: None, timeout_s=5)
    except SandboxError:
        return False
    return any(line.split()[1:2] == ["cri"] and line.split()[-1] == "ok" for line in plugins.splitlines())


def _ctr(layout: Layout, *arguments: str) -> list[str]:
    return ["ctr", "--address", str(socket(layout)), "--namespace", NAMESPACE, *arguments]


def pause_archive(program: bytes) -> bytes:
    """An image archive (docker-save format) whose only file is ``/pause``; same bytes for the same program."""
    layer = _tar({"pause": (program, 0o755)})
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created_by": "amcloud sandbox"}],
        },
        sort_keys=True,
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [PAUSE_IMAGE], "Layers": [f"{digest}/layer.tar"]}]).encode()
    return _tar({name: (config, 0o644), f"{digest}/layer.tar": (layer, 0o644), "manifest.json": (manifest, 0o644)})


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
