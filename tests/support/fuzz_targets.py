"""Every parser of what strangers write: what gives it an input, and what it reads to begin with.

A target returns when the input was read, or refused as the parser says that it refuses; it raises on anything else.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from psram import evidence, pack_reading, versions
from psram.advisories import reading as advisories
from psram.advisories import tree
from psram.advisories.database import Database
from psram.collect import composer, contents
from psram.collect.listing import shown
from psram.collect.reading import Reading, State
from psram.errors import PackError, UsageError
from psram.facts import BlobFacts, ComposerFacts, LockedPackage, Mark, Syntax
from psram.ingest import cobertura, junit, phpcs, phpstan
from psram.model import Context, PackRef, Stage, Track
from psram.reports import canonical
from psram.roles import Role
from psram.worker import git, past, sizes
from psram.worker.messages import Done, Found, Frames, Job, frame, read_frame
from psram.worker.recall import Gathered, Memory, Wanted
from psram.worker.store import FactCache
from psram.yaml_depth import nests_beyond

Target = Callable[[bytes], None]
SEEDS: Final = Path(__file__).parents[1] / "data" / "seeds"
PHP, YAML, SQL, TEXT, TWIG, JSON, OTHERS = (
    (SEEDS / name).read_bytes()
    for name in ("php.php", "yaml.yaml", "sql.sql", "text.txt", "twig.html.twig", "composer.json", "others.txt")
)
BY_ROLE: Final = {
    Role.PHP: PHP,
    Role.YAML: YAML,
    Role.SQL: SQL,
    Role.TEXT: TEXT,
    Role.SAMPLE: TEXT,
    Role.TWIG: TWIG,
    Role.WEB: TWIG,
    Role.DOTENV: OTHERS,
    Role.DOCKERFILE: OTHERS,
    Role.NEON: OTHERS,
}
COMMIT: Final = "1" * 40
BLOB: Final = "2" * 40
JUNIT: Final = b"""<?xml version="1.0"?><testsuites><testsuite name="s" tests="2" failures="1"><testcase name="a"
 class="App\\T" classname="App.T" assertions="1"/><testcase name="b with data set #0" assertions="0">
<failure>f</failure></testcase></testsuite></testsuites>"""
COBERTURA: Final = b"""<?xml version="1.0"?><coverage line-rate="0.5"><packages><package><classes>
<class filename="a.php"><lines><line number="1" hits="1"/><line number="2" hits="0"/></lines></class></classes>
</package></packages></coverage>"""
CHECKSTYLE: Final = b"""<?xml version="1.0"?><checkstyle version="3.7.1"><file name="/builds/g/p/src/A.php">
<error line="3" column="1" severity="error" message="m" source="PSR12.X"/></file></checkstyle>"""
PHPCS: Final = b"""{"totals": {"errors": 9}, "files": {"/x/src/A.php": {"errors": 9, "warnings": 9, "messages":
 [{"message": "m", "source": "S", "severity": 5, "type": "ERROR", "line": 3}]}}}"""
PHPSTAN: Final = b"""{"totals": {"errors": 1, "file_errors": 1}, "files": {"/app/src/A.php": {"errors": 1, "messages":
 [{"message": "m", "line": 12, "ignorable": true, "identifier": "return.type"}]}}, "errors": ["no file"]}"""
GITLAB: Final = b"""[{"description": "m", "fingerprint": "f", "severity": "major", "location": {"path": "src/A.php",
 "lines": {"begin": 2}}}]"""
ADVISORY: Final = b"""title: Contournement (exemple)
link: https://exemple.example/avis
cve: CVE-2024-99999
branches:
    3.x: {time: 2024-09-10 18:00:00, versions: ['>=3.12.0', '<3.14.0']}
reference: composer://twig/twig
"""
PACKAGIST: Final = b"""{"advisories": {"twig/twig": [{"advisoryId": "PKSA-exemple", "packageName": "twig/twig",
 "title": "t", "link": "https://exemple.example/avis", "cve": "CVE-2024-99999",
 "affectedVersions": "<2.16.1|>=3.12.0,<3.14.0", "reportedAt": "2024-09-09 18:00:00",
 "sources": [{"name": "GitHub", "remoteId": "GHSA-exemple"}]}]}}"""
LISTED: Final = b"src/A.php\0dossier/\xc3\xa9\xff.php\0a\tb\nc\0"


def read_as(role: Role) -> Target:
    """Reads a content in this role as a worker does, and sends it."""

    def target(content: bytes) -> None:
        sent = msgspec.msgpack.encode(contents.read(content, frozenset({role})))
        assert msgspec.msgpack.encode(msgspec.msgpack.decode(sent, type=Reading)) == sent

    return target


def manifests(content: bytes) -> None:
    """Reads a content as composer.json and as composer.lock."""
    sent = msgspec.msgpack.encode(composer.facts(content, content))
    assert msgspec.msgpack.encode(msgspec.msgpack.decode(sent, type=ComposerFacts)) == sent


def refused_as(error: type[Exception], read: Callable[[bytes], object]) -> Target:
    """Reads, where being refused is an answer."""

    def target(content: bytes) -> None:
        with contextlib.suppress(error):
            read(content)

    return target


def report_of(read: Callable[..., object]) -> Target:
    """Reads a report of the pipeline."""
    return refused_as(UsageError, lambda content: read(content, commit=COMMIT, trusted=True))


def _asked(database: Database) -> None:
    found = database.concerning([LockedPackage("twig/twig", "v3.13.0")])
    assert found.problem or isinstance(found.entries, tuple)


def advisory(content: bytes) -> None:
    """Reads an entry of a tree of advisories, and what concerns a package."""
    _asked(tree.load([("twig/twig/avis.yaml", content), ("dated", b"2026-01-01")], ""))


def document(content: bytes) -> None:
    """Reads a file of a pack."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "regle.yaml"
        file.write_bytes(content)
        with contextlib.suppress(PackError):
            pack_reading.document(file)


