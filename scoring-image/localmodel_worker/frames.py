"""The wire format between server and worker, written once for both.

A frame is `<u32 head length> <u64 body length> <head> <body>`, little-endian. The head is a JSON object,
the body is raw bytes. One stream socket per worker; answers come in the order of the requests.

The worker says hello once: `{"ok": true, "contract": {...}}`, or
`{"ok": false, "message": str, "traceback": str}`.

A request is for one call of run(), or for several that the worker may run as one:

=============  ==========================================================================================
kind           which input the body is: `text`, `json`, `arrays` or `http` (see the server's Call)
ids            the ids of the requests, one for each
lengths        text: bytes of each request's text in the body
parsed         text: bytes after the text that hold what json.loads makes of it, pickled; 0 without
arrays         arrays: [name, dtype, shape] of each array in the body
rows           arrays: how many rows of the array belong to each request
headers        of the request, [name, value] each, when run() asks for them; always with http
method, target of the request, with http
replayed       true: no client's, but a captured one that is asked again
=============  ==========================================================================================

The worker answers with `answers`, a [status, milliseconds in run() or null, whether run() failed or what it
raised, bytes of the body, headers of the script's own response or null] for each id, the bodies one after
the other. Further:
`log` ([id, text] pairs for the server's log: nothing that a script does to its streams hides them),
`leaving` (the worker ends after this answer), `alone` (do not send several requests at once any more), and
`more`: pieces of the body follow as frames `{"more": bool}`, which a frame `{"kind": "cancel"}` from the
server ends; `broken` in the last one says that the body is not complete. A frame `{"kind": "background"}` is
answered with `background`: what goes on without a request, in words. Closing the socket tells the worker to end.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Callable, NamedTuple, Optional

_LENGTHS = struct.Struct("<IQ")
_PIECE = 262_144
# No head comes near. Bytes that are no frames mostly claim more, and are not waited for then.
_LONGEST_HEAD = 16 * 1024 * 1024
_LARGE_BODY = 1024 * 1024


class Frame(NamedTuple):
    """One message: a JSON object and raw bytes, which are the receiver's to change."""

    head: dict[str, Any]
    body: bytearray


class FrameError(ValueError):
    """The bytes on the socket are not frames."""


def encode_prefix(head: bytes, body_length: int) -> bytes:
    """All of a frame except its body, so that large bodies are not copied; head is JSON already."""
    return _LENGTHS.pack(len(head), body_length) + head


class FrameBuffer:
    """Cuts frames out of a stream that arrives in pieces. loads is what parses the JSON of their heads."""

    def __init__(self, loads: Callable[[bytearray], Any] = json.loads) -> None:
        self._loads = loads
        self._data = bytearray()
        # A large body grows in place, so that it is in memory once.
        self._large: Optional[Frame] = None
        self._missing = 0

    def feed(self, piece: bytes) -> None:
        """Append bytes as they came from the socket."""
        if self._large is None:
            self._data += piece
        else:
            self._large.body.extend(piece[: self._missing])
            self._data += piece[self._missing :]
            self._missing = max(0, self._missing - len(piece))

    def pop(self) -> Optional[Frame]:
        """The next whole frame, or None until more bytes have come.

        Raises:
            FrameError: the bytes cannot be a frame.
        """
        if self._large is not None:
            return self._pop_large(self._large)
        if len(self._data) < _LENGTHS.size:
            return None
        head_length, body_length = _LENGTHS.unpack_from(self._data)
        if head_length > _LONGEST_HEAD:
            raise FrameError(f"the head of a frame has {head_length} bytes")
        body_start = _LENGTHS.size + head_length
        end = body_start + body_length
        if len(self._data) < end:
            if body_length > _LARGE_BODY and len(self._data) >= body_start:
                self._large = Frame(self._decode_head(self._data[_LENGTHS.size : body_start]), self._data[body_start:])
                self._missing = end - len(self._data)
                self._data.clear()
            return None
        frame = Frame(self._decode_head(self._data[_LENGTHS.size : body_start]), self._data[body_start:end])
        del self._data[:end]
        return frame

    def _pop_large(self, frame: Frame) -> Optional[Frame]:
        if self._missing:
            return None
        self._large = None
        return frame

    def _decode_head(self, encoded: bytearray) -> dict[str, Any]:
        try:
            head = self._loads(encoded)
        except (ValueError, RecursionError) as error:
            raise FrameError(f"the head of a frame is not JSON: {error}") from error
        if not isinstance(head, dict):
            raise FrameError("the head of a frame is not a JSON object")
        return head


def send_frame(connection: socket.socket, head: dict[str, Any], body: bytes = b"") -> None:
    """Send one frame on a blocking socket."""
    prefix = encode_prefix(json.dumps(head).encode(), len(body))
    if len(body) < 65536:
        connection.sendall(prefix + body)
    else:
        connection.sendall(prefix)
        connection.sendall(body)


class FrameReader:
    """Takes frames from a blocking socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = FrameBuffer()

    def receive(self) -> Optional[Frame]:
        """Wait for one frame; None when the other side has closed the socket."""
        while True:
            frame = self._buffer.pop()
            if frame is not None:
                return frame
            piece = self._connection.recv(_PIECE)
            if not piece:
                return None
            self._buffer.feed(piece)
