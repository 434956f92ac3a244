"""The one note of a merge request: a verdict, and what to do about it, in GitLab's Markdown. Pure.

What a repository or a person wrote goes through ``markdown`` and can do nothing; the norms' own words are shown with it
too. A note that would be too long says less, section by section, and always fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from amcloud.stages.to_forge import asides
from amcloud.stages.to_forge.asides import NOBODY, Help
from amcloud.stages.to_forge.contests import Contest
from amcloud.stages.to_forge.correction import Patch
from amcloud.stages.to_forge.markdown import block, code, link, place, text
from psram.model import Action, Giver, Report, ReportVerdict, RuleResult, Verdict
from psram.path import duration
from psram.reports import FORMATS, projection
from psram.reports.baseline import Comparison, compare
from psram.reports.baseline import State as Seen
from psram.reports.places import unlisted
from psram.rules import Moment, Stage

__all__ = ["LONGEST", "Around", "Help", "body", "marker", "unread"]

LONGEST: Final = 60_000
"""GitLab takes a million characters; nobody reads them, and its browser pages suffer long before."""
RULES_MOST: Final = 20
WORDS_MOST: Final = 600
_FORMS: Final = (("SARIF", "sarif"), ("Code Quality", "codequality"))
_HEAD: Final = "amcloud-note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the note tells besides the report. ``counted``: moments whose rules count where the branch leads."""

    app: str
    """``namespace/name`` of the LocalApp."""
    web_url: str
    """The project's address on the forge."""
    target: str
    """Branch that the merge request leads to."""
    counted: frozenset[Moment] = frozenset()
    previous: Report | None = None
    """Report of the target branch's own newest commit."""
    report_url: str = ""
    rationales: Mapping[str, str] = field(default_factory=dict)
    """Why each rule is there, by its id."""
    informative: bool = False
    """Whether nothing is refused whatever the verdict (filière hors-standard)."""
    patch: Patch | None = None
    help: Help = NOBODY
    contests: tuple[Contest, ...] = ()


@dataclass(frozen=True, slots=True)
class _Room:
    """How much is told."""

    rules: int
    places: int
    words: int
    patch: bool


_ROOMS: Final = (
    _Room(RULES_MOST, 5, WORDS_MOST, patch=True),
    _Room(RULES_MOST, 5, WORDS_MOST, patch=False),
    _Room(RULES_MOST, 2, 300, patch=False),
    _Room(5, 1, 200, patch=False),
)


def marker(app: str) -> str:
    """First line of the note, which nobody sees: with its author, it tells the note from all others."""
    return f"<!-- {_HEAD} {app} -->"


def body(report: Report, around: Around) -> str:
    """The note's text, at most :data:`LONGEST` characters; the same inputs give the same text."""
    compared = compare(report, around.previous) if around.previous is not None else None
    told = ""
    for room in _ROOMS:
        sections = _sections(report, around, compared, room)
        told = "\n\n".join([marker(around.app), *(section for section in sections if section)]) + "\n"
        if len(told) <= LONGEST:
            break
    return told


def unread(commit: str, why: str, around: Around) -> str:
    """The note of a commit that could not be judged at all: too big, hidden, not to be read."""
    sections = [
        marker(around.app),
        "### ? AM Cloud : commit non vérifié",
        f"Commit {link(code(commit[:8], most=8), f'{around.web_url}/-/commit/{commit}')}. {text(why, most=WORDS_MOST)}",
        asides.help_section("", around.help, blocked=False),
    ]
    return "\n\n".join(sections) + "\n"


def _sections(report: Report, around: Around, compared: Comparison | None, room: _Room) -> Iterator[str]:
    blocking = report.blocking(around.counted)
    yield _title(report, blocking, around)
    yield _subject(report, around)
    yield _since(report, around, compared, room)
    for result in blocking[: room.rules]:
        yield _rule(result, report, around, compared, room)
    if len(blocking) > room.rules:
        yield f"… et {len(blocking) - room.rules} autres règles, dans le {_whole(around)}."
    yield _path(report, around, room) if blocking or _work(report) else ""
    if around.patch is not None:
        yield _patch(around.patch, shown=room.patch)
    yield _besides(report, blocking, around)
    yield asides.contests(around.contests)
    yield asides.help_section(blocking[0].rule_id if blocking else "", around.help, blocked=bool(blocking))


