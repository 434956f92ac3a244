"""Commands that a line of shell runs, as far as it says them: for what must not be fetched while an image is built."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SEPARATORS = re.compile(r"&&|\|\||[;|&\n(){}`]|\$\(")
_BEFORE = frozenset(
    {
        "sudo",
        "exec",
        "env",
        "then",
        "do",
        "else",
        "if",
        "while",
        "until",
        "!",
        "xargs",
        "nice",
        "time",
        "command",
        "set",
    }
)
_SHELLS = re.compile(r"""^(?:\S*/)?(?:ba|da|a)?sh\s+(?:-\w+\s+)*-\w*c\w*\s+""")
_ASSIGNED = re.compile(r"^\w+=\S*$")
_OPTIONS = re.compile(r"^(?:--[\w-]+(?:=\S*)?\s+)+")
_SPEECH = frozenset({"echo", "printf", ":", "test", "["})
_REMOTE = re.compile(r"\b(?:https?|ftps?|git|ssh|s3)://(?!localhost\b|127\.)|/dev/(?:tcp|udp)/", re.IGNORECASE)


def fetches(line: str, programs: tuple[str, ...]) -> Iterator[str]:
    """What of ``line`` takes something from the network: one of ``programs`` (``apt-get install``), or an address."""
    for command in _commands(line):
        words = _words(command)
        if not words:
            continue
        name = words[0].rpartition("/")[2]
        rest = [w for w in words[1:] if not w.startswith("-")]
        known = next((p for p in programs if _runs(p.split(), name, rest)), "")
        if known:
            yield known
        elif name not in _SPEECH and _REMOTE.search(command):
            yield "une adresse du réseau"


def _runs(program: list[str], name: str, rest: list[str]) -> bool:
    """``npm install`` also as ``npm -g install``, ``php composer.phar install``, ``python3 -m pip install``."""
    head, wanted = program[0], program[1:]
    names = [name, *(w.rpartition("/")[2].removesuffix(".phar") for w in rest[:2])] if wanted else [name]
    if head not in names:
        return False
    return not wanted or wanted[0] in rest


def _commands(line: str) -> Iterator[str]:
    line = _OPTIONS.sub("", line.strip() + " ").strip()
    if line.startswith("["):  # the form without shell: words in quotes
        line = " ".join(re.findall(r'"((?:[^"\\]|\\.)*)"', line))
    line = line.replace('"', " ").replace("'", " ")
    for part in _SEPARATORS.split(line):
        yield _SHELLS.sub("", part.strip())


def _words(command: str) -> list[str]:
    words = command.split()
    while words and (words[0] in _BEFORE or _ASSIGNED.match(words[0]) or words[0].startswith("-")):
        words.pop(0)
    return words
