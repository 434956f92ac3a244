"""How to reach an API server: from inside a pod by its service account, elsewhere by a kubeconfig."""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from amcloud.errors import BrokenInstallationError

PLUGIN_S = 120.0
"""Seconds that a credential plugin gets: some ask a person to sign in."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Connection:
    """Address and credentials. Files are read again when they change: tokens and certificates are renewed."""

    server: str
    authority: Path | None
    """Certificates that may have signed the server's; ``None`` means the system's."""
    token_file: Path | None = None
    certificate: tuple[Path, Path] | None = None
    """Client certificate and key."""
    folder: tempfile.TemporaryDirectory[str] | None = None
    """Where what the kubeconfig held inline was written; removed with the connection."""


def of(environment: Mapping[str, str], home: Path | None = None) -> Connection:
    """The connection that a program has here: its pod's, else that of KUBECONFIG, else that of ``~/.kube/config``.

    Raises:
        BrokenInstallationError: there is none.
    """
    if "KUBERNETES_SERVICE_HOST" in environment:
        return in_cluster(environment)
    named = [one for one in environment.get("KUBECONFIG", "").split(os.pathsep) if one]
    usual = (home or Path.home()) / ".kube" / "config"
    if not named and not usual.exists():
        raise BrokenInstallationError(f"aucun cluster n'est désigné : KUBECONFIG est vide et {usual} n'existe pas")
    return from_kubeconfig(Path(named[0]) if named else usual)


def in_cluster(environment: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Connection:
    """The connection of a pod's service account.

    Raises:
        BrokenInstallationError: this is not a pod, or it has no service account token.
    """
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").exists():
        raise BrokenInstallationError("l'opérateur ne tourne pas dans un pod avec un compte de service")
    bracketed = f"[{host}]" if ":" in host else host
    return Connection(f"https://{bracketed}:{port}", folder / "ca.crt", token_file=folder / "token")


def from_kubeconfig(path: Path, context: str | None = None) -> Connection:
    """The connection that a kubeconfig's context describes: its current one unless named.

    Raises:
        BrokenInstallationError: the file or the context cannot be used.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        chosen = _named(config, "contexts", context or config["current-context"])["context"]
        cluster = _named(config, "clusters", chosen["cluster"])["cluster"]
        user = _named(config, "users", chosen["user"])["user"]
        return _described(cluster, user, path.parent)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BrokenInstallationError(f"kubeconfig {path} : inutilisable ({type(error).__name__})") from error


def _described(cluster: Mapping[str, Any], user: Mapping[str, Any], beside: Path) -> Connection:
    folder = tempfile.TemporaryDirectory(prefix="amcloud-kubeconfig-")
    written = Path(folder.name)

    def file(holder: Mapping[str, Any], name: str) -> Path | None:
        if holder.get(f"{name}-data"):
            target = written / name
            target.touch(mode=0o600)
            target.write_bytes(base64.b64decode(holder[f"{name}-data"], validate=True))
            return target
        return (beside / holder[name]).resolve() if holder.get(name) else None

    if user.get("exec"):
        user = _given_by(user["exec"])
    token_file = Path(user["tokenFile"]) if user.get("tokenFile") else None
    if user.get("token"):
        token_file = written / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(user["token"], encoding="utf-8")
    certificate, key = file(user, "client-certificate"), file(user, "client-key")
    pair = (certificate, key) if certificate and key else None
    authority = file(cluster, "certificate-authority")
    return Connection(cluster["server"].rstrip("/"), authority, token_file, pair, folder)


def _given_by(plugin: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a credential plugin (``users[].user.exec``) answers, as a kubeconfig would say it.

    Raises:
        BrokenInstallationError: it cannot be started, fails, or answers nothing that signs in.
    """
    name, version = str(plugin["command"]), str(plugin.get("apiVersion") or "client.authentication.k8s.io/v1")
    asked = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": sys.stdin.isatty()}}
    more = {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
    environment = {**os.environ, **more, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    command = [name, *map(str, plugin.get("args") or ())]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=PLUGIN_S, check=True)
        status = json.loads(done.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise BrokenInstallationError(
            f"le programme d'authentification « {name} » du kubeconfig ne répond pas ({type(error).__name__})"
        ) from error
    certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if certificate and key:
        encoded = {"client-certificate-data": certificate, "client-key-data": key}
        return {kind: base64.b64encode(text.encode()).decode() for kind, text in encoded.items()}
    if not status.get("token"):
        raise BrokenInstallationError(f"le programme d'authentification « {name} » ne donne ni jeton ni certificat")
    return {"token": status["token"]}


def _named(config: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    found = next((entry for entry in config[kind] if entry["name"] == name), None)
    if found is None:
        raise KeyError(name)
    return dict(found)
