"""The key that calls to pods are signed with. Pods hold the public half: user code could read what their server can."""

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from localmodel_operator.cluster import SECRET, Cluster, Refused

_NAMESPACE, _NAME, _FIELD = "kube-system", "localmodel-operator-admin", "key"


async def signing_key(cluster: Cluster) -> Ed25519PrivateKey:
    """The cluster's key, made by the first operator that asks: one that takes over can speak to the same pods."""
    found = await cluster.get(SECRET, _NAMESPACE, _NAME)
    if found is None:
        made = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _NAME}, "data": {_FIELD: made}}
        try:
            found = await cluster.create(SECRET, _NAMESPACE, body)
        except Refused as error:
            if error.code != 409:  # another operator was first
                raise
            return await signing_key(cluster)
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(found["data"][_FIELD]))


def public_half(key: Ed25519PrivateKey) -> str:
    """The 32 bytes of the public key, in base64, as pods get it."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()
