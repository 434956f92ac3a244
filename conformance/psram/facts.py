"""What was found in a repository at one commit: serialisable values, no source text beyond what a rule needs.

Facts of a file's content are kept once per blob (:class:`BlobFacts`), so that they can be cached by blob id and
extractor version; paths point to blobs. They are trees of plain values, of which a big repository has many: the garbage
collector, which looks for circles, is told to leave them alone (``gc=False``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

SHELL_FUNCTIONS: Final = frozenset({"exec", "shell_exec", "system", "passthru", "proc_open", "popen", "pcntl_exec"})
"""PHP functions that start a program of the system."""


class Kind(StrEnum):
    """What an entry of the tree is."""

    FILE = "file"
    EXECUTABLE = "executable"
    LINK = "link"
    SUBMODULE = "submodule"


class Skip(StrEnum):
    """Why a file's content was not read."""

    TOO_BIG = "too-big"
    BINARY = "binary"
    EXCLUDED = "excluded"
    BUDGET = "budget"
    UNREADABLE = "unreadable"
    HOSTILE = "hostile"


class FileFact(msgspec.Struct, gc=False, frozen=True, order=True):
    """One entry of the tree. ``target`` is a link's; ``skipped`` says why its content has no facts."""

    path: str
    blob: str
    size: int
    kind: Kind = Kind.FILE
    target: str = ""
    skipped: Skip | None = None


class Mark(msgspec.Struct, gc=False, frozen=True, order=True):
    """Something seen on a line: ``name`` by ``kind``; ``excerpt`` is the stripped line for fingerprints."""

    line: int
    kind: str
    name: str = ""
    detail: str = ""
    excerpt: str = ""


class Declaration(msgspec.Struct, gc=False, frozen=True):
    """A class, interface, trait or enum, names resolved to fully qualified ones."""

    name: str
    kind: str
    line: int
    namespace: str = ""
    traits: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    attributes: tuple[Mark, ...] = ()
    properties: tuple[str, ...] = ()


class SqlSite(msgspec.Struct, gc=False, frozen=True):
    """A call that sends SQL: literal text, and ``dynamic`` where a value is pasted into it.

    With ``enums``, what is pasted is nothing but the value of parameters of these types.
    """

    line: int
    method: str
    text: str
    dynamic: bool
    receiver: str = ""
    excerpt: str = ""
    enums: tuple[str, ...] = ()


class Member(msgspec.Struct, gc=False, frozen=True):
    """A property that Doctrine maps: ``owner`` is its class or trait, ``attributes`` are resolved names."""

    owner: str
    name: str
    line: int
    type: str = ""
    attributes: tuple[Mark, ...] = ()


class Typing(msgspec.Struct, gc=False, frozen=True):
    """Parameters, returns and properties of a file: all, those with a type, the others (``line name``, a line each).

    ``untyped`` names the first hundred only; the counts are whole.
    """

    total: int = 0
    typed: int = 0
    untyped: str = ""


