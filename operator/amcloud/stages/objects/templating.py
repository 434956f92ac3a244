"""Templates → text → plain data. Templates are code, values are not: whatever a template prints is quoted as YAML.

Quoting is not a filter that an author may forget: the renderer applies it to every printed value, and the ``safe``
filter, which would lift it, does not exist here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jinja2
import yaml
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from amcloud.errors import BrokenInstallationError

SUFFIX = ".yaml.j2"
RENDERED_MAX_CHARS = 1024 * 1024


class _Compiled(jinja2.BytecodeCache):
    """Compiled templates of this process: every pass renders the same few. Jinja compares each with its source."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def quoted(value: object) -> Markup:
    """``value`` as YAML on one line, whatever it contains; text that the templates wrote themselves as it is."""
    if isinstance(value, Markup):
        return value
    # YAML reads JSON but for what JSON leaves unescaped or escapes as surrogate pairs
    text = json.dumps(value, ensure_ascii=False)
    return Markup("".join(c if c.isprintable() else _escaped(c) for c in text))  # noqa: S704 - quoted just now


def render(
    templates: Mapping[str, str], values: Mapping[str, Any], *, functions: Mapping[str, Callable[[str], Any]]
) -> Iterator[tuple[str, str]]:
    """Name and rendered text of each template, in the order of their names; ``_*`` are for import only.

    Raises:
        BrokenInstallationError: a template does not compile or uses what does not exist.
    """
    # autoescape is what marks the template's own text; `finalize` comes first and leaves nothing to escape
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.DictLoader(dict(templates)),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=quoted,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
    del environment.filters["safe"]
    environment.globals = {**functions, **values}  # no `range`, `cycler`… : nothing but what is said here
    for name in sorted(templates):
        if name.endswith(SUFFIX) and not name.startswith("_"):
            yield name, _rendered(environment, name)


def documents(name: str, text: str) -> Iterator[Mapping[str, Any]]:
    """The objects in a rendered text; empty documents are left out.

    Raises:
        BrokenInstallationError: it is not YAML, or a document is not a mapping.
    """
    try:
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if document is None:
                continue
            if not isinstance(document, dict):
                raise BrokenInstallationError(f"gabarit {name} : un document n'est pas un objet")
            yield document
    except yaml.YAMLError as error:
        raise BrokenInstallationError(f"gabarit {name} : le texte produit n'est pas du YAML") from error


def _rendered(environment: jinja2.Environment, name: str) -> str:
    try:
        text = environment.get_template(name).render()
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        # the error's text may quote a value, and a value may be a credential: its kind is enough with the file's name
        line = getattr(error, "lineno", None)
        where = f"{name}, ligne {line}" if line else name
        raise BrokenInstallationError(
            f"gabarit {where} : ne se laisse pas produire ({type(error).__name__})"
        ) from error
    if len(text) > RENDERED_MAX_CHARS:
        raise BrokenInstallationError(f"gabarit {name} : le texte produit dépasse {RENDERED_MAX_CHARS} caractères")
    return text


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the plane that \u reaches
