"""A file in a form."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from os import PathLike
from typing import IO, TYPE_CHECKING, Any, Optional, Union

from localmodel_worker.aml.header_values import split_value

if TYPE_CHECKING:
    from localmodel_worker.aml.header_map import Headers


class UploadedFile:
    """An upload, usable as the binary file that it is: what this class lacks, its stream has.

    name is the form's field, filename what the client calls the file: never trust it as a path.
    """

    def __init__(self, name: str, filename: str, headers: Headers, content: bytes) -> None:
        self.name = name
        self.filename = filename
        self.headers = headers
        self.stream = BytesIO(content)

    def __repr__(self) -> str:
        return f"<UploadedFile {self.filename!r} ({self.content_type!r})>"

    # Forms have their file fields sent even when no file was chosen.
    def __bool__(self) -> bool:
        return bool(self.filename)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)

    def __getattr__(self, name: str) -> Any:
        if name == "stream":  # not set yet: an object that is being unpickled
            raise AttributeError(name)
        return getattr(self.stream, name)

    def read(self, size: Optional[int] = -1) -> bytes:
        """The next bytes, all of them without a size."""
        return self.stream.read(size)

    @property
    def content_type(self) -> Optional[str]:
        """What the client says the content is."""
        return self.headers.get("Content-Type")  # type: ignore[no-any-return]

    @property
    def mimetype(self) -> str:
        """The content type in lower case without parameters, empty when there is none."""
        return split_value(self.content_type or "")[0]

    @property
    def content_length(self) -> int:
        """Bytes in the file."""
        return len(self.stream.getbuffer())

    def save(self, to: Union[str, PathLike[str], IO[bytes]], buffer_size: int = 65536) -> None:
        """Write what has not been read yet to a path or a binary file.

        Raises:
            OSError
        """
        from shutil import copyfileobj  # slow to import

        if isinstance(to, (str, PathLike)):
            with open(to, "wb") as file:
                copyfileobj(self.stream, file, buffer_size)
        else:
            copyfileobj(self.stream, to, buffer_size)
