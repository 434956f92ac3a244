"""Real git repositories made to harm: each ends in a clear outcome, in bounded time and memory."""

from __future__ import annotations

import io
import resource
import subprocess
import tarfile
import time
from datetime import date
from pathlib import Path

import pytest

from psram import packs, worker
from psram.collect import collect, collect_worktree
from psram.errors import UsageError
from psram.facts import Kind, Skip
from psram.judge import judge
from psram.model import Context, Limits, Report, ReportVerdict, Stage, Track, Verdict
from psram.worker.pool import MAX_HOSTILE
from psram.worker.protocol import Ask, Request

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, "-C", str(folder), *arguments], input=stdin, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def repository(folder: Path, files: dict[str, bytes]) -> Path:
    git(folder.parent, "init", "-q", str(folder))
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", "exemple")
    return folder


def raw_tree(folder: Path, entries: list[tuple[str, bytes, str]]) -> str:
    """A commit of a tree written byte by byte, with names that git's commands refuse."""
    body = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(blob) for mode, name, blob in entries)
    tree = git(folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=body)
    return git(folder, "commit-tree", tree, "-m", "exemple")


def request_of(folder: Path, limits: Limits | None = None, commit: str = "HEAD") -> Request:
    return Request(Ask.COMMIT, str(folder), commit, "psram-2026.1", CONTEXT, limits=limits or Limits())


def report_of(folder: Path, commit: str = "HEAD", limits: Limits | None = None) -> Report:
    answer = worker.run(request_of(folder, limits, commit))
    assert answer.report is not None, answer
    return answer.report


def result(report: Report, rule_id: str) -> Verdict:
    return next(r.verdict for r in report.results if r.rule_id == rule_id)


def test_an_empty_repository_has_no_commit_and_says_so(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "vide.git")
    with pytest.raises(UsageError, match="n'a pas encore de commit"):
        collect(tmp_path / "vide.git", "HEAD")


def test_a_folder_that_is_not_a_repository_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dépôt git"):
        collect(tmp_path, "HEAD")


def test_a_commit_without_composer_json_is_refused_by_cmp_001_and_dependants_are_not_evaluated(tmp_path: Path) -> None:
    report = report_of(repository(tmp_path / "a", {"README.md": b"x"}))
    assert result(report, "CMP-001") is Verdict.VIOLATED
    assert result(report, "SYM-002") is Verdict.NOT_EVALUATED
    assert report.verdict is ReportVerdict.VIOLATED


@pytest.mark.parametrize("content", [b"{,}", b"\xff\xfe", b"[" * 100_000, b"[]", b"1" * 5000], ids=range(5))
def test_a_composer_json_that_is_not_json_is_one_clear_reason(tmp_path: Path, content: bytes) -> None:
    report = report_of(repository(tmp_path / "a", {"composer.json": content}))
    found = next(r for r in report.results if r.rule_id == "CMP-001")
    assert found.verdict is Verdict.VIOLATED
    assert found.findings[0].message.startswith("composer.json")


def test_a_link_out_of_the_tree_and_a_submodule_are_findings_and_are_not_followed(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {"a.txt": b"x"})
    (folder / "fuite").symlink_to("../../../etc/passwd")
    git(folder, "add", "fuite")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib/outil")
    git(folder, "commit", "-q", "-m", "liens")
    facts = collect(folder, "HEAD")
    kinds = {f.path: f.kind for f in facts.files}
    assert kinds == {"a.txt": Kind.FILE, "fuite": Kind.LINK, "lib/outil": Kind.SUBMODULE}
    gov = next(r for r in judge(facts, packs.load(), CONTEXT).results if r.rule_id == "GOV-007")
    assert [f.path for f in gov.findings] == ["fuite", "lib/outil"]


