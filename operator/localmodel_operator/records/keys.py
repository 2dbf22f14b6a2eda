"""The key with which the operator signs its calls to pods and its records in the cluster.

Pods have only the public half, because user code can read what their server can.
"""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from localmodel_operator.cluster import SECRET, Cluster, Object, RefusedError

_NAMESPACE, _NAME, _FIELD = "kube-system", "localmodel-operator-admin", "key"


class Signer:
    """Signs for a purpose, so that a signature for one is never valid for another.

    A call to a pod has no purpose; its payload is a JSON object, and no purpose begins like one.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public_key = base64.b64encode(raw).decode()  # 32 bytes, for pods

    def sign_call(self, payload: bytes) -> bytes:
        return self._key.sign(payload)

    def sign(self, purpose: str, payload: bytes) -> str:
        """The signature, in base64."""
        return base64.b64encode(self._key.sign(_under(purpose, payload))).decode()

    def has_signed(self, purpose: str, payload: bytes, signature: str) -> bool:
        try:
            self._key.public_key().verify(base64.b64decode(signature, validate=True), _under(purpose, payload))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def _under(purpose: str, payload: bytes) -> bytes:
    return f"{purpose}\n".encode() + payload


async def signing_key(cluster: Cluster) -> Ed25519PrivateKey:
    """The cluster's key, made by the first operator, so that its successors can call the same pods."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode((await secret(cluster))["data"][_FIELD]))


async def secret(cluster: Cluster) -> Object:
    """The Secret with the key."""
    stored = await cluster.get(SECRET, _NAMESPACE, _NAME)
    if stored is None or _FIELD not in stored.get("data", {}):
        data = {_FIELD: base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _NAME}, "data": data}
        try:
            # in the cluster the operator may fill in the existing empty Secret, but not create one
            stored = await (
                cluster.replace(SECRET, {**stored, "data": data})
                if stored
                else cluster.create(SECRET, _NAMESPACE, body)
            )
        except RefusedError as error:
            if error.code != 409:  # another operator was first
                raise
            return await secret(cluster)
    return stored
