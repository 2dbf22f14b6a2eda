"""Content addresses, as the OCI image specification writes them: `sha256:` and 64 hex digits."""

import hashlib
import json
from typing import Any


def of_bytes(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def of_json(value: Any) -> str:
    """Digest of a JSON value, the same for equal values whatever the order of their keys."""
    return of_bytes(canonical_json(value))


def canonical_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