def test_names_with_newlines_dots_and_bytes_that_are_not_utf8_are_data(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "a.git")
    folder = tmp_path / "a.git"
    blob = git(folder, "hash-object", "-w", "--stdin", stdin=b"<?php\neval('1');\n")
    inner = git(folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=b"")
    assert inner
    entries = [("100644", b"..", blob), ("100644", b"\xff\xfe.php", blob), ("100644", b"a\nb.php", blob)]
    report = report_of(folder, raw_tree(folder, entries))
    php = next(r for r in report.results if r.rule_id == "PHP-006")
    assert [f.path for f in php.findings] == ["..", "\\xff\\xfe.php", "a\nb.php"]
    assert "\n" not in report.sentence
    gov = next(r for r in report.results if r.rule_id == "GOV-007")
    assert [f.path for f in gov.findings] == [".."]


HIDING = b"""[attr]private export-ignore
/tests export-ignore
src/*.php export-ignore
/docs/interne/ private
*.md export-ignore
README.md -export-ignore
"""
NO_WORD = b"*.php text eol=lf\nvar/ linguist-generated\n"


def test_export_ignore_hides_nothing_and_the_report_names_what_archives_leave_out(tmp_path: Path) -> None:
    names = ("README.md", "LISEZMOI.md", "src/A.php", "src/B/C.php", "tests/T.php", "docs/interne/x.txt", "docs/y.txt")
    files = {".gitattributes": HIDING, **dict.fromkeys(names, b"<?php\neval('1');\n")}
    folder = repository(tmp_path / "a", files)
    report = report_of(folder)
    assert result(report, "PHP-006") is Verdict.VIOLATED
    archive = subprocess.run(["git", "-C", folder, "archive", "HEAD"], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        left_out = {*names} - {member.name for member in opened}
    assert (
        report.hidden
        == tuple(sorted(left_out))
        == (
            "LISEZMOI.md",
            "docs/interne/x.txt",
            "src/A.php",
            "tests/T.php",
        )
    )


@pytest.mark.parametrize("where", [".gitattributes", "src/.gitattributes"])
def test_what_is_hidden_is_told_from_any_folder_and_nothing_is_where_nothing_hides(tmp_path: Path, where: str) -> None:
    sources = {"src/A.php": b"<?php\n", "src/B.php": b"<?php\n"}
    hiding = repository(tmp_path / "a", {where: b"A.php export-ignore\n", **sources})
    assert report_of(hiding).hidden == ("src/A.php",)
    plain = repository(tmp_path / "b", {where: NO_WORD, **sources})
    assert report_of(plain).hidden == ()


def test_a_replace_reference_deceives_nobody(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {"src/A.php": b"<?php\neval('1');\n"})
    good = git(folder, "hash-object", "-w", "--stdin", stdin=b"<?php\n")
    git(folder, "replace", git(folder, "rev-parse", "HEAD:src/A.php"), good)
    assert result(report_of(folder), "PHP-006") is Verdict.VIOLATED


def test_a_200_mb_file_is_never_loaded(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {"a.txt": b"x"})
    big = tmp_path / "big"
    with big.open("wb") as opened:
        opened.truncate(200 * 1024 * 1024)
    blob = git(folder, "hash-object", "-w", str(big))
    git(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob},data/gros.php")
    git(folder, "commit", "-q", "-m", "gros")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    facts = collect(folder, "HEAD")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    assert {f.path: f.skipped for f in facts.files}["data/gros.php"] is Skip.TOO_BIG
    assert result(judge(facts, packs.load(), CONTEXT), "GOV-007") is Verdict.VIOLATED


def test_fifty_thousand_files_take_bounded_time(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "a.git")
    stream = [b"commit refs/heads/main\ncommitter E <e@amcloud.example> 0 +0000\ndata 1\nx\n"]
    for i in range(50_000):
        body = b"<?php\n\ndeclare(strict_types=1);\n\nreturn %d;\n" % i
        stream.append(b"M 100644 inline src/d%d/f%d.php\ndata %d\n%s\n" % (i % 100, i, len(body), body))
    git(tmp_path / "a.git", "fast-import", "--quiet", stdin=b"".join(stream))
    start = time.monotonic()
    report = report_of(tmp_path / "a.git", "main")
    assert time.monotonic() - start < 60
    assert report.files == 50_000


def test_too_many_files_is_undecided_not_half_decided(tmp_path: Path) -> None:
    files = {f"src/f{i}.php": b"<?php\n" for i in range(30)}
    report = report_of(repository(tmp_path / "a", files), limits=Limits(max_files=20))
    assert report.verdict is ReportVerdict.UNKNOWN
    assert "20 fichiers" in report.blocking()[0].missing_evidence


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("a.php", b"<?php\n" + b"[" * 100_000, id="unbalanced brackets"),
        pytest.param("b.php", b"<?php\n$a = " + b"(" * 450_000 + b"1" + b")" * 450_000 + b";", id="balanced brackets"),
        pytest.param("c.php", b"<?php\n" + b"if (1) {} else" * 70_000 + b" {}", id="elseif"),
        pytest.param("d.php", b"<?php\n$a = " + b"'a' . " * 150_000 + b"'b';", id="concatenations"),
        pytest.param("e.php", b"<?php\n$a = " + b"!" * 900_000 + b"1;", id="not not not"),
        pytest.param("config/f.yaml", b"[" * 500_000, id="YAML brackets"),
        pytest.param("config/g.yaml", b"- " * 500_000, id="YAML sequences"),
        pytest.param("config/h.yaml", b"? " * 500_000, id="YAML keys"),
        pytest.param(
            "config/i.yaml",
            b"a0: &a0 [x]\n"
            + b"".join(b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 30)),
            id="YAML alias bomb",
        ),
        pytest.param("config/j.yaml", b"".join(b" " * i + b"k:\n" for i in range(1200)), id="YAML indentation"),
        pytest.param("migrations/k.sql", b"$a$" * 300_000, id="SQL dollars"),
        pytest.param("migrations/l.sql", b"create policy " * 70_000, id="SQL without end"),
        pytest.param("templates/m.html.twig", b"{{" * 500_000, id="Twig without end"),
        pytest.param("templates/n.html.twig", b"organisation '" * 70_000, id="Twig codes"),
        pytest.param("o.txt", b"password=" + b"a1" * 500_000, id="one-line secret"),
        pytest.param("p.txt", b"a://b:" * 170_000, id="addresses"),
        pytest.param("q.txt", b"1 84 12 67 482 001 " * 50_000, id="numbers"),
        pytest.param("Dockerfile", b"FROM a \\\n" * 100_000, id="Dockerfile continuation"),
        pytest.param(".env", b"A=" + b"b" * 1_000_000, id="dotenv"),
        pytest.param(
            "r.php", b"<?php\n" + b"$s = 'SELECT 1 FROM t' . $x; $c->executeQuery($s);\n" * 19_000, id="many sites"
        ),
        pytest.param("s.php", b"<?php\n" + b"namespace A;\nuse " + b"B\\" * 400_000 + b"C;", id="long name"),
    ],
)
def test_a_hostile_file_neither_kills_nor_hangs_the_controller(tmp_path: Path, path: str, content: bytes) -> None:
    folder = repository(tmp_path / "a", {path: content[: 1024 * 1024]})
    start = time.monotonic()
    report = report_of(folder, limits=Limits(cpu_s=20, timeout_s=30))
    assert time.monotonic() - start < 30
    assert report.verdict in (ReportVerdict.VIOLATED, ReportVerdict.UNKNOWN)