def depth(content: bytes) -> None:
    """Tells how deep a document nests before it is parsed."""
    nests_beyond(content.decode("utf-8", "replace"), 20)


def constraint(content: bytes) -> None:
    """Reads a constraint of composer's, and a version."""
    text = content.decode("utf-8", "replace")
    versions.allows(text, "1.2.3")
    versions.allows("^1.0", text)


def frames(content: bytes) -> None:
    """Reads what a reading process says, and what it is told."""
    with contextlib.suppress(ValueError):  # longer than any answer
        for said in Frames().feed(content):
            with contextlib.suppress(msgspec.DecodeError, RecursionError):
                msgspec.msgpack.decode(said, type=Done)
    read_frame(io.BytesIO(content))


class _Told(FactCache):
    """A cache that tells the same of every key."""

    def __init__(self, value: bytes) -> None:
        super().__init__(Path("/nowhere"))
        self._value = value

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        return dict.fromkeys(keys, self._value)

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Nothing is kept."""


def recalled(content: bytes) -> None:
    """Reads an entry of the cache as what is known of contents: all is noted, or all is still to be read."""
    gathered = Gathered()
    wanted = [Wanted(BLOB, 1, 1, syntax=True)]
    left = Memory(_Told(content), facts_digest=b"f", syntax_digest=b"s").recall(wanted, gathered)
    assert left or BLOB in gathered.syntax or BLOB in gathered.known.unread


def steps(content: bytes) -> None:
    """Reads an entry of the cache as a step of a history."""
    past._decoded(content)


def known_sizes(content: bytes) -> None:
    """Reads an entry of the cache as sizes."""
    found: dict[str, int] = {}
    assert sizes._noted([BLOB, COMMIT], content, found) == bool(found)


def listed(content: bytes) -> None:
    """Reads names as git lists them in a tree."""
    names = content.split(b"\0")
    told = b"".join(b"100644 blob %s\t%s\0" % (BLOB.encode(), name) for name in names)
    entries = [git._entry(line) for line in told.decode("utf-8", "backslashreplace").split("\0")[:-1]]
    assert [(entry.blob, entry.path) for entry in entries] == [(BLOB, shown(name)) for name in names]


def walked(content: bytes) -> None:
    """Reads names as git lists them in a history, and those that a work tree changes."""
    names = content.split(b"\n")
    found, commits = past._named(b"%s\n" % (b"3" * 40) + b"".join(b"%040x %s\n" % line for line in enumerate(names)))
    assert (commits, len(found)) == (1, len(names))
    changed = [name for name in content.split(b"\0") if name]
    assert git._work(Path("/nowhere"), b"", b"".join(b" M %s\0" % name for name in changed)).changed == tuple(changed)


def _zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("avis/twig/twig/avis.yaml", content)
    return made.getvalue()


def _bundle() -> bytes:
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
    bundle = evidence.Bundle(evidence.SCHEMA, "0", COMMIT, BLOB, PackRef("psram-2026.1", "2026.1", "sha256:0"), context)
    return msgspec.json.encode(bundle)


_READING: Final = Reading(State.READ, BlobFacts(secrets=(Mark(1, "secret"),)))
_STEP: Final = past._Step("", 1, 2, [past.PastObject(BLOB, 3, COMMIT, b"a.php")])
_DONE: Final = Done(1, (Found(BLOB, msgspec.msgpack.encode(_READING), Syntax(ok=False, line=2, error="e")),))
_RULE: Final = json.dumps({"id": "CMP-001", "title": "t", "params": {"a": [1, {"b": "c"}]}}).encode()
_packed: Final = msgspec.msgpack.encode

TARGETS: Final[dict[str, tuple[Target, bytes]]] = {
    **{role.value: (read_as(role), BY_ROLE.get(role, OTHERS)) for role in Role},
    "composer": (manifests, JSON),
    "constraint": (constraint, b"^1.2 || ~2.0.3, >=1.0-beta <2 | 1.* - 2.x-dev@stable"),
    "junit": (refused_as(UsageError, junit.read), JUNIT),
    "cobertura": (report_of(cobertura.read), COBERTURA),
    "phpcs": (report_of(phpcs.read), PHPCS),
    "phpcs-checkstyle": (report_of(phpcs.read), CHECKSTYLE),
    "phpstan": (report_of(phpstan.read), PHPSTAN),
    "phpstan-gitlab": (report_of(phpstan.read), GITLAB),
    "advisories-zip": (lambda content: _asked(advisories.parse(content, source="")), _zipped(ADVISORY)),
    "advisories-json": (lambda content: _asked(advisories.parse(content, source="")), PACKAGIST),
    "advisories-entry": (advisory, ADVISORY),
    "pack": (document, _RULE),
    "yaml-depth": (depth, YAML),
    "evidence": (refused_as(UsageError, evidence.load), _bundle()),
    "report": (refused_as(msgspec.DecodeError, canonical.parse), b'{"commit": "1", "tree": "2", "results": []}'),
    "frames": (frames, frame(_DONE) + frame(Job(1))),
    "cached-contents": (recalled, _packed([(_READING, Syntax(ok=True))])),
    "cached-content": (recalled, _packed(_READING)),
    "cached-history": (steps, _packed(_STEP)),
    "cached-sizes": (known_sizes, _packed([12, 70_000])),
    "git-tree": (listed, LISTED),
    "git-history": (walked, LISTED),
}
