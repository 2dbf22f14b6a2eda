"""Reads what a registry answers, with a limit."""

import requests

_CHUNK = 1 << 16


class TooMuchError(Exception):
    """The body is larger than it may be."""


def read(response: requests.Response, most: int) -> bytes:
    """The body of a response that is still a stream.

    Raises:
        TooMuchError: it has more bytes than `most`.
        requests.RequestException: it is cut off.
    """
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > most:
            raise TooMuchError
    return bytes(content)
