"""A disposable reading process: ``python -m psram.worker DESCRIPTOR``, see :mod:`psram.worker.reader`."""

from __future__ import annotations

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # while modules load, nothing is garbage
    # msgspec prefers it to the standard typing when it is there, and it takes longer to load than all of ours.
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    from psram.worker import reader

    reader.main(int(sys.argv[1]))
