"""Digests as in the OCI image specification: `sha256:` and 64 hex digits."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(value: Any) -> bool:
    """Whether it is a digest, which may become a path."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def of_bytes(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def of_json(value: Any) -> str:
    """Digest of a JSON value, independent of the order of keys."""
    return of_bytes(canonical_json(value))


def of_files(files: Mapping[str, Path]) -> dict[str, str]:
    """The digest of each file's content, by the same names."""
    return {name: of_bytes(file.read_bytes()) for name, file in files.items()}


def canonical_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
