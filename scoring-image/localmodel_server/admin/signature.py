"""Signatures of the operator's, which the pod checks with the public half of its key.

What a signature is for is part of what is signed: one that was made for one purpose is never good for another. A
call's token is a JSON object and has no such line before it.
"""

from __future__ import annotations

DECISION = "localmodel.dev/decision"


def is_signed(key: bytes, signature: bytes, payload: bytes, purpose: str = "") -> bool:
    """Whether the operator with this public key (32 bytes) has signed the payload for the purpose.

    The first call imports cryptography, which takes some 50 ms.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, f"{purpose}\n".encode() * bool(purpose) + payload)
    except (InvalidSignature, ValueError):
        return False
    return True
