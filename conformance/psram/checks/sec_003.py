"""SEC-003: secrets are hashed, drawn, compared and sent the way cryptography asks for today."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, entries, ignored, outcome
from psram.facts import Facts, Mark
from psram.index import marks
from psram.model import Context, Finding, Outcome

_HASHER = re.compile(r"^security\.(?:password_hashers|encoders)\.(.+?)(?:\.algorithm)?$")
_UNVERIFIED = re.compile(r"(?:^|\.)(?:verify_peer|verify_host)$")
_FALSE = re.compile(r"(0|false|no|off)$", re.IGNORECASE)


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by weak digests and ciphers, guessable tokens, comparisons that leak, unverified certificates."""
    return outcome([*_php(facts, params), *_yaml(facts, params)])


def _php(facts: Facts, params: Params) -> Iterator[Finding]:
    for file, mark in marks(facts, "crypto"):
        if not ignored(file.path, params):
            yield at(file, mark, _message(mark))


_SAID = {
    "password": "{} sur un mot de passe : password_hash (ou le UserPasswordHasher) est fait pour cela",
    "digest": "{} sur un secret : prenez hash_hmac('sha256', …)",
    "random": "{} fabrique un jeton devinable : prenez random_bytes ou random_int",
    "cipher": "chiffrement dépassé ({}) : prenez sodium_crypto_secretbox ou aes-256-gcm",
    "cost": "{} avec un coût inférieur à 10",
    "unverified": "le certificat du serveur n'est pas vérifié",
    "comparison": "un secret est comparé par == ou === : hash_equals ne dit rien par sa durée",
}


def _message(mark: Mark) -> str:
    return _SAID[mark.name].format(mark.detail)


def _yaml(facts: Facts, params: Params) -> Iterator[Finding]:
    accepted = frozenset(params["hashers"])
    for file, entry in entries(facts, "config/", ".yaml", ".yml"):
        key = entry.path.removeprefix("when@prod.")
        if key.startswith("when@"):
            continue
        hasher = _HASHER.match(key)
        if hasher is not None and "." not in hasher[1].rpartition("\\")[2] and entry.value not in accepted:
            yield Finding(f"mots de passe condensés par « {entry.value} » au lieu d'« auto »", file.path, entry.line)
        if _UNVERIFIED.search(key) and _FALSE.match(entry.value):
            yield Finding("le certificat du serveur n'est pas vérifié", file.path, entry.line)
