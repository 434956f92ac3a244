"""DSSE envelopes (Dead Simple Signing Envelope) signed with Ed25519: a statement and who vouches for it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from amcloud.errors import BrokenInstallationError
from amcloud.stages.provenance import Attestation

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
KEY_BYTES: Final = 32
_HINT: Final = "32 octets en base64, par exemple « openssl rand -base64 32 »"


class Signer:
    """Signs with one private key, believes it and some public ones. Without a private key nothing is signed."""

    def __init__(self, private: str, trusted: Iterable[str] = ()) -> None:
        """``private``: seed of an Ed25519 key, ``trusted``: public keys; all in base64.

        Raises:
            BrokenInstallationError: one of them is no such key.
        """
        self._private = (
            Ed25519PrivateKey.from_private_bytes(_key(private, "AMCLOUD_PROVENANCE_KEY")) if private else None
        )
        keys = [Ed25519PublicKey.from_public_bytes(_key(one, "AMCLOUD_PROVENANCE_PUBLIC_KEYS")) for one in trusted]
        self._trusted = [*([self._private.public_key()] if self._private else ()), *keys]

    @property
    def can_sign(self) -> bool:
        """Whether there is a private key."""
        return self._private is not None

    @property
    def public_key(self) -> str:
        """The public key in base64, for whoever verifies; empty without a private key."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode() if self._private else ""

    def envelope(self, statement: Mapping[str, Any]) -> bytes:
        """The statement, signed.

        Raises:
            BrokenInstallationError: there is no private key.
        """
        if self._private is None:
            raise BrokenInstallationError(
                f"aucune clé pour attester les images : donnez AMCLOUD_PROVENANCE_KEY ({_HINT}) à l'opérateur"
            )
        payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        signature = base64.b64encode(self._private.sign(_encoded(payload))).decode()
        signed = {"keyid": _name(self._private.public_key()), "sig": signature}
        envelope = {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [signed],
        }
        return json.dumps(envelope, separators=(",", ":")).encode()

    def opened(self, envelope: bytes) -> Attestation:
        """What an envelope says, or why it is not believed; any bytes may be given."""
        try:
            found = json.loads(envelope)
            payload = base64.b64decode(found["payload"], validate=True)
            signatures = [base64.b64decode(one["sig"], validate=True) for one in found["signatures"][:20]]
            kind = found["payloadType"]
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            return Attestation(problem="elle ne peut pas être lue")
        if kind != PAYLOAD_TYPE:
            return Attestation(problem="elle est d'un autre genre qu'une déclaration in-toto")
        if not any(_verifies(key, one, payload) for key in self._trusted for one in signatures):
            return Attestation(problem="aucune signature n'est celle d'une clé de la plateforme")
        statement = json.loads(payload)  # one of ours: it was signed
        return Attestation(statement) if isinstance(statement, dict) else Attestation(problem="elle ne dit rien")


def _encoded(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is really signed."""
    kind = PAYLOAD_TYPE.encode()
    return b" ".join((b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload))


def _verifies(key: Ed25519PublicKey, signature: bytes, payload: bytes) -> bool:
    try:
        key.verify(signature, _encoded(payload))
    except InvalidSignature:
        return False
    return True


def _name(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def _key(text: str, setting: str) -> bytes:
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        found = b""
    if len(found) != KEY_BYTES:
        raise BrokenInstallationError(f"{setting} n'est pas une clé Ed25519 ({_HINT})")
    return found
