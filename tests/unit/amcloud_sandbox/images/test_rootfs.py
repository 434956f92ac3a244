"""The command lines that make base images, from the machine's own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import definition, rootfs


def test_the_release_is_the_machine_s() -> None:
    assert rootfs.release('ID=debian\nVERSION_CODENAME=bookworm\nVERSION="12 (bookworm)"\n') == "bookworm"


@pytest.mark.parametrize("text", ["", "ID=ubuntu\nVERSION_CODENAME=noble\n", "ID=debian\n"])
def test_a_machine_that_is_no_debian_is_told_so(text: str) -> None:
    with pytest.raises(SandboxError, match="Debian"):
        rootfs.release(text)


def test_sources_of_other_releases_comments_and_disabled_files_are_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / "debian.sources").write_text("Types: deb\nURIs: http://mirror.invalid/\nSuites: bookworm\n")
    (folder / "tool.sources").write_text("Types: deb\n# bookworm\nSuites: nodistro\n")
    (folder / "old.list.disabled").write_text("deb http://mirror.invalid bookworm main\n")
    (tmp_path / "sources.list").write_text("deb http://mirror.invalid bookworm main\n")
    assert [path.name for path in rootfs.sources(tmp_path, "bookworm")] == ["sources.list", "debian.sources"]


def test_without_any_source_the_message_names_the_release(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="bookworm"):
        rootfs.sources(tmp_path, "bookworm")


def test_the_machine_s_proxy_is_handed_on_and_nothing_else_is() -> None:
    dump = (
        'Acquire "";\nAcquire::http::Proxy "http://p.invalid:1";\n'
        'Acquire::Check-Date "false";\nAPT::Update::Pre-Invoke "x";\n'
    )
    assert rootfs.handed_on(dump) == ('Acquire::http::Proxy "http://p.invalid:1"', 'Acquire::Check-Date "false"')


@pytest.mark.parametrize("name", ["php-base", "python-base"])
def test_each_definition_becomes_a_command_line_whose_files_exist(name: str) -> None:
    what = definition.load(name)
    argv = rootfs.arguments(what, suite="bookworm", sources_files=[Path("/s")], aptopts=[], target=Path("/t.tar"))
    assert argv[-3:] == ["bookworm", "/t.tar", "/s"]
    assert all((definition.folder(name) / file).is_file() for file in what.files)
    assert any(argument.startswith("--include=") and "ca-certificates" in argument for argument in argv)


@pytest.mark.parametrize("name", ["php-base", "python-base"])
def test_containers_of_base_images_are_not_root(name: str) -> None:
    assert definition.load(name).user >= 10_000


def test_the_entrypoint_is_executable_and_other_files_are_not() -> None:
    argv = rootfs.arguments(definition.load("php-base"), suite="x", sources_files=[], aptopts=[], target=Path("/t.tar"))
    modes = {hook.split("/")[-1].rstrip('"'): hook.split("-m ")[1][:4] for hook in argv if "install -D" in hook}
    assert modes["entrypoint"] == "0755"
    assert modes["nginx.conf"] == "0644"


def test_a_definition_s_key_changes_with_what_it_depends_on() -> None:
    assert definition.key("php-base", "bookworm") != definition.key("php-base", "trixie")
    assert definition.key("php-base", "bookworm") == definition.key("php-base", "bookworm")
