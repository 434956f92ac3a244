"""Root file systems from Debian packages, by mmdebstrap and the machine's own package sources.

No mirror is named here: the files of /etc/apt that name the machine's release are handed on, with its proxy settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import commands
from amcloud_sandbox.images.definition import Definition, folder

APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
# Left out of every image: nobody reads manuals in a container, and messages are in English or ours.
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/i18n/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
# Host settings of apt that downloading may need; mmdebstrap reads none by itself.
HANDED_ON = re.compile(r'^(Acquire::(?:https?::\S*(?:Proxy|CaInfo|Verify)\S*|Check-[\w-]+) ".*");$')


def release(os_release: str) -> str:
    """Code name of the Debian release described by ``os_release`` (the text of /etc/os-release): ``bookworm``."""
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', os_release, re.MULTILINE)
    if not found or not re.search(r'^ID="?debian"?$', os_release, re.MULTILINE):
        raise SandboxError("préparation des images de base", "il faut une machine Debian (lu dans /etc/os-release)")
    return found[1]


def sources(apt: Path, suite: str) -> tuple[Path, ...]:
    """Files of ``apt`` with package sources of ``suite``."""
    candidates = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    found = tuple(path for path in candidates if path.suffix in {".list", ".sources"} and _names(path, suite))
    if not found:
        raise SandboxError("préparation des images de base", f"aucune source de paquets pour {suite} dans {apt}")
    return found


def _names(path: Path, suite: str) -> bool:
    if not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(re.search(rf"\b{suite}\b", line) for line in lines if not line.lstrip().startswith("#"))


def handed_on(apt_config: str) -> tuple[str, ...]:
    """Options for the inner apt out of the output of ``apt-config dump``."""
    return tuple(found[1] for line in apt_config.splitlines() if (found := HANDED_ON.match(line)))


def arguments(
    definition: Definition, *, suite: str, sources_files: Iterable[Path], aptopts: Iterable[str], target: Path
) -> list[str]:
    """mmdebstrap's command line for ``definition``."""
    apt_options = ('Acquire::Languages "none"', 'APT::Install-Recommends "false"', *aptopts)
    merged = Path("/usr/share/mmdebstrap/hooks/merged-usr")  # else the package usrmerge comes, with all of Perl
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=essential",
        f"--hook-dir={merged}",
        f"--include={','.join((*definition.packages, 'usr-is-merged'))}",
        *(f"--aptopt={option}" for option in apt_options),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in (*LEFT_OUT, *definition.without)),
        *(f"--customize-hook={hook}" for hook in _hooks(definition)),
        suite,
        str(target),
        *map(str, sources_files),
    ]


def _hooks(definition: Definition) -> list[str]:
    user, account = definition.user, definition.account
    source = folder(definition.short_name)
    return [
        f"echo '{account}:x:{user}:{user}::/tmp:/usr/sbin/nologin' >> \"$1/etc/passwd\"",
        f"echo '{account}:x:{user}:' >> \"$1/etc/group\"",
        *(f'mkdir -p "$1{path}"' for path in definition.folders),
        *(
            f'install -D -m {_mode(source / name)} "{source / name}" "$1{path}"'
            for name, path in definition.files.items()
        ),
        *(f'chroot "$1" phpdismod -v ALL {name}' for name in definition.without_extensions),
        # Caches and logs of the installation.
        'rm -rf "$1"/var/lib/apt/* "$1"/var/cache/* "$1"/var/log/* "$1"/tmp/*',
        # Set-user-id programs serve nobody in a container without privileges.
        'find "$1" -xdev -perm /6000 -type f -exec chmod ug-s {} +',
    ]


def _mode(path: Path) -> str:
    return "0755" if path.read_bytes().startswith(b"#!") else "0644"


def build(definition: Definition, *, target: Path, say: commands.Say, log: Path) -> None:
    """``target`` (a tar file) holds the root file system of ``definition``."""
    suite = release(OS_RELEASE.read_text(encoding="utf-8"))
    aptopts = handed_on(commands.output(("apt-config", "dump"), doing="lecture des réglages d'apt"))
    argv = arguments(definition, suite=suite, sources_files=sources(APT, suite), aptopts=aptopts, target=target)
    doing = f"installation des paquets de {definition.short_name}"
    commands.run(argv, doing=doing, say=say, log=log, env={"TMPDIR": str(target.parent)})
