"""``amcloud rehearse``: where the draft and the applications come from, and what is refused."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amcloud.cli import build, drafts
from amcloud.clients import assembly, fleet
from amcloud.errors import UnavailableError
from amcloud.settings import Settings
from amcloud.stages.declared.app import StageName
from psram import packs
from psram.collect.memory import collect_files
from psram.errors import PsramError
from psram.model import Context, Stage, Track

LOOSE = {"src/A.php": b"<?php\n\nnamespace App;\n\nfinal class A\n{\n}\n"}


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A draft where strict types block."""
    folder = Path(shutil.copytree(packs.folder() / packs.DEFAULT, tmp_path / "psram-exemple"))
    (folder / "digest").unlink(missing_ok=True)
    rule = folder / "rules/PHP-004.yaml"
    lines = rule.read_text("utf-8").splitlines(keepends=True)
    stricter = "severity: {labellisation: bloquante, homologation: bloquante}\n"
    rule.write_text("".join(stricter if line.startswith("severity:") else line for line in lines), "utf-8")
    return folder


def run(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(build("rehearse"), ["rehearse", *arguments], input=stdin, prog_name="amcloud")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def archive(folder: Path, *, name: str = "psram-exemple") -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        tar.add(folder, arcname=name)
    return written.getvalue()


def test_without_folder_nor_operator_it_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMCLOUD_DOMAIN", raising=False)
    code, _, error = run(packs.DEFAULT)
    assert code == 3
    assert "--repositories DOSSIER" in error


def hosted(*found: fleet.Known | fleet.Unknown) -> Callable[..., object]:
    class Hosted:
        def members(self) -> list[Callable[[], fleet.Known | fleet.Unknown]]:
            return [lambda one=one: one for one in found]  # type: ignore[misc]

    return lambda *_, **__: Hosted()


def known(stage: StageName) -> fleet.Known:
    context = Context(Track.HOMOLOGATION, Stage(stage.value), date(2026, 6, 1))
    return fleet.Known("cpam-a", "appli", stage, collect_files(LOOSE, commit="1" * 40), context)


def test_the_localapps_of_the_operator_are_rehearsed_with_their_evidence_and_all_rules_of_their_stage(
    draft: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "from_environment", lambda _: None)
    made = hosted(known(StageName.ACCEPTANCE), fleet.Unknown("cpam-b", "autre", "acceptance : aucun rapport"))
    monkeypatch.setattr(assembly, "fleet", made)
    _, said, _ = run(f"{draft}/")
    assert "cpam-a/appli (acceptance)" in said
    assert "PHP-004 (src/A.php:1)" in said
    assert "! cpam-b/autre" in said


def test_a_cluster_that_does_not_answer_is_could_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise UnavailableError("lecture des LocalApp : pas de réponse")

    monkeypatch.setattr(Settings, "from_environment", lambda _: None)
    monkeypatch.setattr(assembly, "fleet", unreachable)
    code, _, error = run(packs.DEFAULT)
    assert code == 2
    assert "pas de réponse" in error


@pytest.mark.parametrize("name", ["psram-exemple", ".", "a/b/psram"])
def test_a_draft_can_come_as_an_archive_on_standard_input(
    draft: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Input:
        buffer = io.BytesIO(archive(draft, name=name))

    monkeypatch.setattr("sys.stdin", Input())
    assert drafts.load("-").digest == packs.load(f"{draft}/").digest


def tampered(change: Callable[[tarfile.TarInfo], None]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        member = tarfile.TarInfo("psram/pack.yaml")
        change(member)
        content = b"x" * 10
        member.size = len(content) if member.isreg() else 0
        tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def linked(member: tarfile.TarInfo) -> None:
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"x" * 2000, id="no archive"),
        pytest.param(archive(Path(__file__)), id="no pack in it"),
        pytest.param(archive(Path(__file__).parent)[:3000], id="cut"),
        pytest.param(tampered(lambda m: setattr(m, "name", "../../pack.yaml")), id="out of the folder"),
        pytest.param(tampered(lambda m: setattr(m, "name", "/tmp/amcloud-evil/pack.yaml")), id="absolute"),
        pytest.param(
            tampered(lambda m: (setattr(m, "type", tarfile.SYMTYPE), setattr(m, "linkname", "/etc/passwd"))[0]),
            id="link",
        ),
        pytest.param(b"\0" * (drafts.MOST_BYTES + 1), id="too big"),
    ],
)
def test_what_is_no_archive_of_a_pack_is_refused(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(content)

    monkeypatch.setattr("sys.stdin", Input())
    with pytest.raises(PsramError):
        drafts.load("-")