def _title(report: Report, blocking: tuple[RuleResult, ...], around: Around) -> str:
    verdict = report.verdict_for(around.counted)
    symbol, label = projection.REPORT_SYMBOLS[verdict], projection.REPORT_VERDICTS[verdict]
    return f"### {symbol} AM Cloud : {label.lower()}{_why(verdict, len(blocking))}"


def _why(verdict: ReportVerdict, number: int) -> str:
    several = number > 1
    match verdict:
        case ReportVerdict.CONFORMING:
            return ", rien ne bloque"
        case ReportVerdict.VIOLATED:
            return f", {number} règles bloquent" if several else ", une règle bloque"
        case ReportVerdict.UNKNOWN:
            return (
                f", {number} règles n'ont pas pu être vérifiées" if several else ", une règle n'a pas pu être vérifiée"
            )
    assert_never(verdict)


def _subject(report: Report, around: Around) -> str:
    commit = link(code(report.commit[:8], most=8), f"{around.web_url}/-/commit/{report.commit}")
    parts = [
        f"Commit {commit}",
        f"étape {projection.STAGES[Stage(report.stage)]}",
        f"normes {code(report.pack.name, most=60)}",
        _whole(around) + _forms(around),
    ]
    words = " · ".join(parts)
    if around.informative:
        words += "\n\nFilière hors-standard : l'application n'est pas hébergée, ce verdict est donné pour information."
    return words


def _whole(around: Around) -> str:
    return link("rapport complet", around.report_url) if around.report_url else "rapport complet"


def _forms(around: Around) -> str:
    """The report's other forms, for tools."""
    if not around.report_url:
        return ""
    told = (link(words, around.report_url + FORMATS[name].extension) for words, name in _FORMS)
    return f" ({', '.join(told)})"


def _since(report: Report, around: Around, compared: Comparison | None, room: _Room) -> str:
    target = code(around.target, most=255)
    if compared is None:
        return f"La branche {target} n'a pas encore de rapport : rien ne dit ce qui est nouveau."
    previous = link(code(compared.previous_commit[:8], most=8), f"{around.web_url}/-/commit/{compared.previous_commit}")
    words = f"**Par rapport à {target}** ({previous}) : {compared.sentence()}."
    if compared.previous_pack != report.pack.name:
        words += f" Elle avait été jugée par {code(compared.previous_pack, most=60)}."
    gone = [
        f"- {code(g.result.rule_id, most=20)} "
        f"{place(around.web_url, compared.previous_commit, g.place.path if g.place.own else '', g.place.line)}"
        for g in compared.gone[: room.places]
    ]
    if not gone:
        return words
    more = len(compared.gone) - len(gone)
    return "\n".join([words, "", "Disparus :", "", *gone, *([f"- … et {more} autres"] if more else [])])


def _rule(result: RuleResult, report: Report, around: Around, compared: Comparison | None, room: _Room) -> str:
    """One rule that stands in the way: where, why it matters, how to mend it."""
    places = list(_places(result, report, around, compared, room))
    lines = [f"#### {code(result.rule_id, most=20)} {text(result.title, most=200)}", ""]
    lines += [*places, ""] if places else []
    rationale = around.rationales.get(result.rule_id, "")
    if rationale:
        lines.append(f"*Pourquoi* : {text(rationale, most=room.words)}\\")
    lines.append(_mend(result, room))
    return "\n".join(lines)


def _mend(result: RuleResult, room: _Room) -> str:
    if result.verdict is Verdict.VIOLATED:
        return (
            f"*Remède* (effort {text(result.effort or 'non estimé', most=20)}) : {text(result.remedy, most=room.words)}"
        )
    missing = result.missing_evidence or result.reason
    giver = f". À fournir par : {text(result.giver, most=60)}." if result.giver else ""
    return f"*Ce qui manque* : {text(missing, most=room.words)}{giver}"


