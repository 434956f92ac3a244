"""``python -m psram.mutations``: inject every mutation, print the kill matrix, optionally keep it.

Exit 0 when every violation is killed, every look-alike calm and nothing else alarmed; 1 otherwise.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from psram import packs
from psram.model import Php
from psram.mutations import data, matrix, run
from psram.mutations.inject import Sample
from psram.rules import Pack


def _strangers(asked: Iterable[str], known: Container[str], pack: Pack) -> Iterator[str]:
    """What cannot be judged, one French sentence each."""
    for rule in asked:
        if pack.rule(rule) is None:
            yield f"{rule} n'est pas dans {pack.name} ; donnez --pack"
        elif rule not in known:
            yield f"{rule} n'a pas de mutations : écrivez conformance/mutations/{rule}.yaml"


def main() -> int:
    """Run the mutations."""
    parser = argparse.ArgumentParser(prog="python -m psram.mutations", description="Éprouve les règles par mutation.")
    parser.add_argument("rules", nargs="*", help="règles à éprouver (toutes par défaut)")
    parser.add_argument("--pack", default=packs.DEFAULT)
    parser.add_argument("--sample", type=Path, default=Path("sandbox/apps/suivi-courriers"))
    parser.add_argument("--write", type=Path, help="page à écrire")
    given = parser.parse_args()
    pack = packs.load(given.pack)
    php = Php()
    known = data.load_all()
    asked = given.rules or list(known)
    for said in _strangers(asked, known, pack):
        parser.error(said)
    wanted = {rule: known[rule] for rule in asked}
    sample = Sample(given.sample, data.context(), php=php if shutil.which(php.program) else None)
    sample.compile_all(m for ms in wanted.values() for m in (*ms.violations, *ms.lookalikes))
    unsettled = run.unsettled(sample, pack)
    for rule, found in sorted(unsettled.items()):
        print(f"l'application d'exemple n'est pas conforme : {rule} {found.value}")  # noqa: T201  a command's output
    rows = [run.judged(rule, mutations, sample, pack) for rule, mutations in sorted(wanted.items())]
    print("\n".join(matrix.table(rows, pack)))  # noqa: T201
    wrong = matrix.problems(rows)
    print("\n".join(wrong) if wrong else "tout est tué, tout est calme")  # noqa: T201
    if given.write is not None:
        given.write.parent.mkdir(parents=True, exist_ok=True)
        given.write.write_text(matrix.page(rows, pack, data.reasons(wanted)), "utf-8")
    return 1 if wrong or unsettled else 0


if __name__ == "__main__":
    sys.exit(main())
