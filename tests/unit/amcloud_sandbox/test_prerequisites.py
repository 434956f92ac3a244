"""What is missing on a machine is said in sentences that tell what to do."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from amcloud_sandbox import apt, prerequisites, processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.prerequisites import Machine, problems

GOOD = Machine(system="Linux", debian="12", is_root=True, has_apt=True, memory_mb=8_000, free_disk_mb=20_000)


def test_a_bare_debian_12_with_root_has_no_problem() -> None:
    assert problems(GOOD, missing=("golang-go", "etcd-server")) == ()


@pytest.mark.parametrize(
    ("machine", "missing", "sentence"),
    [
        pytest.param(replace(GOOD, is_root=False), (), "sudo", id="not root"),
        pytest.param(replace(GOOD, system="Darwin"), (), "Linux", id="not Linux"),
        pytest.param(replace(GOOD, has_apt=False, debian=None), ("runc",), "CONTEXT=", id="no apt-get"),
        pytest.param(replace(GOOD, debian="13"), ("golang-go",), "KUBEBUILDER_ASSETS", id="a Debian without sources"),
        pytest.param(replace(GOOD, debian=None), ("golang-go",), "KUBEBUILDER_ASSETS", id="Ubuntu"),
        pytest.param(replace(GOOD, memory_mb=1_000), (), "mémoire", id="little memory"),
        pytest.param(replace(GOOD, free_disk_mb=100), (), "disque", id="little disk"),
        pytest.param(replace(GOOD, foreign_kubernetes=("k3s, processus 7",)), (), "k3s", id="another Kubernetes"),
        pytest.param(replace(GOOD, user_namespaces=False), (), "unshare", id="no user namespace"),
    ],
)
def test_each_obstacle_is_one_sentence_that_says_what_to_do(
    machine: Machine, missing: tuple[str, ...], sentence: str
) -> None:
    found = problems(machine, missing=missing)
    assert len(found) == 1
    assert sentence in found[0]


def test_another_distribution_that_has_all_programs_is_accepted() -> None:
    assert problems(replace(GOOD, debian=None, has_apt=False), missing=()) == ()


def test_all_obstacles_come_in_one_message_before_anything_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = replace(GOOD, is_root=False, memory_mb=10)
    monkeypatch.setattr(prerequisites, "look", lambda _: bad)
    monkeypatch.setattr(apt, "missing", lambda packages: packages)
    monkeypatch.setattr(apt, "install", lambda *_: pytest.fail("installed on a machine that cannot do"))
    with pytest.raises(SandboxError) as caught:
        prerequisites.ensure((), layout=Layout(state=tmp_path, cache=tmp_path), say=lambda _: None)
    assert "sudo" in caught.value.hint
    assert "mémoire" in caught.value.hint


def test_looking_at_this_machine_finds_its_memory_and_disk(tmp_path: Path) -> None:
    machine = prerequisites.look(Layout(state=tmp_path, cache=tmp_path / "not" / "yet"))
    assert machine.memory_mb > 0
    assert machine.free_disk_mb > 0
    assert machine.system == "Linux"


@pytest.mark.parametrize("recorded", [pytest.param(True, id="ours"), pytest.param(False, id="another's")])
def test_a_kubelet_is_foreign_unless_we_started_it_and_so_is_a_child_that_it_forks(
    tmp_path: Path, recorded: bool
) -> None:
    kubelet = Path(shutil.copy2(Path("/bin/sh").resolve(), tmp_path / "kubelet"))
    gate, said = tmp_path / "gate", tmp_path / "said"
    os.mkfifo(gate)
    script = f"(read never < {gate}) & echo $! > {said}.new; mv {said}.new {said}; wait"
    layout = Layout(state=tmp_path / "state", cache=tmp_path)
    processes.start("kubelet" if recorded else "other", [str(kubelet), "-c", script], layout=layout)
    try:
        while not said.exists():  # the shell has forked: its child waits, under the name of its parent
            time.sleep(0.01)
        pids = processes.pid_of("kubelet" if recorded else "other", layout=layout), int(said.read_text())
        found = prerequisites.look(layout).foreign_kubernetes
        assert [f"kubelet, processus {pid}" in found for pid in pids] == [not recorded, not recorded]
    finally:
        for name in processes.names(layout=layout):
            processes.stop(name, layout=layout)


def test_packages_that_are_installed_are_not_missing() -> None:
    assert apt.missing(("dpkg", "no-such-package-of-amcloud", "dpkg")) == ("no-such-package-of-amcloud",)


def test_source_packages_are_added_to_the_machines_own_mirrors() -> None:
    assert apt.with_sources("Types: deb\nURIs: http://m/d\n") == "Types: deb deb-src\nURIs: http://m/d\n"
    assert (
        apt.with_source_lines("deb http://m d main\n# deb x\n")
        == "deb http://m d main\ndeb-src http://m d main\n# deb x\n"
    )
