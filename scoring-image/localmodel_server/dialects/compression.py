"""gzip and deflate, of requests and of answers."""

from __future__ import annotations

import zlib

from localmodel_server.dialects.bad_request import BadRequest

_SMALLEST = 1024  # below, compression costs more than it saves
_GZIP = 16 + zlib.MAX_WBITS
# deflate is the zlib format, which some clients leave without its frame
_WINDOWS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before compression, at most limit bytes of it are made.

    Raises BadRequest: 413 over the limit, 415 for another encoding, 400 for a body that is not of that encoding.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOWS:
        raise BadRequest(415, f"the content encoding must be gzip or deflate, and it is {encoding}")
    failure: zlib.error | None = None
    for window in _WINDOWS[encoding]:
        decompressor = zlib.decompressobj(window)
        try:
            inflated = decompressor.decompress(body, limit + 1)
        except zlib.error as error:
            failure = error
            continue
        if len(inflated) > limit:
            raise BadRequest(413, f"the body has more than {limit} bytes when inflated")
        if not decompressor.eof or decompressor.unused_data:
            raise BadRequest(400, f"the body does not end where its {encoding} data does")
        return inflated
    raise BadRequest(400, f"the body is not {encoding}: {failure}")


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
    for each in accepted.lower().split(","):
        name, _, quality = each.partition(";")
        if quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            encodings.add(name.strip())
    return encodings
