"""DSSE: what was signed is believed, and nothing else."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from amcloud.clients.signing import PAYLOAD_TYPE, Signer
from amcloud.errors import BrokenInstallationError

KEY, OTHER = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
STATEMENT = {"_type": "essai", "subject": ["é"]}
SIGNER = Signer(KEY)
ENVELOPE = json.loads(SIGNER.envelope(STATEMENT))


def changed(**fields: object) -> bytes:
    return json.dumps({**ENVELOPE, **fields}).encode()


def test_what_was_signed_is_read_back() -> None:
    opened = SIGNER.opened(SIGNER.envelope(STATEMENT))
    assert (opened.statement, opened.problem) == (STATEMENT, "")


def test_the_encoding_is_the_one_of_dsse() -> None:
    payload = base64.b64decode(ENVELOPE["payload"])
    signed = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(KEY)).public_key()
    key.verify(base64.b64decode(ENVELOPE["signatures"][0]["sig"]), signed)


@pytest.mark.parametrize(
    ("envelope", "says"),
    [
        pytest.param(changed(payload=base64.b64encode(b'{"_type": "autre"}').decode()), "aucune", id="another payload"),
        pytest.param(changed(signatures=[]), "aucune", id="no signature"),
        pytest.param(changed(signatures=[{"sig": base64.b64encode(bytes(64)).decode()}]), "aucune", id="zeros"),
        pytest.param(changed(signatures=[{"sig": "AA=="}]), "aucune", id="a short signature"),
        pytest.param(changed(payloadType="text/plain"), "d'un autre genre", id="another type"),
        pytest.param(changed(signatures=[{}]), "lue", id="a signature without one"),
        pytest.param(Signer(OTHER).envelope(STATEMENT), "aucune", id="another key"),
        pytest.param(b"", "lue", id="nothing"),
        pytest.param(b"[" * 100_000, "lue", id="deep"),
    ],
)
def test_anything_else_is_not_believed(envelope: bytes, says: str) -> None:
    opened = SIGNER.opened(envelope)
    assert says in opened.problem
    assert not opened.statement


def test_a_former_key_and_another_factory_s_are_believed_when_listed() -> None:
    other = Signer(OTHER)
    assert not Signer(KEY, (other.public_key,)).opened(other.envelope(STATEMENT)).problem
    assert not Signer("", (other.public_key,)).opened(other.envelope(STATEMENT)).problem


def test_nothing_is_signed_without_a_key() -> None:
    assert not Signer("").can_sign
    with pytest.raises(BrokenInstallationError, match="AMCLOUD_PROVENANCE_KEY"):
        Signer("").envelope(STATEMENT)


@pytest.mark.parametrize("text", ["secret!", "AAAA", "é" * 44, KEY + KEY])
def test_a_key_that_is_none_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(BrokenInstallationError) as caught:
        Signer(text)
    assert text not in str(caught.value)


@given(st.binary())
def test_no_bytes_that_nobody_signed_are_believed(envelope: bytes) -> None:
    assert SIGNER.opened(envelope).problem
