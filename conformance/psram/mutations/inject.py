"""Injects a mutation into a conforming application, in memory: only contents that changed are read again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, get_type_hints

import msgspec

from psram import examples
from psram.collect.composer import content_hash
from psram.collect.memory import collect_files
from psram.errors import PackError
from psram.facts import Facts, Syntax, SyntaxFacts
from psram.model import Context, Limits, Php
from psram.mutations.data import Edit, Mutation, Replace
from psram.roles import Role, roles
from psram.worker import php as php_worker

COMMIT: Final = "1" * 40
_UNVERSIONED: Final = frozenset({".git", "vendor", "var", "node_modules", ".phpunit.cache"})
_HASH: Final = re.compile(r'("content-hash":\s*")[0-9a-f]{32}"')


class Tree:
    """An application's files while they are edited."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.links: dict[str, str] = {}
        self.submodules: list[str] = []
        self.oversize: list[str] = []

    def edit(self, edit: Edit) -> None:
        """Apply one change.

        Raises:
            PackError: the text to replace, or the file, is not there; several changes at once.
        """
        if edit.gestures != 1:
            raise PackError(f"le changement de « {edit.path} » dit {edit.gestures} gestes au lieu d'un")
        if edit.create is not None:
            self.files[edit.path] = examples.composed(edit.create).encode()
        if edit.binary is not None:
            self.files[edit.path] = bytes.fromhex(edit.binary)
        if edit.prepend is not None:
            self.files[edit.path] = examples.composed(edit.prepend).encode() + self._content(edit.path)
        if edit.append is not None:
            self.files[edit.path] = self._content(edit.path) + examples.composed(edit.append).encode()
        if edit.replace is not None:
            for replace in (edit.replace,) if isinstance(edit.replace, Replace) else edit.replace:
                self._replace(edit.path, replace)
        if edit.rename:
            self.files[edit.rename] = self._content(edit.path)
        if edit.delete or edit.rename:
            self._content(edit.path)
            del self.files[edit.path]
        if edit.link is not None:
            self.files.pop(edit.path, None)
            self.links[edit.path] = edit.link
        if edit.submodule:
            self.submodules.append(edit.path)
        if edit.oversize:
            self.files.pop(edit.path, None)
            self.oversize.append(edit.path)

    def relock(self) -> None:
        """Write the right content-hash into the lock."""
        if "composer.json" not in self.files or "composer.lock" not in self.files:
            return
        try:
            wanted = content_hash(json.loads(self.files["composer.json"]))
        except ValueError:
            return
        lock = self.files["composer.lock"].decode()
        self.files["composer.lock"] = _HASH.sub(rf'\g<1>{wanted}"', lock).encode()

    def _content(self, path: str) -> bytes:
        if path not in self.files:
            raise PackError(f"« {path} » n'existe pas dans l'application")
        return self.files[path]

    def _replace(self, path: str, replace: Replace) -> None:
        text = self._content(path).decode()
        if replace.find not in text:
            raise PackError(f"« {replace.find} » n'est pas dans {path}")
        self.files[path] = text.replace(replace.find, examples.composed(replace.by)).encode()


