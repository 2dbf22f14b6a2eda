"""A request and its answer, as they passed over the wire."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from localmodel_server.messages.call import Headers

# Longer bodies and answers are left out, so that what waits to be written stays small.
LONGEST = 1 << 20
# Why a body or an answer may be None.
NOT_KEPT = f"incomplete, longer than {LONGEST} bytes, or came when too many requests were open"
# The names of headers without which a body means nothing.
_NEEDED = (b"content-type", b"content-encoding")
_BYTES_OF_A_PAIR = 64  # beside the text of a header


class Exchange(NamedTuple):
    """One request and what was answered.

    time is that of its arrival in Unix seconds; origin names the revision and the models. A body or answer that is not
    whole, or is longer than LONGEST, is None. id_is_ours says whether request_id was made here, and not by the client.
    """

    time: float
    request_id: str
    origin: tuple[str, str]
    dialect: str
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None
    status: int
    answer_headers: Headers
    answer: bytes | None
    milliseconds: float
    id_is_ours: bool = False

    @property
    def size(self) -> int:
        """Roughly how many bytes of memory it takes while it waits to be written."""
        pairs = [len(name) + len(value) + _BYTES_OF_A_PAIR for name, value in (*self.headers, *self.answer_headers)]
        return len(self.path) + len(self.query) + sum(pairs) + len(self.body or b"") + len(self.answer or b"")

    def with_headers(self, names: Collection[str]) -> Exchange:
        """The exchange with no other headers than the record needs: those of the request with these names are kept."""
        wanted = {*_NEEDED, *(name.encode() for name in names)}
        return self._replace(
            headers=[(name, value) for name, value in self.headers if name in wanted],
            answer_headers=[(name, value) for name, value in self.answer_headers if name in _NEEDED],
        )


def short(content: bytes | None) -> bytes | None:
    """The content; None if it is longer than LONGEST."""
    return None if content is None or len(content) > LONGEST else content
