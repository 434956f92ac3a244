"""The file that holds a cluster: readable but for its Secrets, which without a passphrase are not there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from amcloud.clients import archive
from amcloud.clients.archive import Archive
from amcloud.errors import BrokenInstallationError

KEY = "une phrase bien assez longue"
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cpam-bas-rhin"}}
SECRET = {
    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forge-token", "namespace": "cpam-bas-rhin"},
    "data": {"token": "c2VjcmV0"},
}  # fmt: skip
WHOLE = Archive("2026-03-02T08:00:00+00:00", 30, (NAMESPACE,), (SECRET,))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cluster" / "20260302T080000Z.json.gz"


def inside(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


def test_with_a_passphrase_everything_comes_back_and_secrets_are_not_readable(path: Path) -> None:
    archive.write(WHOLE, path, key=KEY)
    assert archive.read(path, key=KEY) == Archive(WHOLE.taken_at, 30, (NAMESPACE,), (SECRET,), sealed=True)
    assert inside(path)["objects"] == [NAMESPACE]
    assert "c2VjcmV0" not in json.dumps(inside(path)) and "forge-token" not in json.dumps(inside(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_without_one_no_secret_is_written(path: Path) -> None:
    archive.write(WHOLE, path, key="")
    assert inside(path)["secrets"] is None
    assert archive.read(path, key=KEY).secrets == ()
    assert archive.read(path, key="").sealed is False


def test_sealed_secrets_stay_aside_without_the_passphrase(path: Path) -> None:
    archive.write(WHOLE, path, key=KEY)
    found = archive.read(path, key="")
    assert (found.objects, found.secrets, found.sealed) == ((NAMESPACE,), (), True)


def test_a_short_passphrase_protects_nothing(path: Path) -> None:
    with pytest.raises(BrokenInstallationError, match="moins de 16"):
        archive.write(WHOLE, path, key="court")
    assert not path.exists()


def test_another_passphrase_or_a_changed_file_is_refused(path: Path) -> None:
    archive.write(WHOLE, path, key=KEY)
    with pytest.raises(BrokenInstallationError, match="la clé n'est pas la sienne"):
        archive.read(path, key=KEY + "!")
    changed = inside(path)
    changed["objects"][0]["metadata"]["labels"] = {"amcloud.cnamts.fr/organisation": "999"}
    path.write_bytes(gzip.compress(json.dumps(changed).encode()))
    with pytest.raises(BrokenInstallationError, match="modifiée"):
        archive.read(path, key=KEY)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "ce n'est pas|illisible", id="empty"),
        pytest.param(b"pas un gzip", "illisible", id="no gzip"),
        pytest.param(gzip.compress(b"{"), "illisible", id="no JSON"),
        pytest.param(gzip.compress(b"[]"), "ce n'est pas", id="no object"),
        pytest.param(gzip.compress(b'{"format": "autre"}'), "ce n'est pas", id="another format"),
        pytest.param(gzip.compress(b'{"format": "amcloud-cluster/1"}'), "abîmée", id="nothing in it"),
        pytest.param(
            gzip.compress(b'{"format": "amcloud-cluster/1", "takenAt": "x", "kubernetesMinor": 1, "objects": [1]}'),
            "abîmée", id="no objects in it",
        ),
        pytest.param(
            gzip.compress(b'{"format": "amcloud-cluster/1", "secrets": {"salt": "?"}}'), "abîmée", id="no seal"
        ),
    ],
)  # fmt: skip
def test_what_is_no_archive_is_refused_by_name(path: Path, content: bytes, said: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BrokenInstallationError, match=said) as refused:
        archive.read(path, key=KEY)
    assert path.name in str(refused.value)
