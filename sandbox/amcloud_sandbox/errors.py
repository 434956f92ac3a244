"""What can go wrong on this machine, said to the person who can mend it."""

from __future__ import annotations


class SandboxError(Exception):
    """A part of the sandbox failed: ``doing`` says what was being done, ``hint`` what to do or read."""

    def __init__(self, doing: str, hint: str = "") -> None:
        super().__init__(f"{doing} : {hint}" if hint else doing)
        self.doing = doing
        self.hint = hint
