"""Takes in a model that the browser sends as a tar, and registers it."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localmodel import reasons
from localmodel.disk import files, home
from localmodel.disk.size import words
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.store import ModelVersion, Store

_MOST_BYTES = 10 << 30
_LONGEST_NUMBER = 12  # digits
_LEFT_AFTER = 24 * 3600.0  # seconds in which any model has come
_COPIES = 3  # the tar that comes, its files, and what the store keeps of them


class Upload:
    """The address that a model is sent to."""

    def routes(self) -> list[Route]:
        """It is that of the list, which shows the model afterwards."""
        return [Route("/models", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Register what is sent as the next version of the name in x-name."""
        name, length = unquote(request.headers.get("x-name", "")), _length(request)
        try:
            store, place = Store(home.store()), home.home()
            store.models.records.check_name(name)
            place.mkdir(parents=True, exist_ok=True)
            await run_in_threadpool(remove_leftovers, place)
            check_room(length, files.free(place))
            with tempfile.TemporaryDirectory(dir=place, prefix=".upload-") as folder, files.room(place, length):
                tar = Path(folder, "tar")
                with await run_in_threadpool(tar.open, "wb") as file:
                    await _receive(request, length, file)
                version = await run_in_threadpool(_register, store, name, tar)
        except UserError as error:
            raise HTTPException(507 if error.reason == reasons.STORE_FULL else 400, str(error)) from error
        except ClientDisconnect:
            return Response(status_code=400)  # nobody waits for it
        return JSONResponse({"name": version.name, "version": version.version})


def remove_leftovers(place: Path) -> None:
    """Remove what pages have left that were killed while a model came."""
    for folder in place.glob(".upload-*"):
        if time.time() - folder.stat().st_mtime > _LEFT_AFTER:
            shutil.rmtree(folder, ignore_errors=True)


def check_room(length: int, free: int) -> None:
    """Check that a model of so many bytes may be sent.

    Raises:
        HTTPException
    """
    if length > _MOST_BYTES:
        most = words(_MOST_BYTES)
        raise HTTPException(413, f"A model from this page has at most {most}; lmd model register takes larger ones.")
    if length * _COPIES > free:
        needed = words(length * _COPIES)
        raise HTTPException(
            507, f"Taking in the model needs {needed} on the disk of the store; {words(free)} are free."
        )


async def _receive(request: Request, length: int, file: BinaryIO) -> None:
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > length:
            raise HTTPException(400, "More came than was announced.")
        await run_in_threadpool(file.write, piece)


def _register(store: Store, name: str, tar: Path) -> ModelVersion:
    """Register the only file or folder in the tar, whose name it keeps.

    Raises:
        UserError: ArchiveInvalid, and the errors of `register()`.
    """
    unpacked = tar.with_name("files")
    unpacked.mkdir()
    layers.extract(tar, unpacked)
    tar.unlink()
    tops = list(unpacked.iterdir())
    if len(tops) != 1:
        raise UserError(reasons.ARCHIVE_INVALID, f"A model is one file or one folder; {len(tops)} came.")
    return store.models.register(name, tops[0])


def _length(request: Request) -> int:
    text = request.headers.get("content-length", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise HTTPException(411, "The request does not say how long it is.")
    return int(text)
