"""Where things lie among the facts of a commit, found once for all rules: each asks for a few files among thousands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from psram.facts import BlobFacts, Facts, FileFact, Kind, Mark, PhpFacts
from psram.memo import of_facts
from psram.roles import Role, can_hold_php, roles

Content = tuple[FileFact, BlobFacts]
Php = tuple[FileFact, PhpFacts]
_READ: Final = (Kind.FILE, Kind.EXECUTABLE)


@of_facts
def contents(facts: Facts) -> tuple[Content, ...]:
    """Files whose content has facts, in order of path."""
    known = facts.blobs.get
    files = (f for f in facts.files if f.skipped is None and f.kind in _READ)
    return tuple((file, blob) for file in files if (blob := known(file.blob)) is not None)


@of_facts
def beside_code(facts: Facts) -> tuple[Content, ...]:
    """Those whose content says something beside what PHP code says, in order of path."""
    return tuple(
        (file, b)
        for file, b in contents(facts)
        if b.data is not None or b.sql or b.secrets or b.personal or b.literals or b.remote or b.emails
    )


def content(facts: Facts, path: str) -> Content | None:
    """The file of that path, if its content has facts."""
    return _by_path(facts).get(path)


@of_facts
def _by_path(facts: Facts) -> Mapping[str, Content]:
    return {each[0].path: each for each in contents(facts)}


@of_facts
def named_php(facts: Facts) -> tuple[Php, ...]:
    """Files with PHP's facts and a name of PHP's, those that could not be analysed included; in order of path."""
    return tuple((f, b.php) for f, b in contents(facts) if b.php is not None and Role.PHP in roles(f.path))


@of_facts
def php_files(facts: Facts) -> tuple[Php, ...]:
    """PHP files whose facts are known, in order of path."""
    return tuple(
        (file, blob.php)
        for file, blob in contents(facts)
        if blob.php is not None and not blob.php.has_error and _is_php(file, blob)
    )


def _is_php(file: FileFact, blob: BlobFacts) -> bool:
    # the same content may lie under a name that PHP does not read, unless its first bytes say that it is PHP
    return Role.PHP in roles(file.path) or (blob.begins_as_php and can_hold_php(file.path))


@of_facts
def data_code(facts: Facts) -> tuple[Php, ...]:
    """PHP files that reach the database, hold SQL, map properties to it or test, in order of path."""
    return tuple((file, php) for file, php in php_files(facts) if php.access or php.sql or php.members or php.tests)


def marks(facts: Facts, *kinds: str) -> Iterator[tuple[FileFact, Mark]]:
    """The marks of PHP files that are of these kinds, kind by kind, each in order of path and line."""
    known = _marks(facts)
    return (place for kind in kinds for place in known.get(kind, ()))


@of_facts
def _marks(facts: Facts) -> Mapping[str, list[tuple[FileFact, Mark]]]:
    found: dict[str, list[tuple[FileFact, Mark]]] = {}
    for file, php in php_files(facts):
        for mark in php.marks:
            found.setdefault(mark.kind, []).append((file, mark))
    return found
