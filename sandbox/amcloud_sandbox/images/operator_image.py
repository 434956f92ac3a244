"""The operator's image: this checkout's Dockerfile, given a folder of wheels, since a build downloads nothing.

Three keyed steps: wheels of the dependencies (change with pyproject.toml), the project's own wheel (changes with the
code), the image (changes with either, the Dockerfile or the base). Only what changed is made again.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import commands, oci
from amcloud_sandbox.images.oci import Built, Target
from amcloud_sandbox.layout import Layout

REPOSITORY = "amcloud/operator"
CHECKOUT = Path(__file__).resolve().parents[3]
# What the wheel is made of; anything else may change without a new image.
SOURCES = ("operator", "conformance", "sandbox/amcloud_sandbox", "portal", "templates", "crds", "deploy", "pipelines")
SINGLE_FILES = ("pyproject.toml", "README.md", "LICENSE")
NOT_SOURCES = {"__pycache__", "node_modules", ".gitkeep"}


def version() -> str:
    """The project's version, which is the image's tag."""
    return str(_pyproject()["project"]["version"])


def build(layout: Layout, *, base: str, say: commands.Say, target: Target) -> Built:
    """The operator's image, from the cache when nothing that it is made of has changed."""
    doing = "construction de l'image de l'opérateur"
    if not (CHECKOUT / "Dockerfile").exists():
        raise SandboxError(doing, f"il faut un clone du projet : pas de Dockerfile dans {CHECKOUT}")
    tools, wheels = fetch(layout, say)
    product = _content(SINGLE_FILES + SOURCES)
    name = f"operator-{_hash(base, tools.name, wheels.name, product, _content(('Dockerfile',)))}"
    built = oci.cached(layout, name)
    if built is not None:
        return built
    made = oci.workplace(layout, name)
    context, image = made / "context", made / "image"
    _fill(context, tools=tools, wheels=wheels, say=say, log=layout.cache / "logs" / "wheel.log")
    arguments = {"BASE_IMAGE": base, "WHEELS_KEY": wheels.name, "PRODUCT_KEY": product}
    argv = (
        *("buildah", *oci.storage_options(layout), "bud", "--layers", "--force-rm", "--format", "oci"),
        *(target.tls_option(), "--disable-compression=false", "--tag", f"oci:{image}"),
        *(option for name, value in arguments.items() for option in ("--build-arg", f"{name}={value}")),
        str(context),
    )
    image.mkdir()
    commands.run(argv, doing=doing, say=say, log=layout.cache / "logs" / "operator.log", env=oci.ENVIRONMENT)
    return oci.keep(layout, name, image)


def fetch(layout: Layout, say: commands.Say) -> tuple[Path, Path]:
    """Folders with the wheels of what builds and installs the project, and of its dependencies."""
    pyproject = _pyproject()
    tools = _wheels(layout, "tools", [*pyproject["build-system"]["requires"], "pip"], say)
    return tools, _wheels(layout, "wheels", pyproject["project"]["dependencies"], say)


def _fill(context: Path, *, tools: Path, wheels: Path, say: commands.Say, log: Path) -> None:
    """``context`` is what the Dockerfile expects."""
    shutil.copytree(tools, context / "tools", copy_function=_link)
    shutil.copytree(wheels, context / "wheels", copy_function=_link)
    argv = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-cache-dir",
            "--find-links", str(tools), "--wheel-dir", str(context / "product"), str(CHECKOUT))  # fmt: skip
    commands.run(argv, doing="construction du paquet Python du projet", say=say, log=log)
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copy(CHECKOUT / name, context / name)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _wheels(layout: Layout, kind: str, wanted: Sequence[str], say: commands.Say) -> Path:
    """Folder with the wheels of ``wanted`` and of all that they need; earlier folders of this kind are removed."""
    folder = layout.cache / "wheels" / f"{kind}-{_hash(*wanted, sys.version)}"
    if folder.exists():
        return folder
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    argv = (sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(part), *wanted)
    log = layout.cache / "logs" / f"{kind}.log"
    commands.run(argv, doing="téléchargement des dépendances de l'opérateur", say=say, log=log)
    for old in folder.parent.glob(f"{kind}-*"):
        if old != part:
            shutil.rmtree(old, ignore_errors=True)
    part.rename(folder)
    return folder


def _pyproject() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def _content(names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        for path in _files(CHECKOUT / name):
            digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for inner in sorted(path.iterdir()):
            if inner.name not in NOT_SOURCES:
                yield from _files(inner)
    elif path.is_file():
        yield path


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
