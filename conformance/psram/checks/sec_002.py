"""SEC-002: nothing that a user types reaches SQL, the system, PHP or HTML unprotected."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, entries, ignored, outcome
from psram.facts import SHELL_FUNCTIONS, Facts, FileFact, Mark, PhpFacts
from psram.index import beside_code, data_code, marks, php_files
from psram.memo import of_facts
from psram.model import Context, Finding, Outcome

_PARAMETER = "au lieu d'être un paramètre"
_INSTEAD = {
    "name": "comme nom ou sens de tri : choisissez-la dans une liste fermée (match, tableau constant, in_array)",
    "value": "par le constructeur de requêtes : donnez-lui un paramètre (:nom, createNamedParameter)",
}
_TWIG_ESCAPING = re.compile(r"(?:when@prod\.)?twig\.autoescape$")
_FALSE = re.compile(r"(?:0|false|no|off|~|null|)$", re.IGNORECASE)
_OTHER_STAGE = re.compile(r"config/packages/(?:dev|test)/")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by pasted SQL, system commands, unguarded unserialize, computed include, unescaped output."""
    return outcome([*_php(facts, params), *_twig(facts, params), *_settings(facts), *_escaping(facts, params)])


def _escaping(facts: Facts, params: Params) -> Iterator[Finding]:
    """Twig told to escape nothing at all, in whatever file: the configuration can import any."""
    for file, entry in entries(facts, "", ".yaml", ".yml"):
        off = _TWIG_ESCAPING.match(entry.path) and _FALSE.match(entry.value)
        if off and not _OTHER_STAGE.match(file.path) and not ignored(file.path, params):
            yield Finding("twig.autoescape coupe l'échappement de tous les gabarits", file.path, entry.line)


def _settings(facts: Facts) -> Iterator[Finding]:
    """A .user.ini can run any file before each script."""
    for file in facts.files:
        if file.path.lower().endswith(".user.ini") and file.path.rpartition("/")[2].lower() == ".user.ini":
            yield Finding("un .user.ini change PHP, jusqu'au fichier exécuté avant chaque page", file.path)


def _php(facts: Facts, params: Params) -> Iterator[Finding]:
    enums = _enums(facts)
    for file, php in data_code(facts):
        if not ignored(file.path, params):
            yield from _sql(file, php, enums)
    for file, mark in marks(facts, "call", "indirect", "call-input", "sink", "include", "include-other"):
        message = _sink(mark)
        if message and not ignored(file.path, params):
            yield at(file, mark, message)


@of_facts
def _enums(facts: Facts) -> frozenset[str]:
    """Enumerations of the application, in lower case: their values are written in them."""
    return frozenset(d.name.lower() for _file, php in php_files(facts) for d in php.declarations if d.kind == "enum")


def _sql(file: FileFact, php: PhpFacts, enums: frozenset[str]) -> Iterator[Finding]:
    for site in php.sql:
        listed = bool(site.enums) and all(name.lower() in enums for name in site.enums)
        if site.dynamic and not listed:
            language = "DQL" if site.method in ("dql", "builder") else "SQL"
            said = f"une valeur ({site.receiver}) est collée dans du {language} {_INSTEAD.get(site.method, _PARAMETER)}"
            yield Finding(said, file.path, site.line, excerpt=site.excerpt)


def _sink(mark: Mark) -> str:
    match mark.kind:
        case "call" if mark.name in SHELL_FUNCTIONS:
            said = f"{mark.name} lance une commande du système"
        case "call" if mark.name == "unserialize" and mark.detail == "open":
            said = (
                "unserialize : allowed_classes doit être false ou une liste écrite, sinon n'importe quel objet est créé"
            )
        case "call" if mark.name == "unserialize" and mark.detail not in ("allowed_classes", "own"):
            said = "unserialize sans allowed_classes peut créer n'importe quel objet"
        case "indirect":
            said = f"{mark.name} est appelé sans être nommé ({mark.detail or 'appel par une variable ou un texte'})"
        case "call-input":
            said = f"la fonction appelée vient de la requête ou d'un texte codé ({mark.name})"
        case "sink":
            said = f"{mark.name} : {mark.detail}"
        case "include":
            said = f"{mark.name} d'un chemin calculé ({mark.detail})"
        case "include-other":
            said = f"{mark.name} d'un contenu hors de l'application ou qui n'est pas du PHP par son nom ({mark.detail})"
        case _:
            said = ""
    return said


def _twig(facts: Facts, params: Params) -> Iterator[Finding]:
    for file, blob in beside_code(facts):
        for mark in blob.literals:
            if mark.kind == "twig-raw" and not ignored(file.path, params):
                yield at(file, mark, f"« {mark.name} » est affiché sans échappement")
            if mark.kind == "twig-call" and not ignored(file.path, params):
                yield at(file, mark, f"le filtre Twig {mark.name} appelle une fonction de PHP par son nom")
