"""``amcloud new``: a Starter Kit application that conforms from its first commit, written from ``templates/new``."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amcloud.cli.exits import Exit, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

# The sandbox's own, so that the first try works without any option; whatever is assumed is said.
SANDBOX_COMPOSER_URL = "http://198.18.0.1:8930"
SAMPLE_ORGANISATION, SAMPLE_NAMESPACE = "671", "cpam-bas-rhin"
_OF_THE_SANDBOX = "celui du bac à sable"
LOCK, MANIFEST = "composer.lock", "composer.json"

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ORGANISATION = re.compile(r"[0-9]{3}")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_HIDDEN = "dot."  # a template's name for a hidden file: `dot.gitignore`
# The part of composer.json that Composer's content-hash covers (Composer\Package\Locker::getContentHash).
_HASHED = (
    "name", "version", "require", "require-dev", "conflict", "replace", "provide", "minimum-stability",
    "prefer-stable", "repositories", "extra",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choices:
    """What the new application is called and whose it is; each value has been checked."""

    name: str
    organisation: str
    namespace: str
    composer_url: str

    @property
    def title(self) -> str:
        """The name as words: ``suivi-courriers`` → ``Suivi courriers``."""
        return self.name.replace("-", " ").capitalize()


@dataclass(frozen=True, slots=True)
class File:
    """One file to write; ``path`` is relative to the new application's folder."""

    path: str
    content: bytes
    executable: bool = False


def problem(choices: Choices) -> str | None:
    """What is wrong with the choices, for the person who typed them; None when nothing is."""
    from amcloud.stages.manifest import NAME_LONGEST, RESERVED

    if choices.name in RESERVED:
        return f"NOM : {choices.name} est réservé à la plateforme"
    if not _NAME.fullmatch(choices.name) or len(choices.name) > NAME_LONGEST:
        return f"NOM : des minuscules, des chiffres et des tirets, une lettre d'abord ({NAME_LONGEST} au plus)"
    checks = (
        (_ORGANISATION, choices.organisation, "--organisation : le code à trois chiffres de l'organisme"),
        (_LABEL, choices.namespace, "--namespace : l'espace de noms de l'organisme (minuscules, chiffres, tirets)"),
        (_URL, choices.composer_url, "--composer : une adresse http(s) de dépôt Composer"),
    )
    return next((say for pattern, value, say in checks if not pattern.fullmatch(value)), None)


def chosen(name: str, organisation: str, namespace: str, composer: str) -> tuple[Choices, tuple[str, ...]]:
    """The choices, and what the person who typed them should know: what was changed, what was assumed."""
    choices = Choices(
        name.lower(),
        organisation or SAMPLE_ORGANISATION,
        namespace or SAMPLE_NAMESPACE,
        composer or SANDBOX_COMPOSER_URL,
    )
    assumed = [
        f"{value} ({option})"
        for given, value, option in (
            (organisation, choices.organisation, "--organisation"),
            (namespace, choices.namespace, "--namespace"),
            (composer, choices.composer_url, "--composer"),
        )
        if not given
    ]
    notes = (
        [f"{name} : un nom s'écrit en minuscules, l'application s'appelle {choices.name}."]
        if name != choices.name
        else []
    )
    if assumed:
        notes.append(
            f"Supposé, comme dans le bac à sable : {', '.join(assumed)}. "
            "Ailleurs, recommencez avec ces options : organisme, groupe et dépôt seraient ceux d'un autre."
        )
    return choices, tuple(notes)


def render(template: Mapping[str, bytes], choices: Choices) -> tuple[File, ...]:
    """The files of the new application, in order; the lock's ``content-hash`` fits the new ``composer.json``."""
    tokens = {
        "__NOM__": choices.name,
        "__TITRE__": choices.title,
        "__ORGANISATION__": choices.organisation,
        "__ESPACE__": choices.namespace,
        "__DEPOT_COMPOSER__": choices.composer_url.rstrip("/"),
    }
    contents = {_shown(path): _replaced(data, tokens) for path, data in template.items()}
    manifest = json.loads(contents[MANIFEST])
    if choices.composer_url.startswith("https:"):
        manifest["config"].pop("secure-http", None)
    lock = {**json.loads(contents[LOCK]), "content-hash": content_hash(manifest)}
    contents |= {MANIFEST: _json(manifest), LOCK: _json(lock)}
    return tuple(File(path, data, data.startswith(b"#!")) for path, data in sorted(contents.items()))


def _shown(path: str) -> str:
    *folders, name = path.split("/")
    return "/".join((*folders, f".{name.removeprefix(_HIDDEN)}" if name.startswith(_HIDDEN) else name))


