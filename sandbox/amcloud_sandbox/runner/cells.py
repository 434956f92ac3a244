"""Effects on a cell: commands run in it, files put in and taken out, everything removed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pwd
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from amcloud_sandbox.runner.isolation import Cell

COMMAND_TIMEOUT_S = 120
ARTIFACTS_LIMIT = 100 * 1024 * 1024


class CommandError(Exception):
    """A command failed in the cell: the end of what it wrote."""


def popen(
    cell: Cell, command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """The command, started in the cell in a session of its own, output and errors in one pipe."""
    return subprocess.Popen(
        cell.argv(command, cwd=cwd),
        env=cell.environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def run(
    cell: Cell,
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    images_writable: bool = False,
) -> bytes:
    """Standard output of the command run in the cell.

    Raises:
        CommandError: it failed or took too long.
    """
    try:
        done = subprocess.run(
            cell.argv(command, cwd=cwd, images_writable=images_writable),
            env=cell.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_TIMEOUT_S,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{command[0]}: still running after {COMMAND_TIMEOUT_S} s") from error
    if done.returncode:
        text = (done.stderr or done.stdout)[-4000:].decode("utf-8", "replace").strip()
        raise CommandError(text or f"{command[0]}: exit status {done.returncode}")
    return done.stdout


def write(cell: Cell, path: Path, content: str) -> None:
    """``path`` (under the cell's folder, before any job ran) holds ``content`` and belongs to the account."""
    user = pwd.getpwnam(cell.account)
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    for entry in (path, *missing):
        os.chown(entry, user.pw_uid, user.pw_gid)
    path.chmod(0o600)


def pack(cell: Cell, folder: Path) -> bytes | None:
    """Zip of the regular files under ``folder``, read as the account; None when there is none.

    The account's own tar reads them, so a link planted by a job leads nowhere that the job could not go itself.

    Raises:
        CommandError: too much, or unreadable.
    """
    if not folder.is_dir():
        return None
    process = subprocess.Popen(
        cell.argv(["tar", "--create", "--file=-", "--directory", str(folder), "."]),
        env=cell.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        content, count = _zip(process.stdout)
    except tarfile.TarError as error:
        raise CommandError(f"artifacts: {error}") from error
    finally:
        process.kill()
        process.wait()
    return content if count else None


def _zip(stream: IO[bytes]) -> tuple[bytes, int]:
    out, total, count = io.BytesIO(), 0, 0
    with tarfile.open(fileobj=stream, mode="r|") as tar, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in tar:
            if not member.isfile():
                continue
            total += member.size
            if total > ARTIFACTS_LIMIT:
                raise CommandError(f"artifacts: more than {ARTIFACTS_LIMIT // 2**20} MiB")
            file = tar.extractfile(member)
            assert file is not None
            archive.writestr(member.name.removeprefix("./"), file.read())
            count += 1
    return out.getvalue(), count


def read_zip(content: bytes, path: str) -> bytes | None:
    """One file of a zip made by :func:`pack`, None when it is not in it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        try:
            return archive.read(path.removeprefix("./"))
        except KeyError:
            return None


def unpack(cell: Cell, content: bytes, target: Path) -> None:
    """``target`` holds the files of a zip, written as the account."""
    packed = cell.tmp / "earlier.zip"
    packed.write_bytes(content)
    packed.chmod(0o644)
    run(cell, ["mkdir", "-p", str(target)])
    run(cell, ["python3", "-m", "zipfile", "--extract", str(cell.tmp_inside / packed.name), str(target)])


def storage_settings(cell: Cell, registry: str) -> dict[Path, str]:
    """Configuration files of buildah in the cell's home: an own store over the shared base images, a plain registry."""
    config = cell.home / ".config" / "containers"
    store, run_root = cell.home / "storage", cell.home / "run" / "containers"
    quoted: Any = json.dumps
    return {
        config / "storage.conf": (
            f'[storage]\ndriver = "overlay"\ngraphroot = {quoted(str(store))}\nrunroot = {quoted(str(run_root))}\n'
            f"[storage.options]\nadditionalimagestores = [{quoted(str(cell.images))}]\n"
        ),
        config / "registries.conf": f"[[registry]]\nlocation = {quoted(registry)}\ninsecure = true\n",
        config / "policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
    }


def remove(cell: Cell) -> None:
    """Nothing of the cell is left, the files of its user namespace included; the project's cache stays."""
    with contextlib.suppress(CommandError, OSError):
        run(cell, ["buildah", "unshare", "rm", "-rf", str(cell.home / "storage")])
    shutil.rmtree(cell.folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Nothing is left of the cells of an earlier life of the runner."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
