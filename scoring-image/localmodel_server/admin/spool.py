"""A request's body on its way to a file: never whole in memory, and the loop never waits for the disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path

from starlette.types import Receive, Scope

from localmodel_server.admin.errors import RefusedError
from localmodel_server.errors import ClientGoneError

_PIECE = 1024 * 1024


async def receive_to(folder: Path, scope: Scope, receive: Receive, limit: int) -> tuple[Path, str]:
    """Write a body of at most limit bytes to a new file; returns it with its SHA-256 in hex.

    An error leaves no file behind.

    Raises:
        RefusedError
        ClientGoneError
        OSError: there is no room.
    """
    _check_length(folder, scope, limit)
    descriptor, name = tempfile.mkstemp(dir=folder)
    try:
        return Path(name), await _receive(descriptor, receive, limit)
    except BaseException:
        os.unlink(name)  # noqa: PTH108
        raise
    finally:
        os.close(descriptor)


async def _receive(descriptor: int, receive: Receive, limit: int) -> str:
    digest = hashlib.sha256()
    size, more = 0, True
    piece = bytearray()

    def write() -> None:
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]

    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(body)
        if size > limit:
            raise _too_large(limit)
        piece += body
        if len(piece) >= _PIECE or (piece and not more):
            await asyncio.to_thread(write)
            piece = bytearray()
    return digest.hexdigest()


def _check_length(folder: Path, scope: Scope, limit: int) -> None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            if int(value) > limit:
                raise _too_large(limit)
            free = os.statvfs(folder)
            if int(value) > free.f_bavail * free.f_frsize:
                raise RefusedError(507, "NoRoom", f"no room in the state folder for a bundle of {int(value)} bytes")


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, "TooLarge", f"the bundle is larger than {limit} bytes (LOCALMODEL_MAX_BUNDLE_BYTES)")
