"""Certificates and kubeconfigs of one sandbox: a certificate authority that lives in the state folder, and its leaves.

Identity in Kubernetes by client certificate: the common name is the user, the organisations are the groups.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 365


@dataclass(frozen=True, slots=True)
class Leaf:
    """Paths of one certificate and its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in one folder; made at the first use, then read again."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """The authority's own certificate (PEM)."""
        return self.folder / "ca.crt"

    @property
    def key(self) -> Path:
        """The authority's private key (PEM, mode 0600)."""
        return self.folder / "ca.key"

    def ensure(self) -> Authority:
        """This authority, its certificate and key on disk."""
        if not (self.certificate.exists() and self.key.exists()):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name("amcloud-sandbox-ca", ())
            builder = (
                _builder(name, name, key.public_key())
                .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                .add_extension(_usage(signs_certificates=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            )
            write_private(self.key, _pem(key))
            write_private(self.certificate, builder.sign(key, hashes.SHA256()).public_bytes(_PEM), mode=0o644)
        return self

    def leaf(self, label: str, *, user: str, groups: Sequence[str] = (), hosts: Sequence[str] = ()) -> Leaf:
        """Certificate ``label`` for ``user`` in ``groups``; with ``hosts`` (names, addresses) it is a server's too."""
        leaf = Leaf(self.folder / f"{label}.crt", self.folder / f"{label}.key")
        if leaf.certificate.exists() and leaf.key.exists():
            return leaf
        issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        signer = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
        builder = (
            _builder(_name(user, groups), issuer.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        write_private(leaf.key, _pem(key))
        write_private(leaf.certificate, builder.sign(signer, hashes.SHA256()).public_bytes(_PEM), mode=0o644)
        return leaf

    def service_account_key(self) -> Leaf:
        """Key pair that signs ServiceAccount tokens (``certificate`` is the public key)."""
        leaf = Leaf(self.folder / "service-account.pub", self.folder / "service-account.key")
        if not (leaf.certificate.exists() and leaf.key.exists()):
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = key.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            write_private(leaf.key, _pem(key))
            write_private(leaf.certificate, public, mode=0o644)
        return leaf

    def kubeconfig(self, path: Path, *, server: str, leaf: Leaf, user: str, namespace: str = "default") -> Path:
        """``path``, a self-contained kubeconfig (mode 0600) that signs in with ``leaf``."""

        def inline(source: Path) -> str:
            return base64.b64encode(source.read_bytes()).decode()

        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "amcloud-sandbox",
            "clusters": [
                {
                    "name": "amcloud-sandbox",
                    "cluster": {"server": server, "certificate-authority-data": inline(self.certificate)},
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": inline(leaf.certificate),
                        "client-key-data": inline(leaf.key),
                    },
                }
            ],
            "contexts": [
                {
                    "name": "amcloud-sandbox",
                    "context": {"cluster": "amcloud-sandbox", "user": user, "namespace": namespace},
                }
            ],
        }
        write_private(path, yaml.safe_dump(config, sort_keys=False).encode())
        return path


_PEM = serialization.Encoding.PEM


def write_private(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """The file holds ``content`` with ``mode``; replaced whole, never readable by others in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123 - open by descriptor
        file.write(content)
    temporary.replace(path)


def _name(user: str, groups: Sequence[str]) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
