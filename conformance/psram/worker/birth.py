"""Inside the process that reading processes are born of (:mod:`psram.worker.nursery`): load, then fork for who asks."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

NUMBER_BYTES: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36  # prctl(2)
_DESCRIPTORS: Final = 3


def serve(control: int) -> None:
    """Fork a reading process each time that its descriptors come, until nobody can ask any more; then bury them all.

    None is buried before: as long as this process lives, the number of one that ended is nobody else's.
    """
    from psram.collect import contents, php  # noqa: F401  they load before it is known what to read
    from psram.worker import reader  # noqa: F401

    _adopt()
    gc.freeze()  # what is loaded stays: nothing of it is garbage, and looking for it would write to what is shared
    with socket.socket(fileno=control) as asked:
        while True:
            said, descriptors, _flags, _address = socket.recv_fds(asked, 1, _DESCRIPTORS)
            if not said:
                break
            if os.fork() == 0:
                asked.detach()
                os.close(control)
                _born(descriptors)
            for each in descriptors:
                os.close(each)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _adopt() -> None:
    """What a killed fork had started (git, PHP) is buried here, not left to a first process that buries nobody."""
    with contextlib.suppress(OSError, AttributeError):  # a C library without it: as without this
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _born(descriptors: Sequence[int]) -> None:
    """A reading process to its end."""
    status = 1
    try:
        from psram.worker import reader

        os.setsid()
        given, told, progress = descriptors
        os.dup2(given, sys.stdin.fileno())
        os.dup2(told, sys.stdout.fileno())
        os.close(given)
        os.close(told)
        os.write(sys.stdout.fileno(), os.getpid().to_bytes(NUMBER_BYTES, "big"))
        gc.enable()
        reader.main(progress)
        status = 0
    finally:
        os._exit(status)