class Sample:
    """A conforming application: its files, its facts and the context with full evidence.

    ``php`` is the real PHP that compiles sources; ``None`` leaves their syntax unknown.
    """

    def __init__(self, folder: Path, context: dict[str, Any], *, php: Php | None) -> None:
        self._files = {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file() and not _UNVERSIONED & set(file.relative_to(folder).parts)
        }
        self._context = context
        self._php = php
        self._compiled: dict[bytes, Syntax] = {}
        self.compile(self._files)
        self.facts = self._given(collect_files(self._files, commit=COMMIT), context.get("facts", {}))
        self.facts = msgspec.structs.replace(self.facts, tree="2" * 40, syntax=self._syntax(self.facts, self._files))

    def compile(self, files: Mapping[str, bytes]) -> None:
        """Let the real PHP compile these sources, all at once; what it already compiled is not asked again."""
        sources = {c for p, c in files.items() if Role.PHP in roles(p)} - self._compiled.keys()
        if self._php is None or not sources:
            return
        numbered = {f"{number:040x}": content for number, content in enumerate(sorted(sources), 1)}
        found = php_worker.syntax(self._php, list(numbered.items()), Limits())
        if found is not None:
            self._compiled |= {numbered[blob]: verdict for blob, verdict in found.verdicts.items()}

    def compile_all(self, mutations: Iterable[Mutation]) -> None:
        """Let the real PHP compile the sources of all these mutants at once; those that do not apply are told later."""
        changed: dict[str, bytes] = {}
        for mutation in mutations:
            with suppress(PackError, ValueError):
                for path, content in self.tree(mutation).files.items():
                    if Role.PHP in roles(path) and self._files.get(path) != content:
                        changed[f"{len(changed)}.php"] = content
        self.compile(changed)

    def tree(self, mutation: Mutation) -> Tree:
        """The application's files with the mutation's edits."""
        tree = Tree(self._files)
        for edit in mutation.edits:
            tree.edit(edit)
        if mutation.relock and tree.files.get("composer.json") != self._files["composer.json"]:
            tree.relock()
        return tree

    def mutated(self, mutation: Mutation) -> Facts:
        """The facts of the mutated application: those of the sample, and of what changed."""
        tree = self.tree(mutation)
        changed = {path: content for path, content in tree.files.items() if self._files.get(path) != content}
        if any(self._files.get(p) != tree.files.get(p) for p in ("composer.json", "composer.lock")):
            changed |= {p: tree.files[p] for p in ("composer.json", "composer.lock") if p in tree.files}
        delta = collect_files(changed, links=tree.links, submodules=tree.submodules, oversize=tree.oversize)
        again = {file.path for file in delta.files}
        kept = [f for f in self.facts.files if f.path in tree.files and f.path not in again]
        manifests = {p: tree.files.get(p) for p in ("composer.json", "composer.lock")}
        same = all(self._files.get(p) == content for p, content in manifests.items())
        composer = self.facts.composer if same else delta.composer
        self.compile(changed)
        files = tuple(sorted([*kept, *delta.files]))
        known = {**self.facts.blobs, **delta.blobs}
        facts = msgspec.structs.replace(
            self.facts,
            files=files,
            blobs={blob: known[blob] for blob in sorted({f.blob for f in files} & known.keys())},
            composer=composer,
        )
        facts = msgspec.structs.replace(facts, syntax=self._syntax(facts, tree.files))
        return self._given(facts, mutation.facts)

    def context(self, mutation: Mutation | None = None) -> Context:
        """The context with full evidence, the mutation's own laid over it."""
        given = {key: value for key, value in self._context.items() if key != "facts"}
        if mutation is not None:
            given = merged(given, {**mutation.context, "evidence": mutation.evidence})
        return msgspec.convert(json.loads(json.dumps(given, default=str).replace("@COMMIT@", COMMIT)), Context)

    def _syntax(self, facts: Facts, files: Mapping[str, bytes]) -> SyntaxFacts | None:
        if self._php is None:
            return None
        blobs = {f.path: f.blob for f in facts.files}
        known = {blobs[p]: self._compiled[c] for p, c in files.items() if p in blobs and c in self._compiled}
        return SyntaxFacts(self._php.version, dict(sorted(known.items())))

    @staticmethod
    def _given(facts: Facts, values: Mapping[str, Any]) -> Facts:
        hints = get_type_hints(Facts)
        return msgspec.structs.replace(facts, **{k: msgspec.convert(v, hints[k]) for k, v in values.items()})


def merged(base: Any, over: Any) -> Any:
    """``over`` laid over ``base``: objects key by key, anything else replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    return over