def _replaced(data: bytes, tokens: Mapping[str, str]) -> bytes:
    for token, value in tokens.items():
        data = data.replace(token.encode(), value.encode())
    return data


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=4, ensure_ascii=False) + "\n").encode()


def content_hash(manifest: Mapping[str, object]) -> str:
    """The ``content-hash`` that Composer computes for this ``composer.json``."""
    relevant = {key: manifest[key] for key in sorted(_HASHED) if key in manifest}
    config = manifest.get("config")
    if isinstance(config, Mapping) and "platform" in config:
        relevant["config"] = {"platform": config["platform"]}
    ordered = {key: relevant[key] for key in sorted(relevant)}
    text = json.dumps(_as_php(ordered), separators=(",", ":")).replace("/", "\\/")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _as_php(value: object) -> object:
    """The value as PHP holds it after decoding: an empty object has become an empty list."""
    if isinstance(value, Mapping):
        return {key: _as_php(item) for key, item in value.items()} or []
    return [_as_php(item) for item in value] if isinstance(value, list) else value


def template() -> dict[str, bytes]:
    """Files of ``templates/new``, path → content."""
    from amcloud import assets

    root = assets.folder("templates") / "new"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def write(files: tuple[File, ...], folder: Path) -> None:
    """The files are in ``folder``, which did not exist or was empty; all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        staged = Path(temporary) / folder.name
        for file in files:
            path = staged / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            path.chmod(0o755 if file.executable else 0o644)
        if folder.exists():
            folder.rmdir()
        staged.rename(folder)


def _lock(folder: Path, say: Callable[[str], None]) -> None:
    """The lock names what the repository serves today if it can be asked; else the template's stays, and it is said."""
    from amcloud.clients import composer
    from amcloud.errors import UnavailableError

    try:
        composer.lock(folder)
    except UnavailableError as error:
        say(f"composer.lock : celui du modèle ({error}).")
        say("S'il est refusé au premier push, lancez « composer update » et poussez à nouveau.")


def _next_commands(choices: Choices, folder: Path) -> str:
    return "\n".join(
        (
            "Ensuite :",
            f"  cd {folder}",
            "  amcloud check .",
            "  git init -b main && git add . && git commit -m 'Première révision'",
            "  kubectl apply -f localapp.yaml   # l'exploitant l'applique ; dans le bac à sable, vous",
            f"  git remote add origin FORGE/{choices.namespace}/{choices.name}.git && git push -u origin main",
        )
    )


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command(name="new", help="Écrit une application conforme, sur le Starter Kit, prête à être poussée.")
    def new(  # noqa: PLR0917  (typer's way of declaring a command line)
        name: Annotated[str, typer.Argument(metavar="NOM", help="Nom de l'application, qui est aussi son adresse.")],
        directory: Annotated[
            Path | None, typer.Argument(metavar="DOSSIER", help="Où l'écrire ; par défaut ./NOM.", show_default=False)
        ] = None,
        organisation: Annotated[
            str,
            typer.Option(metavar="CODE", help="Organisme propriétaire, trois chiffres.", show_default=_OF_THE_SANDBOX),
        ] = "",
        namespace: Annotated[
            str,
            typer.Option(
                metavar="ESPACE",
                help="Espace de noms et groupe de la forge de cet organisme.",
                show_default=_OF_THE_SANDBOX,
            ),
        ] = "",
        composer: Annotated[
            str,
            typer.Option(
                metavar="URL",
                envvar="AMCLOUD_COMPOSER_URL",
                help="Dépôt Composer agréé.",
                show_default=_OF_THE_SANDBOX,
            ),
        ] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Montre les fichiers sans rien écrire.")] = False,
    ) -> None:
        choices, notes = chosen(name, organisation, namespace, composer)
        folder = directory or Path(choices.name)
        wrong = problem(choices)
        if wrong:
            refuse("new", wrong)
        occupied = _occupied(folder)
        if occupied:
            refuse("new", occupied, Exit.REFUSED)
        files = render(template(), choices)
        for note in notes:
            typer.echo(note, err=True)
        if dry_run:
            typer.echo("\n".join(f"{folder / file.path}" for file in files))
            typer.echo(f"{len(files)} fichiers seraient écrits ; rien ne l'a été.")
            return
        write(files, folder)
        typer.echo(
            f"{folder} : application {choices.name} de l'organisme {choices.organisation}, {len(files)} fichiers."
        )
        _lock(folder, typer.echo)
        typer.echo(_next_commands(choices, folder))


def _occupied(folder: Path) -> str | None:
    """Why nothing may be written at ``folder``; None when it is free."""
    if folder.is_dir() and not any(folder.iterdir()):
        return None
    return f"{folder} existe déjà et n'est pas vide : rien n'a été écrit" if folder.exists() else None
