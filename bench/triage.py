"""What the blocking rules say of PHP packages that nobody wrote for them, each finding triaged: right or wrong.

``python -m bench.triage [FOLDER …]`` checks each tree (those of :mod:`bench.corpus` by default) as an application of
its own, committed and read as the platform does. Every blocking rule that decides from the sources is asked; each
finding is judged by ``bench/triage.yaml``. It prints the page; ``--write PAGE`` keeps it, ``--check PAGE`` compares it
with the one kept, ``--list`` prints each finding with its judgement. Exit 1 when a finding is judged by nothing, when a
line of ``triage.yaml`` judges nothing any more (whole corpus only), or when the page kept is another one.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from bench import corpus, triage_page
from bench.figures import say
from bench.triage_page import TO_TRIAGE, Judged, Tree
from psram import packs, worker
from psram.asking import Answers
from psram.facts import Facts
from psram.judge import verdict
from psram.model import Context, DecidedBy, Finding, Moment, Pack, Php, Rule, RuleResult, Severity, Stage, Track
from psram.worker.protocol import Ask, Request

DATA: Final = Path(__file__).with_name("triage.yaml")
CONTEXT: Final = Context(
    Track.LABELLISATION, Stage.PRODUCTION, date(2026, 6, 1), package_sources=(), base_images=()
)  # the strictest there is: what blocks elsewhere blocks here
STATEMENT_LINES: Final = 40
_ENDED: Final = re.compile(r";\s*(?:(?://|#|\?>).*)?$")


class Kind(NamedTuple):
    """A line of ``triage.yaml``: findings of a rule that these patterns match have this verdict, for this reason.

    ``code`` is a regular expression, looked for in the statement where the finding is.
    """

    rule: str
    path: str
    said: str
    verdict: str
    reason: str
    code: str = ""

    def judges(self, rule: str, path: str, finding: Finding, code: str) -> bool:
        """Whether it speaks of this finding; ``path`` begins with the tree's name, ``code`` is its statement."""
        texts = ((f"/{path}", self.path), (_flat(finding.message), self.said))
        same = rule == self.rule and all(fnmatch.fnmatchcase(text, pattern) for text, pattern in texts)
        return same and re.search(self.code, code) is not None