class PhpFacts(msgspec.Struct, gc=False, frozen=True):
    """A PHP file. With ``has_error`` only ``error_line`` is known, and ``odd_line``, the first that is not UTF-8."""

    has_error: bool = False
    error_line: int = 0
    strict_types: bool = False
    only_data: bool = False  # no class, no function: a configuration or template file
    namespaces: tuple[str, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    side_effects: bool = False
    marks: tuple[Mark, ...] = ()
    sql: tuple[SqlSite, ...] = ()
    bundles: tuple[Mark, ...] = ()
    typing: Typing | None = None
    members: tuple[Member, ...] = ()
    access: tuple[DataSite, ...] = ()
    tests: tuple[TestSuite, ...] = ()
    odd_line: int = 0


class Entry(msgspec.Struct, gc=False, frozen=True):
    """A scalar of a YAML document by its dotted path."""

    path: str
    value: str
    line: int


class DataFacts(msgspec.Struct, gc=False, frozen=True):
    """A YAML, dotenv or Dockerfile content, flattened; ``problem`` says why it could not be read."""

    entries: tuple[Entry, ...] = ()
    problem: str = ""
    problem_line: int = 0


class SqlColumn(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """A column that a migration creates; ``references`` is the table that it points to."""

    name: str
    not_null: bool = False
    default: bool = False
    references: str = ""


class SqlPolicy(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """A row level security policy. ``using`` and ``checks``: alternatives (OR) of conditions (AND), each written in one
    canonical way (``organisation = current_setting('…')``); empty when the clause is absent."""

    name: str
    restrictive: bool = False
    command: str = "all"
    roles: tuple[str, ...] = ()
    using: tuple[tuple[str, ...], ...] = ()
    checks: tuple[tuple[str, ...], ...] = ()


class SqlStatement(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """One statement of an SQL file that changes tables, policies or rights.

    Names are as PostgreSQL folds them, ``public`` taken off. ``sources`` are tables that it copies or shows; ``reason``
    is what a comment declares about it on purpose; ``shown`` is the statement as evidence, bounded.
    """

    line: int
    kind: str
    table: str = ""
    detail: str = ""
    columns: tuple[SqlColumn, ...] = ()
    sources: tuple[str, ...] = ()
    policy: SqlPolicy | None = None
    reason: str = ""
    shown: str = ""


class SqlRead(msgspec.Struct, gc=False, frozen=True):
    """One block of a query: the tables that it names (``?`` for one that cannot be read) and the columns it binds."""

    tables: tuple[str, ...]
    bound: tuple[str, ...] = ()


class DataSite(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """A place where code reaches the database beside the entity manager, or changes whose rows it sees.

    ``text`` is the SQL or DQL as far as it is literal, empty when it is not; ``reads`` are its blocks; ``tables`` are
    given by name to a builder.
    ``symbol`` is ``Class::method``; ``reason`` is what a comment declares about it on purpose.
    """

    line: int
    kind: str
    method: str = ""
    text: str = ""
    reads: tuple[SqlRead, ...] = ()
    tables: tuple[str, ...] = ()
    symbol: str = ""
    reason: str = ""
    excerpt: str = ""


class TestMethod(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """A test, with what it names: classes by full name, and words that can be tables."""

    __test__ = False  # pytest: not a test class

    name: str
    line: int
    isolation: bool = False
    mentions: tuple[str, ...] = ()


class TestSuite(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """A class of tests; ``mentions`` are those of its constants, helpers and annotations, good for all of its tests."""

    __test__ = False  # pytest: not a test class

    name: str
    line: int
    parents: tuple[str, ...] = ()
    isolation: bool = False
    mentions: tuple[str, ...] = ()
    methods: tuple[TestMethod, ...] = ()


class BlobFacts(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """All facts of one content. ``with_lf``: the git id that a small one with CRLF would have with LF."""

    php: PhpFacts | None = None
    data: DataFacts | None = None
    sql: tuple[SqlStatement, ...] = ()
    secrets: tuple[Mark, ...] = ()
    personal: tuple[Mark, ...] = ()
    literals: tuple[Mark, ...] = ()
    remote: tuple[Mark, ...] = ()
    emails: tuple[Mark, ...] = ()
    begins_as_php: bool = False
    with_lf: str = ""


class Constraint(msgspec.Struct, gc=False, frozen=True):
    """A requirement of composer.json."""

    name: str
    constraint: str


class LockedPackage(msgspec.Struct, gc=False, frozen=True):
    """A package of composer.lock."""

    name: str
    version: str
    dev: bool = False
    dist_url: str = ""
    dist_type: str = ""
    source_url: str = ""
    source_type: str = ""
    license: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    provide: tuple[str, ...] = ()
    line: int = 0
    mirrors: tuple[str, ...] = ()  # of its archive and of its source: Composer may ask them first


class ComposerFacts(msgspec.Struct, gc=False, frozen=True):
    """composer.json and composer.lock at the root. ``problem`` fields are French, empty when readable."""

    manifest_present: bool = False
    manifest_problem: str = ""
    lock_present: bool = False
    lock_problem: str = ""
    content_hash: str = ""
    locked_hash: str = ""
    require: tuple[Constraint, ...] = ()
    require_dev: tuple[Constraint, ...] = ()
    platform_php: str = ""
    psr4: tuple[Constraint, ...] = ()
    psr4_dev: tuple[Constraint, ...] = ()
    repositories: tuple[Mark, ...] = ()
    packagist_disabled: bool = False
    packages: tuple[LockedPackage, ...] = ()
    lines: dict[str, int] = {}
    minimum_stability: str = ""
    locked_stability: str = ""
    license: tuple[str, ...] = ()


class Syntax(msgspec.Struct, gc=False, frozen=True):
    """What a real PHP said of one blob; ``line`` 0 and empty ``error`` when it compiles."""

    ok: bool
    line: int = 0
    error: str = ""


class SyntaxFacts(msgspec.Struct, gc=False, frozen=True):
    """Verdicts of one PHP version, by blob id."""

    php_version: str
    verdicts: dict[str, Syntax]


class PastSecret(msgspec.Struct, gc=False, frozen=True, order=True):
    """A secret that an earlier commit holds: the oldest known commit that had it, and where it lay there."""

    commit: str
    path: str
    mark: Mark


class Gap(StrEnum):
    """Why some of a history was not read.

    It is not in this copy, git could not list it this time, the next reading goes on with it, it lies beyond what is
    ever read, or reading it is deadly.
    """

    SHALLOW = "shallow"
    FAILED = "failed"
    LONG = "long"
    BEYOND = "beyond"
    HOSTILE = "hostile"


class History(msgspec.Struct, gc=False, frozen=True):
    """What was read of the commits before this one. ``problem`` says in French what was not, ``gap`` why."""

    commit: str
    commits: int = 0
    contents: int = 0
    complete: bool = True
    problem: str = ""
    secrets: tuple[PastSecret, ...] = ()
    gap: Gap | None = None


class Facts(msgspec.Struct, frozen=True, weakref=True):
    """All facts of one commit.

    ``uncommitted`` names the files read from the work tree instead of the commit, ``hidden`` those that archives of the
    commit leave out (``export-ignore``) though they are read here.
    """

    commit: str
    tree: str
    files: tuple[FileFact, ...] = ()
    blobs: dict[str, BlobFacts] = {}
    composer: ComposerFacts = ComposerFacts()
    syntax: SyntaxFacts | None = None
    uncommitted: tuple[str, ...] = ()
    truncated: str = ""
    history: History | None = None
    hidden: tuple[str, ...] = ()
