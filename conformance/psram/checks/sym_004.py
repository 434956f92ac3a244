"""SYM-004: the production configuration neither debugs nor carries a secret known to all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram import index
from psram.checks import Params
from psram.checks.common import data, entries, outcome
from psram.facts import Entry, Facts, FileFact
from psram.model import Context, Finding, Outcome

_TRUE = re.compile(r"(1|true|yes|on)$", re.IGNORECASE)
_OTHER_STAGE = re.compile(r"(^|\.)when@(dev|test)\.")
_FROM_ENV = re.compile(r"^%env\((?!.*\bdefault:\w).+\)%$")
_TOOLBAR = ("web_profiler.toolbar", "web_profiler.toolbar.enabled")
_PROFILER = "framework.profiler"
_OFF = re.compile(r"(0|false|no|off|%.*)$", re.IGNORECASE)
_PRODUCTION = "when@prod."


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a debugging bundle, debug mode, or a Symfony secret written in the repository."""
    return outcome(
        [
            *_bundles(facts, params),
            *_dotenv(facts),
            *_yaml(facts),
            *_profiler(facts),
            *_unreadable(facts),
            *_dockerfile(facts),
            *_front(facts),
        ]
    )


def _bundles(facts: Facts, params: Params) -> Iterator[Finding]:
    held = index.content(facts, "config/bundles.php")
    for mark in held[1].php.bundles if held is not None and held[1].php is not None else ():
        short = mark.name.rpartition("\\")[2]
        if short in params["debug_bundles"] and {"all", "prod", "prod?"} & set(mark.detail.split(",")):
            yield Finding(f"{short} est actif en production", "config/bundles.php", mark.line)


def _dotenv(facts: Facts) -> Iterator[Finding]:
    for file, entry in entries(facts, ".env"):
        if file.path in (".env.test", ".env.dev", ".env.dist", ".env.example"):
            continue
        if entry.path == "APP_SECRET" and entry.value and not entry.value.startswith(("$", "%")):
            yield Finding(
                "APP_SECRET est écrit dans le dépôt au lieu de venir de l'environnement", file.path, entry.line
            )
        if entry.path == "APP_DEBUG" and _TRUE.match(entry.value):
            yield Finding("APP_DEBUG est activé", file.path, entry.line)
        if file.path == ".env.prod" and entry.path == "APP_ENV" and entry.value != "prod":
            yield Finding(f"APP_ENV vaut « {entry.value} » en production", file.path, entry.line)


def _yaml(facts: Facts) -> Iterator[Finding]:
    for file, entry in entries(facts, "config/", ".yaml", ".yml"):
        if _elsewhere(file, entry):
            continue
        key = entry.path.removeprefix(_PRODUCTION)
        if key == "framework.secret" and not _FROM_ENV.match(entry.value):
            yield Finding("framework.secret ne vient pas de l'environnement", file.path, entry.line)
        if key == "parameters.env(APP_SECRET)" and entry.value:
            yield Finding("APP_SECRET a une valeur par défaut dans le dépôt", file.path, entry.line)
        if key in _TOOLBAR and _TRUE.match(entry.value):
            yield Finding(f"{key} est activé en production", file.path, entry.line)
        if key in ("parameters.kernel.debug", "framework.php_errors.throw", "twig.debug") and _TRUE.match(entry.value):
            yield Finding(f"{key} est activé en production", file.path, entry.line)


def _elsewhere(file: FileFact, entry: Entry) -> bool:
    """Whether it counts for development or tests only."""
    apart = re.match(r"config/(packages|routes)/(dev|test)/", file.path)
    return apart is not None or _OTHER_STAGE.search(entry.path) is not None


def _profiler(facts: Facts) -> Iterator[Finding]:
    """As Symfony reads ``profiler``: true, nothing, or any setting of it turns it on, unless ``enabled`` says no."""
    written: dict[tuple[str, bool], list[Entry]] = {}
    for file, entry in entries(facts, "config/", ".yaml", ".yml"):
        key = entry.path.removeprefix(_PRODUCTION)
        if (key == _PROFILER or key.startswith(f"{_PROFILER}.")) and not _elsewhere(file, entry):
            written.setdefault((file.path, key != entry.path), []).append(entry)
    for (path, _of_production), listed in written.items():
        said = {entry.path.removeprefix(_PRODUCTION): entry for entry in listed}
        deciding = said.get(f"{_PROFILER}.enabled") or said.get(_PROFILER) or listed[0]
        if not (deciding.path.endswith((".enabled", _PROFILER)) and _OFF.match(deciding.value)):
            key = deciding.path.removeprefix(_PRODUCTION)
            how = "" if key in (_PROFILER, f"{_PROFILER}.enabled") else " (tout réglage l'active, sauf enabled: false)"
            yield Finding(f"{_PROFILER if how else key} est activé en production{how}", path, deciding.line)


def _unreadable(facts: Facts) -> Iterator[Finding]:
    for file, content in data(facts, "config/", ".yaml", ".yml"):
        if content.problem:
            said = f"configuration illisible, corrigez sa syntaxe : {content.problem}"
            yield Finding(said, file.path, content.problem_line)


def _dockerfile(facts: Facts) -> Iterator[Finding]:
    for file, entry in entries(facts, "Dockerfile"):
        if entry.path != "ENV":
            continue
        debug = re.search(r"\bAPP_DEBUG[= ]['\"]?(1|true|on|yes)\b", entry.value, re.IGNORECASE)
        if debug:
            yield Finding("l'image active APP_DEBUG", file.path, entry.line)
        stage = re.search(r"\bAPP_ENV[= ]['\"]?(\w+)", entry.value)
        if stage and stage[1] != "prod":
            yield Finding(f"l'image fixe APP_ENV à « {stage[1]} »", file.path, entry.line)


def _front(facts: Facts) -> Iterator[Finding]:
    held = index.content(facts, "public/index.php")
    for mark in held[1].php.marks if held is not None and held[1].php is not None else ():
        if mark.kind == "new" and mark.name.endswith("Kernel") and re.search(r",\s*true\b|^['\"]dev", mark.detail):
            said = "le contrôleur frontal démarre toujours en mode de mise au point"
            yield Finding(said, "public/index.php", mark.line)
