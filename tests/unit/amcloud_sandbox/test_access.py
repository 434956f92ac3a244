"""What `amcloud sandbox env` prints, and the certificates that it makes for a role."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from amcloud_sandbox import access, binaries
from amcloud_sandbox.access import Role
from amcloud_sandbox.control_plane import ControlPlane, write_credentials
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with the keys of a control plane, which take long to make; copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    programs = folder / "bin"
    programs.mkdir()
    for name in binaries.CLUSTER_PROGRAMS:
        (programs / name).touch(mode=0o755)
    layout = Layout(state=folder / "state", cache=folder / "cache")
    write_credentials(ControlPlane(layout, binaries.Programs(programs)))
    return folder


@pytest.fixture
def layout(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "bin"))
    return Layout(state=tmp_path / "state", cache=tmp_path / "cache")


def test_the_administrators_kubeconfig_and_kubectl_come_first(layout: Layout, tmp_path: Path) -> None:
    found = access.variables(None, layout=layout, path="/usr/bin:/bin")
    assert found["KUBECONFIG"] == str(layout.kubeconfig)
    assert found["PATH"] == f"{tmp_path}/bin:/usr/bin:/bin"
    assert found["AMCLOUD_FORGE_URL"].startswith("http://198.18.0.1:")
    assert "AMCLOUD_FORGE_TOKEN" not in found


@pytest.mark.parametrize("role", Role)
def test_a_role_signs_in_by_a_certificate_of_its_groups(layout: Layout, role: Role) -> None:
    path = Path(access.variables(role, layout=layout, path="/bin")["KUBECONFIG"])
    assert path.stat().st_mode & 0o777 == 0o600
    user = yaml.safe_load(path.read_text())["users"][0]["user"]
    subject = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"])).subject
    groups, name = [access.GROUPS[role]], f"{role}-exemple"
    if role is Role.DEVELOPER:  # of one organisation
        groups, name = [*groups, "amcloud:developpeurs:671"], "developpeur-671-exemple"
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == groups
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [name]


def test_developers_of_two_organisations_are_two_people(layout: Layout) -> None:
    first, second = (
        access.role_kubeconfig(Role.DEVELOPER, layout=layout, organisation=code).read_text(encoding="utf-8")
        for code in ("671", "681")
    )
    assert first != second


def test_a_role_gets_its_own_token_of_the_forge(layout: Layout) -> None:
    layout.credentials.mkdir(parents=True, exist_ok=True)
    (layout.credentials / "forge-auditeur-token").write_text("jeton-exemple\n")
    assert access.variables(Role.AUDITOR, layout=layout, path="")["AMCLOUD_FORGE_TOKEN"] == "jeton-exemple"
    assert "AMCLOUD_FORGE_TOKEN" not in access.variables(Role.DEVELOPER, layout=layout, path="")


def test_the_lines_survive_a_shell() -> None:
    odd = {"A": "x y", "B": "it's $HOME `id`", "C": ""}
    script = access.shell_lines(odd) + 'printf "%s|%s|%s" "$A" "$B" "$C"'
    assert (
        subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
        == "x y|it's $HOME `id`|"
    )


def test_evaluating_the_lines_twice_does_not_lengthen_the_path() -> None:
    once = access.first_on_path("/k", "/usr/bin:/bin")
    assert access.first_on_path("/k", once) == once == "/k:/usr/bin:/bin"


def test_before_up_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="amcloud sandbox up"):
        access.variables(None, layout=Layout(state=tmp_path, cache=tmp_path), path="")


def test_the_authority_is_made_once_and_its_server_certificate_verifies(layout: Layout) -> None:
    authority = ControlPlane(layout, binaries.Programs(Path("/nowhere"))).authority
    before = authority.certificate.read_bytes()
    authority.ensure()
    assert authority.certificate.read_bytes() == before
    server = x509.load_pem_x509_certificate((authority.folder / "apiserver.crt").read_bytes())
    server.verify_directly_issued_by(x509.load_pem_x509_certificate(before))
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"198.19.0.1", "127.0.0.1", "198.18.0.1"}
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_private_keys_are_readable_by_their_owner_alone(layout: Layout) -> None:
    keys = list((layout.state / "pki").glob("*.key"))
    assert keys
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