HUNGRY = b"<?php\n$a = " + b"[" * 480 + b"1" + b"]" * 480 + b";\n" + b"$b = $c + $d * $e;\n" * 40_000
"""Needs much more memory than its size."""


def test_a_content_that_kills_its_worker_costs_itself_only(tmp_path: Path) -> None:
    files = {f"src/f{i}.php": b"<?php\neval('%d');\n" % i for i in range(5)}
    folder = repository(tmp_path / "a", {**files, "src/faim.php": HUNGRY})
    answer = worker.run(request_of(folder, Limits(memory_bytes=120 * 1024 * 1024)))
    assert answer.facts is not None
    assert {f.path: f.skipped for f in answer.facts.files}["src/faim.php"] is Skip.HOSTILE
    assert sum(blob.php is not None for blob in answer.facts.blobs.values()) == len(files)
    assert answer.report is not None
    refused = next(r for r in answer.report.results if r.rule_id == "PHP-006")
    assert [f.path for f in refused.findings] == sorted(files)
    syntax = next(r for r in answer.report.results if r.rule_id == "PHP-001")
    assert syntax.verdict is Verdict.UNKNOWN
    assert [f.path for f in syntax.findings if "arrête l'analyse" in f.message] == ["src/faim.php"]
    secrets = next(r for r in answer.report.results if r.rule_id == "SEC-001")
    assert secrets.verdict is Verdict.UNKNOWN  # nobody looked into it for secrets either


