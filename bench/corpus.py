"""The PHP sources that are measured: trees of Debian's packages, unpacked in a cache, nothing of them installed.

Repositories are made of them anew, with the same files at each run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import say

PACKAGES = ("cacti", "dokuwiki", "mediawiki", "phpmyadmin", "roundcube-core", "wordpress")
FAMILIES = ("php-symfony-", "php-doctrine-")
TREES = {
    "Symfony": "php/Symfony",
    "Doctrine": "php/Doctrine",
    "phpMyAdmin": "phpmyadmin",
    "Roundcube": "roundcube",
    "DokuWiki": "dokuwiki",
    "Cacti": "cacti",
    "WordPress": "wordpress",
    "MediaWiki": "mediawiki",
}
MAX_BYTES = 1024 * 1024  # bigger files are not analysed: GOV-007 refuses them
TIMEOUT_S = 600.0
IDENTITY = ("-c", "user.name=Mesure (exemple)", "-c", "user.email=mesure@exemple.invalid", "-c", "gc.auto=0")


@dataclass(frozen=True, slots=True)
class Corpus:
    """A git repository and its PHP files, in their order."""

    folder: Path
    files: tuple[Path, ...]
    lines: int

    def changed(self, count: int, salt: str) -> None:
        """Commit a change of ``count`` files, other ones for each ``salt``."""
        start = int.from_bytes(salt.encode(), "big") % len(self.files)
        for file in spread(self.files[start:] + self.files[:start], count):
            with file.open("ab") as opened:
                opened.write(f"\n// {salt}\n".encode())
        commit(self.folder)


def cache() -> Path:
    """Where unpacked packages are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "amcloud" / "bench"


def sources() -> dict[str, tuple[Path, ...]]:
    """PHP files of each tree, in order; from Debian's packages, downloaded once.

    Raises:
        RuntimeError: there is no apt here, or it does not reach Debian.
    """
    share = _unpacked() / "usr" / "share"
    found = {}
    for name, place in TREES.items():
        files = sorted(file for file in (share / place).rglob("*.php") if file.is_file() and not file.is_symlink())
        found[name] = tuple(file for file in files if file.stat().st_size <= MAX_BYTES)
    return found


def trees() -> tuple[Path, ...]:
    """The whole trees of the packages, templates included.

    Raises:
        RuntimeError: there is no apt here, or it does not reach Debian.
    """
    share = _unpacked() / "usr" / "share"
    return tuple(share / place for place in sorted(set(TREES.values())))


def _unpacked() -> Path:
    root, packages = cache() / "root", cache() / "packages"
    if (root / ".complete").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    packages.mkdir(parents=True, exist_ok=True)
    say("downloading Debian packages (about 100 MB, once)")
    try:
        names = [
            name for family in FAMILIES for name in sorted(_run("apt-cache", "pkgnames", family).splitlines()) if name
        ]
        _run("apt-get", "download", "--quiet", *names, *PACKAGES, cwd=packages)
        for package in sorted(packages.glob("*.deb")):
            _run("dpkg-deb", "--extract", str(package), str(root))
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeError(f"the corpus comes from Debian's packages, which cannot be had here: {error}") from error
    shutil.rmtree(packages)
    (root / ".complete").touch()
    return root


def _run(*argv: str, cwd: Path | None = None) -> str:
    return subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True, timeout=TIMEOUT_S).stdout


def spread(files: Sequence[Path], count: int) -> tuple[Path, ...]:
    """``count`` of the files at equal distances, the same ones at each run; all of them when there are no more."""
    if len(files) <= count:
        return tuple(files)
    return tuple(files[number * len(files) // count] for number in range(count))


def repository(folder: Path, files: Iterable[Path]) -> Corpus:
    """The git repository, in a new ``folder``, of copies of these files of the unpacked packages."""
    root = _unpacked() / "usr" / "share"
    made = []
    for source in files:
        place = folder / source.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        made.append(place)
    return committed(folder, made)


def committed(folder: Path, files: Sequence[Path]) -> Corpus:
    """The repository of all that lies in ``folder``."""
    _run("git", "-C", str(folder), "init", "--quiet")
    commit(folder)
    return Corpus(folder, tuple(files), sum(file.read_bytes().count(b"\n") for file in files))


def commit_of(folder: Path, repository: Path) -> None:
    """Commit all that lies in ``folder``, untouched, to a new repository in the empty folder ``repository``."""
    _run("git", "-C", str(repository), "init", "--quiet")
    git = ("git", "--git-dir", str(repository / ".git"), "--work-tree", str(folder), *IDENTITY)
    _run(*git, "add", "--all", "--force", cwd=folder)
    _run(*git, "commit", "--quiet", "--allow-empty", "-m", "Corpus", cwd=folder)


def commit(folder: Path) -> None:
    """Commit all that changed."""
    _run("git", "-C", str(folder), "add", "--all", "--force")
    _run("git", "-C", str(folder), *IDENTITY, "commit", "--quiet", "--allow-empty", "-m", "Corpus")
