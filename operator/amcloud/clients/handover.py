"""How facts come back from a Job: compressed, between two marks, in the journal of its pod. Bounded both ways.

The journal is the one channel that needs no address, no right and no listener, and that outlives both ends
(docs/decisions/0006-checks-as-jobs.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from typing import IO, Final

import msgspec

from psram.facts import Facts

FRAME_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of the frame as it stands in the journal: kubelets begin a new file at 10 MiB, and only the last one is shown."""
FACTS_MOST_BYTES: Final = 256 * 1024 * 1024
JOURNAL_MOST_BYTES: Final = FRAME_MOST_BYTES + 1024 * 1024
_LINE: Final = 4096
_BEGIN, _END = b"amcloud-facts/1 begin", b"amcloud-facts/1 end"


class UnreadableError(Exception):
    """A journal without a whole answer; the text is French and says why."""


class Handover(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a Job answers: facts, or one sentence. ``problem`` is of the analysis, ``refused`` of the repository."""

    facts: Facts | None = None
    problem: str = ""
    refused: str = ""
    unavailable: str = ""


def write(answer: Handover, journal: IO[bytes]) -> None:
    """The answer stands in ``journal``; facts that are too many for it become a problem."""
    body = _body(answer)
    if len(body) > FRAME_MOST_BYTES:
        limit = FRAME_MOST_BYTES // 1024 // 1024
        body = _body(
            Handover(problem=f"le dépôt est trop grand pour un contrôle en Job (plus de {limit} Mio de faits)")
        )
    journal.write(b"\n%s %s %d\n" % (_BEGIN, hashlib.sha256(body).hexdigest().encode(), len(body)))
    for start in range(0, len(body), _LINE):
        journal.write(body[start : start + _LINE] + b"\n")
    journal.write(_END + b"\n")
    journal.flush()


def read(journal: bytes, *, commit: str) -> Handover:
    """The answer in a journal, whatever stands before and after it.

    Raises:
        UnreadableError: it is not there, not whole, not an answer, or one about something else than ``commit``.
    """
    begin, _, rest = journal.rpartition(_BEGIN + b" ")[2].partition(b"\n")
    body, mark, _ = rest.partition(_END)
    if not mark:
        raise UnreadableError("le journal du contrôle ne contient pas de réponse entière")
    frame = body.replace(b"\n", b"").replace(b"\r", b"")
    digest, _, size = begin.partition(b" ")
    if size.strip() != b"%d" % len(frame) or hashlib.sha256(frame).hexdigest().encode() != digest:
        raise UnreadableError("la réponse du contrôle est abîmée")
    answer = _answer(frame)
    if answer.facts is not None and answer.facts.commit != commit:
        raise UnreadableError("la réponse du contrôle parle d'un autre commit")
    return answer


def _body(answer: Handover) -> bytes:
    return base64.b64encode(zlib.compress(msgspec.json.encode(answer), 6))


def _answer(frame: bytes) -> Handover:
    unpacked = zlib.decompressobj()
    try:
        content = unpacked.decompress(base64.b64decode(frame, validate=True), FACTS_MOST_BYTES)
        if unpacked.unconsumed_tail or not unpacked.eof:
            raise UnreadableError("la réponse du contrôle est trop grande ou incomplète")
        return msgspec.json.decode(content, type=Handover)
    except (binascii.Error, zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"la réponse du contrôle est illisible ({type(error).__name__})") from error
