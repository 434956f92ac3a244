"""Secrets that earlier commits hold, read in real repositories with git."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import msgspec
import pytest

from psram import examples, packs
from psram.facts import Facts, Gap, History
from psram.judge import judge
from psram.model import Context, Limits, RuleResult, Stage, Track, Verdict
from psram.worker import run
from psram.worker.protocol import Ask, Request
from psram.worker.store import FactCache

KEY = examples.composed("a8F3kLq92@@MzXv7TbR4nYw1")
LEAK = f"<?php\n$apiKey = '{KEY}';\n"


class Repository:
    """A repository made here, commit by commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example")
        argv = ["git", *identity, "-C", str(self.folder), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, **files: str | None) -> str:
        """A commit that writes these files (``None`` removes one); in a name ``__`` is ``/`` and ``_php`` a suffix."""
        for name, content in files.items():
            path = self.folder / name.replace("__", "/").replace("_php", ".php")
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content, "utf-8")
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "depot")


def read(path: Path, ask: Ask = Ask.COMMIT, limits: Limits | None = None) -> Facts:
    answer = run(Request(ask, str(path), limits=limits or Limits()))
    assert answer.facts is not None, answer.problem or answer.usage
    return answer.facts


def history(path: Path, ask: Ask = Ask.COMMIT, limits: Limits | None = None) -> History:
    found = read(path, ask, limits).history
    assert found is not None
    return found


def test_a_secret_that_was_removed_is_found_with_the_commit_that_brought_it(repository: Repository) -> None:
    repository.commit(a_php="<?php\n")
    guilty = repository.commit(src__Client_php=LEAK)
    repository.commit(src__Client_php=None)
    repository.commit(a_php="<?php\n\n")
    found = history(repository.folder)
    assert [(s.commit, s.path, s.mark.line) for s in found.secrets] == [(guilty, "src/Client.php", 2)]
    assert (found.commits, found.complete, found.problem) == (4, True, "")
    assert KEY not in str(found)


def test_a_secret_that_is_still_there_is_the_trees_not_historys(repository: Repository) -> None:
    repository.commit(a_php=LEAK)
    repository.commit(b_php="<?php\n")
    facts = read(repository.folder)
    assert facts.history is not None
    assert facts.history.secrets == ()
    assert sum(len(blob.secrets) for blob in facts.blobs.values()) == 1


def test_a_side_branch_that_was_merged_counts_and_one_that_was_not_does_not(repository: Repository) -> None:
    repository.commit(a_php="<?php\n")
    repository.git("checkout", "--quiet", "-b", "autre")
    merged = repository.commit(b_php=LEAK)
    repository.commit(b_php=None)
    repository.git("checkout", "--quiet", "main")
    repository.commit(c_php="<?php\n")
    assert history(repository.folder).secrets == ()
    repository.git("merge", "--quiet", "--no-ff", "-m", "fusion", "autre")
    assert [s.commit for s in history(repository.folder).secrets] == [merged]


def test_history_that_was_rewritten_no_longer_counts(repository: Repository) -> None:
    repository.commit(a_php="<?php\n")
    repository.commit(b_php=LEAK)
    repository.commit(b_php=None)
    repository.git("checkout", "--quiet", "--orphan", "propre")
    repository.commit(a_php="<?php\n")
    assert history(repository.folder).secrets == ()


def test_the_work_tree_is_read_on_top_of_its_history(repository: Repository) -> None:
    repository.commit(a_php=LEAK)
    (repository.folder / "a.php").write_text("<?php\n", "utf-8")
    assert [s.path for s in history(repository.folder, Ask.WORKTREE).secrets] == ["a.php"]


def test_a_folder_of_a_repository_has_its_own_history(repository: Repository) -> None:
    repository.commit(un__a_php=LEAK, deux__b_php="<?php\n")
    repository.commit(un__a_php="<?php\n")
    assert history(repository.folder / "deux", Ask.WORKTREE).secrets == ()
    assert [s.path for s in history(repository.folder / "un", Ask.WORKTREE).secrets] == ["a.php"]


def test_a_folder_without_git_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.php").write_text("<?php\n", "utf-8")
    assert read(tmp_path, Ask.WORKTREE).history is None


def test_a_shallow_copy_is_said_to_be_one(repository: Repository, tmp_path: Path) -> None:
    repository.commit(a_php=LEAK)
    repository.commit(a_php="<?php\n")
    copy = tmp_path / "copie.git"
    subprocess.run(
        ["git", "clone", "--quiet", "--bare", "--depth=1", f"file://{repository.folder}", str(copy)], check=True
    )
    found = history(copy)
    assert (found.secrets, found.complete, found.commits, found.gap) == ((), False, 1, Gap.SHALLOW)
    assert "1 commit" in found.problem


