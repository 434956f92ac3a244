"""Who a person is for the cluster: what events and suspensions name. The proof is the API server's audit log."""

from __future__ import annotations

import getpass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from amcloud.clients.connection import Connection
from amcloud.clients.kubernetes_api import Api
from amcloud.errors import AmcloudError

REVIEW: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
LONGEST: Final = 100


def who(api: Api, connection: Connection) -> str:
    """The name by which the server knows the caller (since 1.28), else that of the certificate, else of the account."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        found = api.create(REVIEW, body, doing="qui suis-je")
    except AmcloudError:
        found = None
    name = str((((found or {}).get("status") or {}).get("userInfo") or {}).get("username") or "")
    return (name or _certified(connection) or _account())[:LONGEST]


def _certified(connection: Connection) -> str:
    if connection.certificate is None:
        return ""
    try:
        certificate = x509.load_pem_x509_certificate(connection.certificate[0].read_bytes())
    except (OSError, ValueError):
        return ""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "inconnu"
