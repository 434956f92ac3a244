"""What typer says of a wrong command line, in French. What is not known here stays as typer says it."""

from __future__ import annotations

import re
from typing import Final

_HINT: Final = r"'(?P<name>[^']+)'(?: / '[^']+')*(?: \(env var: '(?P<variable>[^']+)'\))?"
_WHOLE: Final = (
    (re.compile(r"No such command '(?P<name>.*?)'\."), "la commande « {name} » n'existe pas"),
    (re.compile(r"Missing command\."), "une commande est attendue"),
    (re.compile(r"No such option: (?P<name>\S+)"), "l'option {name} n'existe pas"),
    (re.compile(rf"Missing (?:argument|option|parameter) {_HINT}\."), "{name} est obligatoire"),
    (
        re.compile(rf"Missing (?:argument|option|parameter) {_HINT}\. Choose from:\s*(?P<choices>.*)", re.DOTALL),
        "{name} est obligatoire : {choices}",
    ),
    (re.compile(r"Option '(?P<name>[^']+)' requires an argument\."), "{name} demande une valeur"),
    (re.compile(r"Option '(?P<name>[^']+)' does not take a value\."), "{name} ne prend pas de valeur"),
    (re.compile(r"Got unexpected extra argument\(s\) \((?P<name>.*)\)"), "de trop : {name}"),
)
_PROBLEMS: Final = (
    (re.compile(r"(?P<value>'.*') is not one of (?P<choices>.*)\."), "{value} n'est pas l'un de {choices}"),
    (re.compile(r"(?:File|Path|Directory) (?P<value>'.*') does not exist\."), "{value} n'existe pas"),
    (re.compile(r"(?:File|Path) (?P<value>'.*') is a directory\."), "{value} est un dossier"),
    (re.compile(r"(?P<value>'.*') is not a valid int(?:eger)?(?: range)?\."), "{value} n'est pas un nombre entier"),
    (re.compile(r"(?P<value>'.*') is not a valid float(?: range)?\."), "{value} n'est pas un nombre"),
    (re.compile(r"\S+ is not in the range x>=(?P<value>\S+)\."), "un nombre d'au moins {value} est attendu"),
    (re.compile(r"\S+ is not in the range x<=(?P<value>\S+)\."), "un nombre d'au plus {value} est attendu"),
    (
        re.compile(r"\S+ is not in the range (?P<least>\S+)<=x<=(?P<most>\S+)\."),
        "un nombre de {least} à {most} est attendu",
    ),
)
_INVALID: Final = re.compile(rf"Invalid value for {_HINT}: (?P<problem>.*)", re.DOTALL)
_PYTHON_S: Final = re.compile(r"'([^']*)'")
_MEANT: Final = re.compile(r"(?P<before>.*) (?:Did you mean (?P<one>.*)\?|\(Possible options: (?P<many>.*)\))")


def in_french(message: str) -> str:
    """``message`` in French, or as it is."""
    meant = _MEANT.fullmatch(message)
    if meant is not None:
        return f"{in_french(meant['before'])} ; vouliez-vous dire {_quoted(meant['one'] or meant['many'])} ?"
    invalid = _INVALID.fullmatch(message)
    if invalid is not None:
        return f"{invalid['name']}{_variable(invalid)} : {_first(_PROBLEMS, invalid['problem'])}"
    return _first(_WHOLE, message)


def _first(known: tuple[tuple[re.Pattern[str], str], ...], said: str) -> str:
    for pattern, words in known:
        found = pattern.fullmatch(said)
        if found is not None:
            values = {name: " ".join(_quoted(value or "").split()) for name, value in found.groupdict().items()}
            return words.format(**values) + _variable(found)
    return said


def _quoted(words: str) -> str:
    """``words`` with the quotation marks of the language around what Python quoted."""
    return _PYTHON_S.sub(r"« \1 »", words)


def _variable(found: re.Match[str]) -> str:
    variable = found.groupdict().get("variable")
    return f" (ou la variable {variable})" if variable else ""