class Data(NamedTuple):
    """``triage.yaml``: what "justifié" means for each rule, rules without object, kinds of findings in order."""

    rules: Mapping[str, Mapping[str, str]]
    without_object: Mapping[str, str]
    kinds: Sequence[Kind]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page; 1 when something is not triaged."""
    parser = argparse.ArgumentParser(description="Trie ce que les règles bloquantes trouvent dans un corpus.")
    parser.add_argument("folders", nargs="*", type=Path, help="arbres à lire (ceux du corpus sans argument)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="page à écrire")
    parser.add_argument("--check", type=Path, metavar="PAGE", help="page gardée, à comparer")
    parser.add_argument("--list", action="store_true", help="chaque constat, plutôt que la page")
    given = parser.parse_args(argv)
    data, pack = load(), packs.load()
    trees = [tree_of(folder, pack, data.kinds) for folder in given.folders or corpus.trees()]
    page = triage_page.page(trees, data.rules, data.without_object)
    sys.stdout.write(triage_page.listed(trees) if given.list else page)
    if given.write is not None:
        given.write.write_text(page, "utf-8")
    wrong = list(_wrong(trees, data, whole=not given.folders))
    if given.check is not None and given.check.read_text("utf-8") != page:
        wrong.append(f"{given.check} dit autre chose : lisez ce qui a changé, puis --write {given.check}")
    for said in wrong:
        say(said)
    return 1 if wrong else 0


def load(path: Path = DATA) -> Data:
    """The data of the triage."""
    read: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return Data(read["rules"], read["without_object"], [Kind(**kind) for kind in read["kinds"]])


def can_block(rule: Rule) -> bool:
    """Whether the rule can refuse an application by itself, somewhere."""
    given = (*rule.severity.values(), *(graver.severity for graver in rule.graver))
    return Severity.BLOCKING in given or bool(rule.gravest)


def decides_from_sources(rule: Rule) -> bool:
    """Whether the commit alone, without pipeline, portal, forge nor signature, can make the rule refuse."""
    blocks = Severity.BLOCKING in rule.severity.values() or bool(rule.gravest)
    return blocks and rule.decided_by is DecidedBy.ENGINE and rule.moment is Moment.SOURCE and not rule.needs


def tree_of(folder: Path, pack: Pack, kinds: Sequence[Kind]) -> Tree:
    """What the pack says of the folder, committed as an application of that name; each blocking finding judged.

    Raises:
        RuntimeError: the folder cannot be read.
    """
    say(f"lecture de {folder.name}")
    facts = _facts(folder)
    answers = Answers(facts, CONTEXT)
    report = verdict(facts, pack, CONTEXT, answers)
    asked = {rule.id: rule for rule in pack.rules if decides_from_sources(rule)}
    found = [
        judged(folder, result.rule_id, finding, kinds)
        for result in report.results
        if result.rule_id in asked and result.blocks and result.rule_id in answers.given
        for finding in _blocking(asked[result.rule_id], result, answers.given[result.rule_id].findings)
    ]
    left = [r.rule_id for r in report.results if r.rule_id in asked and r.rule_id not in answers.given]
    return Tree(folder.name, len(facts.files), tuple(sorted(found)), tuple(left))


def _facts(folder: Path) -> Facts:
    with tempfile.TemporaryDirectory(prefix="amcloud-triage-") as made:
        corpus.commit_of(folder, Path(made))
        answer = worker.run(Request(Ask.COMMIT, made, php=Php()))
    if answer.facts is None or answer.facts.truncated or answer.facts.syntax is None:
        raise RuntimeError(f"{folder} : {answer.usage or answer.problem or 'arbre lu en partie, ou sans PHP 8.2'}")
    return answer.facts


def _blocking(rule: Rule, result: RuleResult, found: Sequence[Finding]) -> Iterator[Finding]:
    """The findings that block: all of them, but of a rule that is blocking for its gravest ones alone, these."""
    if rule.severity_for(CONTEXT.track, CONTEXT.stage) is Severity.BLOCKING:
        yield from found or (Finding(result.missing_evidence),)
        return
    grave = [*rule.params.get("blocking", ()), "accents graves"]
    yield from (finding for finding in found if any(name in finding.message for name in grave))


def judged(folder: Path, rule: str, finding: Finding, kinds: Iterable[Kind]) -> Judged:
    """The finding and the first kind that it is of."""
    path, code = f"{folder.name}/{finding.path}", _statement(folder, finding)
    place = f"{path}:{finding.line}" if finding.line else path
    kind = next((kind for kind in kinds if kind.judges(rule, path, finding, code)), None)
    verdict, reason = (kind.verdict, kind.reason) if kind else ("", TO_TRIAGE)
    return Judged(rule, folder.name, place, _flat(finding.message), verdict, reason)


def _statement(folder: Path, finding: Finding) -> str:
    """The finding's line and those after it, to the one that ends with a semicolon, on one line."""
    place = folder / finding.path
    if not finding.line or place.is_symlink() or not place.is_file():
        return ""
    read: list[str] = []
    for line in place.read_text("utf-8", "replace").split("\n")[finding.line - 1 :][:STATEMENT_LINES]:
        read.append(line)
        if _ENDED.search(line):
            break
    return _flat(" ".join(read))


def _wrong(trees: Sequence[Tree], data: Data, *, whole: bool) -> Iterator[str]:
    found = [judged for tree in trees for judged in tree.found]
    for one in found:
        if not one.verdict:
            yield f"à trier dans bench/triage.yaml : {one.rule} {one.place} {one.said}"
    if whole:
        used = {(one.rule, one.verdict, one.reason) for one in found}
        for kind in data.kinds:
            if (kind.rule, kind.verdict, kind.reason) not in used:
                yield f"une ligne de bench/triage.yaml ne juge plus rien : {kind.rule} {kind.path} {kind.said}"
        for rule in data.rules.keys() - {one.rule for one in found}:
            if "none" not in data.rules[rule]:
                yield f"{rule} ne trouve rien : dites pourquoi dans bench/triage.yaml (none)"


def _flat(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
