"""The process that others are born of to read: ``python -m psram.worker DESCRIPTOR`` (:mod:`psram.worker.birth`)."""

from __future__ import annotations

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # while modules load, nothing is garbage
    # msgspec prefers it to the standard typing when it is there, and it takes longer to load than all of ours.
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    from psram.worker import birth

    birth.serve(int(sys.argv[1]))
