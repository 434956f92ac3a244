"""What is wrong with data that cannot be used, in French: the one translation of what msgspec and PyYAML say.

They speak English, of their own types and places; whoever wrote the data needs the file, the field and what to write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec


class Fault(NamedTuple):
    """``reason`` says what is wrong; ``field`` where, dotted (empty: the whole); ``line`` is 1-based, 0 if unknown."""

    reason: str
    field: str = ""
    line: int = 0

    def said(self, file: str = "") -> str:
        """One sentence part: file, line, field, then the reason."""
        return " : ".join(filter(None, (", ".join(self._place(file)), self.reason)))

    def _place(self, file: str) -> Iterator[str]:
        if file:
            yield file
        if self.line:
            yield f"ligne {self.line}"
        if self.field:
            yield f"champ « {self.field} »"


_AT: Final = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_TYPES: Final = MappingProxyType(
    {
        "str": "un texte",
        "int": "un nombre entier",
        "float": "un nombre",
        "bool": "vrai ou faux (true, false)",
        "object": "un objet (des champs et leurs valeurs)",
        "array": "une liste",
        "null": "rien (null)",
        "date": "une date comme 2027-01-31",
        "datetime": "une date et une heure",
    }
)
_SHAPES: Final = (
    (re.compile(r"Object missing required field `(?P<name>[^`]*)`"), "il manque le champ « {name} »"),
    (re.compile(r"Object contains unknown field `(?P<name>[^`]*)`"), "le champ « {name} » n'existe pas"),
    (re.compile(r"Invalid enum value '?(?P<name>.*?)'?"), "« {name} » n'est pas une valeur admise"),
    (re.compile(r"Invalid value '?(?P<name>.*?)'?"), "« {name} » n'est pas une valeur admise"),
    (re.compile(r"Invalid RFC3339 encoded date"), "une date comme 2027-01-31 est attendue"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), "une date comme 2027-01-31T12:00:00Z est attendue"),
)
_EXPECTED: Final = re.compile(
    r"Expected `(?P<wanted>[^`]*)`(?P<bound>(?: of length)? (?:[<>]=? )?\d\S*)?(?:, got (?P<got>.+))?"
)
_JSON: Final = re.compile(r"JSON is malformed: .*\(byte (?P<byte>\d+)\)")
_YAML: Final = (
    ("did not find expected ',' or ']'", "une liste « [ » n'est pas fermée, ou il y manque une virgule"),
    ("did not find expected ',' or '}'", "un objet « { » n'est pas fermé, ou il y manque une virgule"),
    ("did not find expected node content", "une liste « [ » ou un objet « { » n'est pas fermé"),
    ("mapping values are not allowed", "« : » de trop : mettez la valeur entre guillemets"),
    ("found character that cannot start any token", "tabulation, ou caractère qui demande des guillemets (@, `, %)"),
    ("did not find expected '-' indicator", "une ligne de la liste ne commence pas par « - »"),
    ("did not find expected key", "une ligne n'est pas alignée avec les autres champs"),
    ("could not find expected ':'", "il manque « : » après le nom d'un champ"),
    ("found undefined alias", "« * » nomme une ancre qui n'existe pas : mettez la valeur entre guillemets"),
    ("could not determine a constructor for the tag", "« ! » demande un type que ce fichier n'admet pas"),
    ("found unexpected end of stream", "des guillemets ne sont pas fermés"),
    ("found unknown escape character", "« \\ » suivi d'un caractère sans signification, entre guillemets doubles"),
    ("found unhashable key", "une liste ou un objet sert de nom de champ"),
    ("found duplicate", "deux fois la même ancre ou le même champ"),
    ("control characters are not allowed", "un caractère de contrôle"),
)


def fault(error: Exception) -> Fault:
    """What is wrong, from what a parser raised; never raises, and never repeats words that it does not know."""
    if isinstance(error, msgspec.ValidationError):
        return _of_shape(str(error))
    if isinstance(error, msgspec.DecodeError):
        found = _JSON.match(str(error))
        return Fault(f"JSON mal formé à l'octet {found['byte']}" if found else "JSON incomplet : fichier coupé")
    if isinstance(error, UnicodeDecodeError):
        return Fault(f"l'octet {error.start} n'est pas de l'UTF-8")
    if isinstance(error, OSError):
        return Fault(f"lecture impossible ({type(error).__name__})")
    return _of_yaml(error)


def _of_shape(said: str) -> Fault:
    at = _AT.search(said)
    field = at["path"].lstrip(".") if at else ""
    words = said[: at.start()] if at else said
    for shape, french in _SHAPES:
        if found := shape.fullmatch(words):
            return Fault(french.format(**found.groupdict()), field)
    expected = _EXPECTED.fullmatch(words)
    if expected is None:
        return Fault("la valeur n'est pas celle attendue", field)
    wanted = " ou ".join(_TYPES.get(each, f"« {each} »") for each in expected["wanted"].split(" | "))
    bound = f" ({expected['bound'].rpartition('length')[2].strip()})" if expected["bound"] else ""
    given = (expected["got"] or "").strip("`")
    got = f", pas {_TYPES.get(given, given)}" if given else ""
    return Fault(f"{wanted} est attendu{'e' if wanted.startswith('une ') else ''}{bound}{got}", field)


def _of_yaml(error: Exception) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = 0 if mark is None else mark.line + 1
    english = str(getattr(error, "problem", None) or error)
    known = next((french for words, french in _YAML if words in english), "")
    if known:
        return Fault(known, line=line)
    if mark is None:  # a scalar that Python cannot make: the parser no longer knows where it was
        return Fault("une date ou un nombre impossible")
    return Fault("ce n'est pas du YAML", line=line)
