"""A disposable reading process: ``python -m psram.worker DESCRIPTOR``, see :mod:`psram.worker.reader`."""

from __future__ import annotations

import sys

from psram.worker import reader

if __name__ == "__main__":
    reader.main(int(sys.argv[1]))