@pytest.mark.parametrize(
    ("limits", "problem", "gap"),
    [
        pytest.param(Limits(history_commits=2), "2 derniers commits", Gap.BEYOND, id="commits"),
        pytest.param(Limits(history_bytes=1), "2 contenus anciens restent à lire", Gap.LONG, id="bytes"),
        pytest.param(Limits(history_timeout_s=0.0001), "lecture de l'historique", Gap.FAILED, id="time"),
    ],
)
def test_beyond_a_bound_history_is_said_to_be_read_in_part(
    repository: Repository, limits: Limits, problem: str, gap: Gap
) -> None:
    repository.commit(a_php=LEAK)
    repository.commit(a_php="<?php\n// 1\n")
    repository.commit(a_php="<?php\n// 2\n")
    found = history(repository.folder, limits=limits)
    assert (found.complete, found.gap) == (False, gap)
    assert problem in found.problem


def test_a_history_too_long_for_one_reading_is_read_in_several_to_its_end(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit(a_php="<?php\n// 1\n")
    repository.commit(a_php=LEAK)
    for number in range(6):
        repository.commit(a_php=f"<?php\n// {number} {'x' * 50}\n")
    cache, limits = FactCache(tmp_path / "cache"), Limits(history_bytes=130)
    said = []
    for _ in range(9):
        facts = run(Request(Ask.COMMIT, str(repository.folder), limits=limits), cache=cache).facts
        assert facts is not None
        assert facts.history is not None
        said.append(facts.history.problem)
        if facts.history.complete:
            break
    assert [s.partition(" ")[0] for s in said] == ["4", "2", ""]
    assert facts == read(repository.folder)
    assert facts.history.secrets


def verdict(path: Path, history: History) -> RuleResult:
    """What SEC-001 says of a tree without secret and this history."""
    facts = msgspec.structs.replace(read(path), history=history)
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1), package_sources=())
    (found,) = (r for r in judge(facts, packs.load(packs.DEFAULT), context).results if r.rule_id == "SEC-001")
    return found


@pytest.mark.parametrize(
    ("gap", "confirm", "giver"),
    [
        pytest.param(Gap.SHALLOW, True, "plateforme", id="a shallow copy"),
        pytest.param(Gap.FAILED, True, "plateforme", id="git could not list it"),
        pytest.param(Gap.LONG, True, "plateforme", id="more than one reading bears"),
        pytest.param(Gap.BEYOND, False, "auditeur", id="more than is ever read"),
        pytest.param(Gap.HOSTILE, False, "auditeur", id="contents that stop the reading"),
    ],
)
def test_a_history_in_part_decides_nothing_and_blocks(
    repository: Repository, gap: Gap, confirm: bool, giver: str
) -> None:
    commit = repository.commit(a_php="<?php\n")
    said = verdict(repository.folder, History(commit, 1, 0, complete=False, problem="lu jusqu'ici", gap=gap))
    assert (said.verdict, said.blocks, said.to_confirm, said.giver) == (Verdict.UNKNOWN, True, confirm, giver)
    assert "lu jusqu'ici" in said.missing_evidence
    assert verdict(repository.folder, History(commit, 1, 0)).verdict is Verdict.CONFORMING


def test_what_a_history_in_part_does_hold_counts(repository: Repository) -> None:
    repository.commit(a_php=LEAK)
    commit = repository.commit(a_php="<?php\n")
    whole = history(repository.folder)
    part = msgspec.structs.replace(whole, commit=commit, complete=False, problem="lu jusqu'ici", gap=Gap.SHALLOW)
    assert verdict(repository.folder, part).verdict is Verdict.VIOLATED


def test_no_history_is_read_when_none_is_asked_for(repository: Repository) -> None:
    repository.commit(a_php=LEAK)
    repository.commit(a_php="<?php\n")
    assert read(repository.folder, limits=Limits(history_commits=0)).history is None


@pytest.mark.parametrize("name", ["\nfuite.php", "src/\nfuite.php", "fuite\n.php"])
def test_a_name_that_begins_with_an_end_of_line_hides_nothing(
    repository: Repository, tmp_path: Path, name: str
) -> None:
    cache = FactCache(tmp_path / "cache")
    first = repository.commit(a_php="<?php\n")
    run(Request(Ask.COMMIT, str(repository.folder), first), cache=cache)
    guilty = repository.commit(**{name: LEAK})
    repository.commit(**{name: None})
    warm = run(Request(Ask.COMMIT, str(repository.folder)), cache=cache).facts
    assert warm is not None
    assert warm.history == history(repository.folder)
    assert [(s.commit, s.mark.line) for s in warm.history.secrets] == [(guilty, 2)]


def test_a_hostile_history_is_read_like_any_other(repository: Repository) -> None:
    """Attributes and a text conversion would act on a difference; none is made."""
    trap = repository.folder / "piege"
    repository.git("config", "diff.mien.textconv", f"touch {trap};cat")
    (repository.folder / ".gitattributes").write_text("*.php diff=mien export-ignore\n", "utf-8")
    guilty = repository.commit(a_php=LEAK)
    (repository.folder / "nom\nétrange .php").write_text(LEAK, "utf-8")
    repository.commit()
    (repository.folder / "nom\nétrange .php").unlink()
    repository.commit(a_php="<?php " + "(" * 100_000)
    repository.commit(a_php="<?php\n")
    assert [s.commit for s in history(repository.folder).secrets] == [guilty]
    assert not trap.exists()
