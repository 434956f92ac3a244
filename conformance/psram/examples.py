"""Turns the examples of a rule's data into facts and contexts: the same data is documentation and test.

What must not lie in a repository, even as an example, is composed here: ``@@`` cuts secrets in two, ``@NIR@`` and
``@IBAN@`` stand for numbers whose key is computed, ``@HASH@`` for the lock's right content-hash.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, Final

import msgspec

from psram.collect.composer import content_hash
from psram.collect.memory import collect_files
from psram.collect.sensitive import nir_key
from psram.facts import Facts
from psram.model import Context, Evidence, Php
from psram.rules import Example

COMMIT: Final = "1" * 40
DAY: Final = date(2026, 6, 1)
_PROOFS: Final = frozenset(Evidence.__struct_fields__)
_HASH: Final = re.compile(r"@HASH(?::(.*))?@(?=\")")


def facts(example: Example, *, php: Php | None = None) -> Facts:
    """The facts of an example's tree."""
    return collect_files(
        {path: _composed(text, example.files).encode() for path, text in example.files.items()},
        links=example.links,
        submodules=example.submodules,
        oversize=example.oversize,
        commit=COMMIT,
        php=php,
    )


def context(example: Example) -> Context:
    """The context in which an example is judged.

    Evidence may be written without ``evidence:``; ``tests`` and ``commit`` are short for a pipeline's; reports of
    quality are of the commit judged unless they say otherwise.
    """
    written = {key: value for key, value in example.context.items() if key not in ("tests", "commit", *_PROOFS)}
    given: dict[str, Any] = {"track": "homologation", "stage": "acceptance", "evaluated_on": DAY.isoformat(), **written}
    proofs = {key: value for key, value in example.context.items() if key in _PROOFS} | given.get("evidence", {})
    if "tests" in example.context:
        commit = example.context.get("commit", COMMIT)
        proofs = {"pipeline": {"commit": commit, "status": "success", "tests": example.context["tests"]}, **proofs}
    if "quality" in proofs:
        proofs["quality"] = [{"commit": COMMIT, **report} for report in proofs["quality"]]
    given["evidence"] = proofs
    return msgspec.convert(json.loads(json.dumps(given, default=str).replace("@COMMIT@", COMMIT)), Context)


def _composed(text: str, files: dict[str, str]) -> str:
    def hashed(found: re.Match[str]) -> str:
        source = (found[1] or "").replace('\\"', '"') or files["composer.json"]
        return content_hash(json.loads(source))

    return composed(_HASH.sub(hashed, text))


def composed(text: str) -> str:
    """The text with its secrets put together and its numbers written."""
    whole = text.replace("@@", "")
    for name, value in _numbers().items():
        whole = whole.replace(f"@{name}@", value)
    return whole


def _numbers() -> dict[str, str]:
    """Numbers with a right key that belong to nobody: months and bank codes that do not exist."""
    nir, corsican = "1840167482001", "284012A482001"
    iban = _iban("99999", "99999", "0123456789A", "12")
    return {
        "NIR": f"{nir}{nir_key(nir):02d}",
        "NIR_ESPACES": f"1 84 01 67 482 001 {nir_key(nir):02d}",
        "NIR_TIRETS": f"1-84-01-67-482-001-{nir_key(nir):02d}",
        "NIR_INSECABLES": f"1\u00a084\u00a001\u00a067\u202f482\u202f001\u00a0{nir_key(nir):02d}",
        "NIR_COLONNES": f"{nir};{nir_key(nir):02d}",
        "NIR_NOMBRE": f"184_016748_2001{nir_key(nir):02d}",
        "NIR_CORSE": f"{corsican}{nir_key(corsican):02d}",
        "IBAN": iban,
        "IBAN_ESPACES": " ".join(iban[i : i + 4] for i in range(0, len(iban), 4)),
    }


def _iban(bank: str, branch: str, account: str, key: str) -> str:
    body = bank + branch + account + key
    digits = int("".join(str(int(character, 36)) for character in body + "FR00"))
    return f"FR{98 - digits % 97:02d}{body}"
