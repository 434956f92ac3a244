"""``python -m psram.advisories SOURCE [--write FILE]``: says what a database holds; writes it as one JSON file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from psram import advisories
from psram.advisories.database import BadEntryError


def main() -> int:
    """Read the database; 1 when it cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m psram.advisories", description="Lit une base d'avis de sécurité.")
    parser.add_argument("source", type=Path, help="dossier, archive zip ou fichier JSON")
    parser.add_argument("--write", type=Path, help="l'écrit en un seul fichier JSON, lu en quelques millisecondes")
    given = parser.parse_args()
    found = advisories.read(given.source)
    if found.problem:
        sys.stderr.write(found.problem + "\n")
        return 1
    sys.stdout.write(f"{found.size} avis sur {len(found.packages)} paquets, du {found.dated}, {found.digest}\n")
    if given.write is not None:
        try:
            given.write.write_bytes(advisories.dump(found))
        except BadEntryError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
