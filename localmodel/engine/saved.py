"""Reads an image's layers from the engine with `docker save`, whichever image store the engine has.

Every archive has a manifest.json that names configuration and layers in order. Layers may be compressed (containerd
store) or not (graph drivers); we keep the uncompressed tar, whose digest is the diff id.
"""

import tarfile
from typing import IO, cast

import docker
import docker.errors

from localmodel.oci import chunks
from localmodel.oci.layers import CHUNK
from localmodel.oci.layout import Blob, Layout
from localmodel.updates.image import EnvironmentImage
from localmodel_untrusted import json_text


def keep(client: docker.DockerClient, tag: str, base: str, layout: Layout) -> EnvironmentImage:
    """Put the image's layers into the layout."""
    with tarfile.open(fileobj=cast(IO[bytes], chunks.reader(client.api.get_image(tag))), mode="r|") as archive:
        files: dict[str, Blob | bytes] = {}
        links: dict[str, str] = {}
        for member in archive:
            if member.issym() or member.islnk():
                # older engines write a repeated layer as a link to its first copy
                links[member.name] = _target(member)
            elif member.isfile() and (content := archive.extractfile(member)):
                small = member.name.endswith(".json") or member.size < CHUNK
                files[member.name] = content.read() if small else layout.write(chunks.plain(content))
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
        blob = content if isinstance(content, Blob) else layout.write(chunks.plain(chunks.reader([content])))
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
