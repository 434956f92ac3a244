"""Ways to a cluster: a pod's account, KUBECONFIG, the usual file, and programs that sign people in."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud.clients import connection
from amcloud.errors import BrokenInstallationError


def kubeconfig(folder: Path, user: dict[str, Any], name: str = "config") -> Path:
    content = {
        "current-context": "ici",
        "contexts": [{"name": "ici", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://cluster.example:6443/"}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def plugin(folder: Path, answer: str) -> dict[str, Any]:
    program = folder / "connexion.py"
    program.write_text(answer, encoding="utf-8")
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": sys.executable,
                     "args": [str(program)], "env": [{"name": "DOMAINE", "value": "exemple"}]}}  # fmt: skip


TOKEN = """
import json, os
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = f"jeton-{os.environ['DOMAINE']}-{asked['apiVersion'].rpartition('/')[2]}"
print(json.dumps({"kind": "ExecCredential", "status": {"token": token}}))
"""


def test_a_program_that_signs_people_in_gives_their_token(tmp_path: Path) -> None:
    found = connection.from_kubeconfig(kubeconfig(tmp_path, plugin(tmp_path, TOKEN)))
    assert found.server == "https://cluster.example:6443"
    assert found.token_file is not None and found.token_file.read_text(encoding="utf-8") == "jeton-exemple-v1beta1"
    assert found.token_file.stat().st_mode & 0o077 == 0


def test_a_program_may_give_a_certificate(tmp_path: Path) -> None:
    status = {"clientCertificateData": "PEM du certificat", "clientKeyData": "PEM de la clé"}
    answer = f"print({json.dumps(json.dumps({'status': status}))})"
    found = connection.from_kubeconfig(kubeconfig(tmp_path, plugin(tmp_path, answer)))
    assert found.certificate is not None
    assert [path.read_text(encoding="utf-8") for path in found.certificate] == list(status.values())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("raise SystemExit(1)", "ne répond pas (CalledProcessError)"),
        ("print('bonjour')", "ne répond pas (JSONDecodeError)"),
        ("print('{}')", "ne répond pas (KeyError)"),
        ("print('{\"status\": {}}')", "ne donne ni jeton ni certificat"),
    ],
)
def test_a_program_that_fails_is_named(tmp_path: Path, answer: str, said: str) -> None:
    with pytest.raises(BrokenInstallationError) as caught:
        connection.from_kubeconfig(kubeconfig(tmp_path, plugin(tmp_path, answer)))
    assert said in str(caught.value)


def test_a_token_or_a_certificate_written_in_the_file_is_used(tmp_path: Path) -> None:
    assert connection.from_kubeconfig(kubeconfig(tmp_path, {"token": "x"})).token_file is not None
    data = base64.b64encode(b"pem").decode()
    both = {"client-certificate-data": data, "client-key-data": data}
    assert connection.from_kubeconfig(kubeconfig(tmp_path, both)).certificate is not None


def test_the_first_file_of_kubeconfig_counts_then_the_usual_one(tmp_path: Path) -> None:
    named = kubeconfig(tmp_path, {"token": "x"})
    assert connection.of({"KUBECONFIG": f"{named}:/autre"}, tmp_path / "personne").server
    kubeconfig(tmp_path / ".kube", {"token": "x"})
    assert connection.of({}, tmp_path).server
    with pytest.raises(BrokenInstallationError, match="aucun cluster n'est désigné"):
        connection.of({"KUBECONFIG": ""}, tmp_path / "personne")
