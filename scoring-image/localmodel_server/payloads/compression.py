"""gzip and deflate, of requests and of answers."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from localmodel_server.errors import BadRequestError

# Of every answer that is compressed for those who accept it.
VARY = (b"vary", b"Accept-Encoding")
_SMALLEST = 1024  # below, compression costs more than it saves
_PIECE = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS
# deflate is the zlib format, which some clients leave without its frame
_WINDOWS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}


def inflate(body: bytes, encoding: str, limit: int) -> Iterator[bytes]:
    """The body as it was before compression, in pieces of at most 256 KiB, some of them empty.

    Raises:
        BadRequestError: 413 over `limit` bytes, 415 for another encoding, 400 for a body that is not of that encoding.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield body
        return
    if encoding not in _WINDOWS:
        raise BadRequestError(415, f"the content encoding must be gzip or deflate, not {encoding}")
    decompressor = zlib.decompressobj(_window(body, encoding))
    inflated = position = 0
    left = b""
    while not decompressor.eof and (left or position < len(body)):
        if not left:
            left = body[position : position + _PIECE]
            position += len(left)
        size = _PIECE
        while size == _PIECE and not decompressor.eof:  # even without bytes left it may have more to give
            try:
                piece = decompressor.decompress(left, _PIECE)
            except zlib.error as error:
                raise BadRequestError(400, f"the body is not {encoding}: {error}") from None
            left = decompressor.unconsumed_tail
            size = len(piece)
            inflated += size
            if inflated > limit:
                raise BadRequestError(
                    413, f"the body has more than {limit} bytes when inflated (LOCALMODEL_MAX_REQUEST_BYTES)"
                )
            yield piece
    if not decompressor.eof or decompressor.unused_data or position < len(body):
        raise BadRequestError(400, f"the body does not end where its {encoding} data does")


def _window(body: bytes, encoding: str) -> int:
    """The window size that tells zlib which form the body has."""
    for window in _WINDOWS[encoding][:-1]:
        try:
            zlib.decompressobj(window).decompress(body[:_PIECE], 1)
        except zlib.error:
            continue
        return window
    return _WINDOWS[encoding][-1]


def compress(body: bytes, accepted: str) -> tuple[bytes, str]:
    """The body in an encoding that an Accept-Encoding header names, and its name; "" when it is left as it is."""
    encodings = _acceptable(accepted)
    if len(body) < _SMALLEST or not encodings & {"gzip", "deflate"}:
        return body, ""
    encoding = "gzip" if "gzip" in encodings else "deflate"
    compressor = zlib.compressobj(1, zlib.DEFLATED, _WINDOWS[encoding][0])
    return compressor.compress(body) + compressor.flush(), encoding


def _acceptable(accepted: str) -> set[str]:
    encodings = set()
    for coding in accepted.lower().split(","):
        name, _, quality = coding.partition(";")
        if quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            encodings.add(name.strip())
    return encodings
