"""Reads an image's layers from the engine with `docker save`, whichever image store the engine has.

Every archive has a manifest.json that names configuration and layers in order. Layers may be gzipped (containerd
store) or not (graph drivers); we keep the uncompressed tar, whose digest is the diff id.
"""

import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, cast

import docker
import docker.errors

from localmodel.oci.layers import CHUNK
from localmodel.oci.layout import Blob, Layout
from localmodel.updates.image import EnvironmentImage
from localmodel_untrusted import json_text

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_GZIP_STREAM = zlib.MAX_WBITS | 16


def keep(client: docker.DockerClient, tag: str, base: str, layout: Layout) -> EnvironmentImage:
    """Put the image's layers into the layout."""
    with tarfile.open(fileobj=cast(IO[bytes], Stream(client.api.get_image(tag))), mode="r|") as archive:
        files: dict[str, Blob | bytes] = {}
        links: dict[str, str] = {}
        for member in archive:
            if member.issym() or member.islnk():
                # older engines write a repeated layer as a link to its first copy
                links[member.name] = _target(member)
            elif member.isfile() and (content := archive.extractfile(member)):
                small = member.name.endswith(".json") or member.size < CHUNK
                files[member.name] = content.read() if small else layout.write(_plain(content))
    return _image(files, links, base, layout)


def _image(files: dict[str, Blob | bytes], links: dict[str, str], base: str, layout: Layout) -> EnvironmentImage:
    try:
        return _read(files, links, base, layout)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise OSError(f"the engine's archive is damaged: {error}") from None


def _read(files: dict[str, Blob | bytes], links: dict[str, str], base: str, layout: Layout) -> EnvironmentImage:
    manifest = json_text.parse(_bytes(files["manifest.json"]))[0]
    config = json_text.parse(_bytes(files[manifest["Config"]]))
    layers = []
    for name, diff_id in zip(manifest["Layers"], config["rootfs"]["diff_ids"], strict=True):
        content = files[links.get(name, name)]
        blob = content if isinstance(content, Blob) else layout.write(_plain(Stream(iter([content]))))
        if blob.digest != diff_id:
            raise OSError(f"the engine's archive is damaged: layer {name} is {blob.digest}, not {diff_id}")
        layers.append(blob)
    variables = tuple(config.get("config", {}).get("Env") or ())
    return EnvironmentImage(base, config["architecture"], config["os"], variables, tuple(layers))


def _target(member: tarfile.TarInfo) -> str:
    parts = member.name.split("/")[:-1] if member.issym() else []
    for part in member.linkname.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _bytes(content: Blob | bytes) -> bytes:
    if isinstance(content, Blob):
        raise OSError("the engine's archive is damaged: its manifest is larger than a layer")
    return content


def _plain(content: "IO[bytes] | Stream") -> Iterator[bytes]:
    """The uncompressed content.

    Raises:
        OSError: it is compressed with zstd.
    """
    chunk = content.read(CHUNK)
    if chunk[:4] == _ZSTD:
        raise OSError("the base image has layers compressed with zstd, which are not supported: choose another tag")
    if chunk[:2] != _GZIP:
        while chunk:
            yield chunk
            chunk = content.read(CHUNK)
        return
    inflate = zlib.decompressobj(_GZIP_STREAM)
    while chunk:
        yield inflate.decompress(chunk)
        if inflate.eof:  # a gzip file may have several parts
            chunk = inflate.unused_data or content.read(CHUNK)
            inflate = zlib.decompressobj(_GZIP_STREAM)
        else:
            chunk = content.read(CHUNK)


class Stream:
    """Reads an iterator of chunks like a file."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts, wanted = [self._rest[:size]], size - len(self._rest)
        self._rest = self._rest[size:]
        while wanted > 0 and (chunk := next(self._chunks, b"")):
            parts.append(chunk[:wanted])
            self._rest = chunk[wanted:]
            wanted -= len(chunk)
        return b"".join(parts)
