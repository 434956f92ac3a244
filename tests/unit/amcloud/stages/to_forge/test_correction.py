"""The patch of a note is one that git really applies, on the commit that was judged."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from amcloud.stages.to_forge import correction
from psram import packs
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Report, Stage, Track

PLAIN = b"<?php\n\nnamespace App;\n\nfinal class A\n{\n}\n"
BUNDLES = b"<?php\n\nreturn [\n    Symfony\\Bundle\\FrameworkBundle\\FrameworkBundle::class => ['all' => true],\n];\n"
DUMPED = b"<?php\n\nclass D\n{\n    public function f(): void\n    {\n        var_dump($this);\n    }\n}"


def report(files: dict[str, bytes]) -> Report:
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
    return judge(collect_files(files), packs.load(), context)


def made(files: dict[str, bytes]) -> correction.Patch:
    judged = report(files)
    found = correction.patch(judged, {path: files[path] for path in correction.wanted(judged)})
    assert found is not None
    return found


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"src/A.php": PLAIN}, id="one file"),
        pytest.param({"src/A.php": PLAIN, "src/D.php": DUMPED}, id="two rules in a file without a last line end"),
        pytest.param({"src/un fichier (1) été.php": PLAIN}, id="a name with blanks and accents"),
        pytest.param({"src/``` @all.php": PLAIN, "src/-a": b""}, id="a name with backticks"),
        pytest.param({"composer.json": b"{}", "config/bundles.php": BUNDLES}, id="the kit's bundle"),
        pytest.param({"src/T.php": b"<?php\n// \tune tabulation\nclass T {}\n"}, id="a tabulation"),
    ],
)
def test_git_applies_the_patch_and_the_rules_are_settled(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = made(files)
    assert found.files and found.text
    command = ["git", "-C", str(tmp_path), "apply", "--verbose", "-"]
    done = subprocess.run(command, input=found.text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    after = report({name: (tmp_path / name).read_bytes() for name in files})
    for rule in found.rules:
        (before,) = (r for r in report(files).results if r.rule_id == rule)
        (now,) = (r for r in after.results if r.rule_id == rule)
        assert now.findings_total < before.findings_total, rule


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("src/A.php", PLAIN.replace(b"\n", b"\r\n"), id="line ends of Windows"),
        pytest.param("src/A.php", PLAIN + b"// \xe9\n", id="not UTF-8"),
        pytest.param("src/A.php", PLAIN + b"// \x1b[31m\n", id="control characters"),
        pytest.param("src/A.php", PLAIN + "// \u202e\n".encode(), id="text that changes its direction"),
        pytest.param("src/A.php", PLAIN + b"// a\n" * 3000, id="too many lines"),
        pytest.param("src/A\n/close.php", PLAIN, id="a name on two lines"),
        pytest.param('src/"A.php', PLAIN, id="a name that git quotes"),
        pytest.param("src/A.php ", PLAIN, id="a name that ends in a blank"),
    ],
)
def test_what_a_page_and_a_clipboard_would_spoil_is_left_to_the_command(name: str, content: bytes) -> None:
    found = made({name: content, "src/B.php": PLAIN})
    assert (found.files, found.left) == (1, 1)
    assert found.text.count("--- a/") == found.text.count("--- a/src/B.php") == 1


def test_a_file_that_could_not_be_read_is_left() -> None:
    found = correction.patch(report({"src/A.php": PLAIN}), {})
    assert found == correction.Patch("", ("PHP-004",), 0, 1)


def test_nothing_mechanical_is_no_patch() -> None:
    assert correction.patch(report({"src/A.php": b"<?php\n\ndeclare(strict_types=1);\nclass A {}\n"}), {}) is None


def test_a_patch_is_bounded_and_so_is_what_is_read_for_it() -> None:
    files = {f"src/{'a' * 200}/A{number}.php": PLAIN for number in range(100)}
    judged = report(files)
    assert len(correction.wanted(judged)) == correction.FILES_MOST
    found = correction.patch(judged, files)
    assert found is not None and len(found.text) <= correction.PATCH_MOST and found.files + found.left == 100
