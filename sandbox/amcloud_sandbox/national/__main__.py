"""``python -m amcloud_sandbox.national FOLDER ADDRESS PORT``: serves until it is ended."""

from __future__ import annotations

import sys
from pathlib import Path

from amcloud_sandbox.national.server import listener


def main(arguments: list[str]) -> None:
    """Runs for ever."""
    folder, address, port = arguments
    listener(Path(folder), address, int(port)).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