def test_when_no_worker_can_begin_all_is_undecided_with_a_reason(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {"a.txt": b"x" * 1_000_000})
    report = report_of(folder, limits=Limits(memory_bytes=1024))
    assert report.verdict is ReportVerdict.UNKNOWN
    assert "interrompue" in report.blocking()[0].missing_evidence
    assert len(report.sentence) <= 255


def test_more_killers_than_any_application_has_end_the_analysis(tmp_path: Path) -> None:
    files = {f"src/f{i}.php": HUNGRY + b"// %d\n" % i for i in range(MAX_HOSTILE + 1)}
    folder = repository(tmp_path / "a", files)
    answer = worker.run(request_of(folder, Limits(memory_bytes=120 * 1024 * 1024)))
    assert "arrêtent l'analyse" in answer.problem
    assert answer.report is not None
    assert answer.report.verdict is ReportVerdict.UNKNOWN


def test_a_worker_inherits_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from psram.worker.programs import environment

    monkeypatch.setenv("AMCLOUD_FORGE_TOKEN", "exemple")
    assert "AMCLOUD_FORGE_TOKEN" not in environment()


def test_the_work_tree_is_checked_with_what_is_not_committed_and_names_it(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {"src/A.php": b"<?php\n", "src/B.php": b"<?php\n", ".gitignore": b"ignore\n"})
    (folder / "src/A.php").write_bytes(b"<?php\neval('1');\n")
    (folder / "src/B.php").unlink()
    (folder / "src/C.php").write_bytes(b"<?php\n")
    (folder / "ignore").write_bytes(b"x")
    (folder / "src/lien").symlink_to("/etc/passwd")
    facts = collect_worktree(folder)
    assert facts.uncommitted == ("src/A.php", "src/B.php", "src/C.php", "src/lien")
    assert [f.path for f in facts.files] == [".gitignore", "src/A.php", "src/C.php", "src/lien"]
    assert result(judge(facts, packs.load(), CONTEXT), "PHP-006") is Verdict.VIOLATED


def test_a_sub_folder_of_a_repository_is_checked_alone(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {"app/a.txt": b"x", "ailleurs/A.php": b"<?php\neval('1');\n"})
    (folder / "app/b.txt").write_bytes(b"y")
    for facts in (collect_worktree(folder / "app"), collect(folder / "app", "HEAD")):
        assert facts.files[0].path == "a.txt"
        assert all("ailleurs" not in f.path for f in facts.files)
    assert collect_worktree(folder / "app").uncommitted == ("b.txt",)


def test_a_folder_without_git_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/A.php").write_bytes(b"<?php\neval('1');\n")
    facts = collect_worktree(tmp_path)
    assert facts.commit == ""
    assert [f.path for f in facts.files] == ["src/A.php"]


def test_settings_of_a_repository_start_no_program(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {"a.txt": b"x"})
    proof = tmp_path / "proof"
    git(folder, "config", "core.fsmonitor", f"touch {proof} #")
    git(folder, "config", "core.hooksPath", str(tmp_path))
    collect_worktree(folder)
    assert not proof.exists()
