"""Compiles Kubernetes' programs from Debian's source package, into a folder that appears only when it is complete.

Only what is missing from the tree is generated (the OpenAPI definitions), clouds and the Docker shim are left out by
Kubernetes' own build tags, debugging data is not made, and one `go build` compiles each package once for all programs:
about 90 s on two cores where `make` takes nearly five minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox.apt import PrivateApt
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.programs import run

VERSION = "1.20.2"
REVISION = 2  # of what is changed in the sources; another one is compiled anew
COMMANDS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
MODULE = "k8s.io/kubernetes"
TAGS = "providerless,dockerless"
BUILD_TIMEOUT_S = 1500
ROOMY_MEMORY_KB = 6_000_000

# Holds the pod's namespaces open and reaps its orphans.
PAUSE_SOURCE = """package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			os.Exit(0)
		}
		for {
			if pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 {
				break
			}
		}
	}
}
"""


def build(target: Path, work: Path, say: Callable[[str], None]) -> None:
    """``target/bin`` holds the programs, kubectl and pause; ``work`` is reused if a former build was interrupted.

    Raises:
        SandboxError: the sources cannot be had (only Debian 12 has them whole) or do not compile.
    """
    tree = _Tree(work)
    if not tree.kubernetes.exists():
        shutil.rmtree(work, ignore_errors=True)
        _fetch(tree, say)
    out = work / "bin"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    _generate_openapi(tree, say)
    _compile(tree, out, say)
    build_pause(out / "pause", say)
    shutil.copy2(work / "kubernetes-client.d" / "usr" / "bin" / "kubectl", out / "kubectl")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    out.rename(target / "bin")
    shutil.rmtree(work, ignore_errors=True)


def build_pause(target: Path, say: Callable[[str], None]) -> None:
    """``target`` is the static program that holds a pod's namespaces open."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "pause.go", Path(folder) / "pause"
        source.write_text(PAUSE_SOURCE, encoding="utf-8")
        environment = {"GO111MODULE": "off", "CGO_ENABLED": "0", "GOFLAGS": "", "GOCACHE": f"{folder}/cache"}
        arguments = ["go", "build", "-ldflags", "-s -w", "-o", str(made), str(source)]
        run(arguments, doing="compilation de pause", say=say, env=environment)
        shutil.copy2(made, target)


@dataclass(frozen=True, slots=True)
class _Tree:
    """The sources laid out as Go's classical workspace, and Go's own cache beside them."""

    work: Path

    @property
    def kubernetes(self) -> Path:
        return self.work / "go" / "src" / MODULE

    def go(
        self, arguments: list[str], doing: str, say: Callable[[str], None], progress: Callable[[int], str] | None = None
    ) -> str:
        return run(
            ["go", *arguments],
            doing=doing,
            say=say,
            timeout_s=BUILD_TIMEOUT_S,
            cwd=self.kubernetes,
            progress=progress,
            env={
                "GOPATH": str(self.work / "go"),
                "GOCACHE": str(self.work / "go-cache"),
                "GO111MODULE": "off",
                "GOFLAGS": "",
                "GOTOOLCHAIN": "local",
                "CGO_ENABLED": "0",
                "GOGC": "400" if _available_kb() > ROOMY_MEMORY_KB else "100",
            },
        )


def _available_kb() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1])
    return 0


def _fetch(tree: _Tree, say: Callable[[str], None]) -> None:
    say("sources de Kubernetes : téléchargement depuis le miroir Debian de cette machine")
    tree.work.mkdir(parents=True)
    apt = PrivateApt(tree.work).prepare(say)
    kubectl = apt.unpack("kubernetes-client", say)
    reflect2 = apt.unpack("golang-github-modern-go-reflect2-dev", say)
    description = apt.source("kubernetes", say)
    if VERSION not in description.name:
        raise SandboxError(
            "sources de Kubernetes",
            f"Debian 12 fournit la {VERSION}, cette machine {description.name} ; indiquez vos programmes par "
            "KUBEBUILDER_ASSETS ou PATH",
        )
    unpacked = tree.work / "kubernetes.unpacked"
    run(
        ["dpkg-source", "--no-check", "-x", str(description), str(unpacked)],
        doing="dépaquetage des sources de Kubernetes",
        say=say,
    )
    if not (unpacked / "cmd" / "kube-apiserver").is_dir() or not (kubectl / "usr/bin/kubectl").is_file():
        raise SandboxError("sources de Kubernetes", "ce paquet source n'a que kubectl ; il faut celui de Debian 12")
    _replace_reflect2(unpacked, reflect2)
    _let_empty_values_pass(unpacked)
    tree.kubernetes.parent.mkdir(parents=True)
    unpacked.rename(tree.kubernetes)


