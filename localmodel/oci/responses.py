"""Reads what a registry answers, with limits of size and time."""

import time
from collections.abc import Iterator

import requests
import urllib3.exceptions

_CHUNK = 1 << 20
_LEAST, _SECONDS = 64 << 10, 60  # bytes that arrive in so many seconds at least


class TooMuchError(Exception):
    """The body is larger than it may be."""


def pieces(response: requests.Response) -> Iterator[bytes]:
    """The body of a response that is still a stream, in the pieces in which it arrives.

    Whoever takes them can stop at each, however slowly they come; `iter_content()` would collect whole chunks.

    Raises:
        requests.RequestException: it is cut off, or hardly anything comes.
    """
    size, waited = 0, 0.0
    try:
        while True:
            begun = time.monotonic()
            piece = response.raw.read1(_CHUNK, decode_content=True)
            if not piece:
                return
            size, waited = size + len(piece), waited + time.monotonic() - begun
            if waited > _SECONDS:
                if size < _LEAST:
                    raise requests.ConnectionError(f"only {size} bytes came in {waited:.0f} s")
                size, waited = 0, 0.0
            yield piece
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error


def read(response: requests.Response, most: int) -> bytes:
    """The body of a response that is still a stream.

    Raises:
        TooMuchError: it has more bytes than `most`.
        requests.RequestException: it is cut off, or hardly anything comes.
    """
    content = bytearray()
    for piece in pieces(response):
        content += piece
        if len(content) > most:
            raise TooMuchError
    return bytes(content)
