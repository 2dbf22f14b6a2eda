"""Which of two revisions answers a request: the one that serves, or the candidate beside it."""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Optional

from localmodel_server.messages.call import Headers

CANDIDATE = b"candidate"
SERVING = b"serving"
_WHOLE = 1 << 64


class Split(NamedTuple):
    """The candidate's share of the requests.

    `salt` is the same wherever the same candidate is tried, so that a client meets the same revision in every pod.
    Requests with the same value of the header `sticky`, or without it the same id, go together. The header `force`
    can be `candidate` or `serving`, which decides. Headers are in lower case.
    """

    salt: str
    percent: float
    sticky: Optional[bytes] = None
    force: Optional[bytes] = None


def goes_to_candidate(split: Split, request_id: str, headers: Headers) -> bool:
    """Whether the candidate answers this request.

    Who goes there at some percentage does so at every higher one.
    """
    forced = _first(headers, split.force)
    if forced in (CANDIDATE, SERVING):
        return forced == CANDIDATE
    who = _first(headers, split.sticky) or request_id.encode("latin-1", "replace")
    digest = hashlib.blake2b(who, digest_size=8, key=split.salt.encode()[-64:]).digest()
    return int.from_bytes(digest, "big") * 100 < split.percent * _WHOLE


def _first(headers: Headers, name: bytes | None) -> bytes | None:
    return None if name is None else next((value for header, value in headers if header == name), None)