def _places(
    result: RuleResult, report: Report, around: Around, compared: Comparison | None, room: _Room
) -> Iterator[str]:
    found = sorted(result.findings, key=lambda each: _seen(compared, each.fingerprint) is not Seen.NEW)
    for finding in found[: room.places]:
        where = place(around.web_url, report.commit, finding.path, finding.line) if finding.path else "Projet entier"
        new = " **nouveau**" if _seen(compared, finding.fingerprint) is Seen.NEW else ""
        message = f" : {text(finding.message, most=room.words)}" if finding.message else ""
        yield f"- {where}{new}{message}"
    more = len(result.findings) - len(found[: room.places]) + unlisted(result)
    if more:
        yield f"- … et {more} {'autres endroits' if more > 1 else 'autre endroit'}, dans le {_whole(around)}"


def _seen(compared: Comparison | None, fingerprint: str) -> Seen | None:
    return compared.state(fingerprint) if compared is not None else None


def _work(report: Report) -> bool:
    """Whether the way to hosting asks anything of the developer: what only the pipeline brings is told elsewhere."""
    return report.path is not None and any(action.hours for action in report.path.actions)


def _path(report: Report, around: Around, room: _Room) -> str:
    if report.path is None:
        return ""
    later = frozenset(result.rule_id for result in report.blocking() if result.moment not in around.counted)
    steps = [f"1. {_step(action, later, room)}" for action in report.path.actions[: room.rules]]
    more = len(report.path.actions) - len(steps)
    left = [f"\n… et {more} autres, dans le rapport."] if more else []
    head = f"#### Le plus court chemin vers l'hébergement\n\n{text(report.path.sentence, most=WORDS_MOST)}"
    return "\n".join([head, "", *steps, *left])


def _step(action: Action, later: frozenset[str], room: _Room) -> str:
    """What is to be done; of what a pipeline that is yet to end brings by itself, no more than that."""
    rules = ", ".join(code(rule, most=20) for rule in action.rules[:10])
    if not action.hours and action.giver == Giver.PIPELINE and later.issuperset(action.rules):
        return f"Laissez finir le pipeline de ce commit, qui apporte ses preuves ({rules})"
    title = text(action.title[:1].upper() + action.title[1:], most=room.words)
    return f"{title} ({rules}{_effort(action.hours, action.giver, mechanical=action.mechanical)})"


def _effort(hours: float, giver: str, *, mechanical: bool) -> str:
    if not hours:
        return f", à fournir par : {text(giver, most=60)}" if giver else ""
    return f", environ {duration(hours)}{', mécanique' if mechanical else ''}"


def _patch(patch: Patch, *, shown: bool) -> str:
    rules = ", ".join(patch.rules)
    files = f"{patch.files} fichiers" if patch.files > 1 else "1 fichier"
    if not shown or not patch.text:
        return f"Des corrections sont mécaniques ({rules}) : `amcloud check --fix` les fait."
    more = f" {patch.left} autres fichiers se corrigent par `amcloud check --fix`." if patch.left else ""
    return "\n".join(
        [
            "<details>",
            f"<summary>Correctif prêt à appliquer : {rules}, {files}</summary>",
            "",
            f"Copiez ce bloc dans un fichier `psram.patch`, puis `git apply psram.patch`.{more}",
            "",
            block(patch.text, "diff"),
            "",
            "</details>",
        ]
    )


def _besides(report: Report, blocking: tuple[RuleResult, ...], around: Around) -> str:
    """What does not stand in the way of this merge request: later evidence, and what only counts."""
    later = [r for r in report.blocking() if r.moment not in around.counted]
    broken = [r for r in report.results if r.verdict is Verdict.VIOLATED and not r.blocks]
    derogated = [r for r in report.results if r.verdict is Verdict.DEROGATED]
    told = [
        ("À vérifier plus tard, par le pipeline, la recette ou la production", later),
        ("Non respectées, sans bloquer", broken),
        ("Couvertes par une dérogation", derogated),
    ]
    return "\n".join(f"- {words} : {_ids(results)}" for words, results in told if results)


def _ids(results: list[RuleResult]) -> str:
    shown = ", ".join(code(result.rule_id, most=20) for result in results[:RULES_MOST])
    return shown + (f" et {len(results) - RULES_MOST} autres" if len(results) > RULES_MOST else "")