def _replace_reflect2(sources: Path, package: Path) -> None:
    # The vendored 1.0.1 crashes with Go >= 1.18 ("fatal error: fault" in mapiternext); Debian's package is 1.0.2.
    vendored = sources / "vendor" / "github.com" / "modern-go" / "reflect2"
    for old in [*vendored.glob("*.go"), *vendored.glob("*.s")]:
        old.unlink()
    fixed = package / "usr/share/gocode/src/github.com/modern-go/reflect2"
    for new in [*fixed.glob("*.go"), *fixed.glob("*.s")]:
        shutil.copy2(new, vendored)


def _let_empty_values_pass(sources: Path) -> None:
    # The vendored validator takes "" for null when compiled by a recent Go: there, zero values of one type are one
    # object, and DeepEqual of two reflect.Value says so. With the Go of its time this was only ever true of nil.
    path = sources / "vendor" / "github.com" / "go-openapi" / "validate" / "type.go"
    text, old = (
        path.read_text(encoding="utf-8"),
        "reflect.DeepEqual(reflect.Zero(reflect.TypeOf(data)), reflect.ValueOf(data))",
    )
    if f"data == nil || {old}" not in text:
        raise SandboxError("sources de Kubernetes", f"{path.name} n'est pas celui qui était attendu")
    path.write_text(text.replace(f"data == nil || {old}", "data == nil"), encoding="utf-8")


def _generate_openapi(tree: _Tree, say: Callable[[str], None]) -> None:
    generator = tree.work / "openapi-gen"
    package = f"{MODULE}/pkg/generated/openapi"
    doing = "définitions OpenAPI de Kubernetes"
    tree.go(["build", "-o", str(generator), f"{MODULE}/vendor/k8s.io/kube-openapi/cmd/openapi-gen"], doing, say)
    arguments = {
        "-i": ",".join(_described_packages(tree.kubernetes)),
        "-p": package,
        "-O": "zz_generated.openapi",
        "-h": "vendor/k8s.io/code-generator/hack/boilerplate.go.txt",
        "-r": str(tree.work / "violations"),
        "-o": str(tree.work / "go" / "src"),
    }
    run(
        [str(generator), "--logtostderr", *(word for pair in arguments.items() for word in pair)],
        doing=doing,
        say=say,
        cwd=tree.kubernetes,
        env={"GOPATH": str(tree.work / "go"), "GO111MODULE": "off", "GOFLAGS": ""},
    )


def _described_packages(sources: Path) -> list[str]:
    """Packages that ask for OpenAPI definitions by a comment, without the examples."""
    found = subprocess.run(
        ["grep", "-rl", "--include=*.go", "--exclude=*_test.go", "--exclude=zz_generated*", "+k8s:openapi-gen=",
         "pkg", "cmd", "plugin", "staging/src"],
        cwd=sources, capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    examples = ("code-generator", "sample-apiserver", "sample-controller", "sample-cli-plugin")
    folders = {os.path.dirname(path).replace("staging/src/", "vendor/", 1) for path in found}  # noqa: PTH120 - relative names
    return sorted(f"{MODULE}/{folder}" for folder in folders if not any(name in folder for name in examples))


def _compile(tree: _Tree, out: Path, say: Callable[[str], None]) -> None:
    packages = [f"{MODULE}/cmd/{command}" for command in COMMANDS]
    listed = tree.go(["list", "-deps", "-tags", TAGS, *packages], "liste des paquets Go", say)
    total = sum(1 for line in listed.splitlines() if line.startswith(MODULE))
    flags = ["-v", "-tags", TAGS, f"-gcflags={MODULE}/...=-dwarf=false", "-ldflags", _version_flags()]
    say(f"compilation de Kubernetes {VERSION} : {total} paquets Go")
    tree.go(
        ["build", *flags, "-o", f"{out}/", *packages],
        f"compilation de Kubernetes {VERSION}",
        say,
        progress=lambda done: f"{min(done, total)}/{total} paquets",
    )


def _version_flags() -> str:
    major, minor, _ = VERSION.split(".")
    values = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [f"-X {MODULE}/vendor/{place}.{name}={value}" for place in places for name, value in values.items()]
    return " ".join(["-s -w", *settings])
