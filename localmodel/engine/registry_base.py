"""Reads a base image from its registry, without an engine."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from localmodel import digests, reasons
from localmodel.engine.build import Say
from localmodel.errors import UserError
from localmodel.oci import chunks
from localmodel.oci.layout import Blob, Layout
from localmodel.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST
from localmodel.oci.registry import Repository
from localmodel.store import artifacts
from localmodel.updates.image import EnvironmentImage
from localmodel_untrusted import json_text

_MOST_OF_CONFIG = 4 << 20  # bytes, which are kept in memory
# Of what a layer is uncompressed: files of zeros alone grow more. A small one is no harm however it grows.
_MOST_GROWTH, _SMALL_LAYER = 100, 256 << 20
Tell = Callable[[int], None]


def keep(reference: str, architecture: str, plain: bool, layout: Layout, say: Say, tell: Tell) -> EnvironmentImage:
    """Put the image's layers into the layout, without those that it has.

    `reference` is a full name, `plain` means HTTP without TLS, `tell` gets the size of every piece.

    Raises:
        UserError: RegistryUnreachable, RegistryRefused, ArtifactNotFound, ArtifactUnsupported, ContentDamaged,
            StoreFull.
    """
    name, _, digest = reference.partition("@")
    named = name if ":" in name.partition("/")[2] else f"{name}:latest"
    with Repository(named, plain) as repository:
        try:
            manifest = _manifest(repository, digest or repository.tag, architecture)
            config, *compressed = artifacts.blobs(manifest)
            content = json_text.parse(_content(repository, config))
            diff_ids = content["rootfs"]["diff_ids"]
            variables = tuple(map(str, content.get("config", {}).get("Env") or ()))
            image = EnvironmentImage(config.digest, content["architecture"], content["os"], variables, ())
            pairs = list(zip(compressed, diff_ids, strict=True))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(reasons.ARTIFACT_UNSUPPORTED, f"it is not an image of layers: {error}") from None
        if (image.os, image.architecture) != ("linux", architecture):
            raise _foreign([f"{image.os}/{image.architecture}"], architecture)
        layers = []
        for number, (blob, diff_id) in enumerate(pairs, 1):
            if (kept := _kept(repository, blob, diff_id, layout)) is None:
                say(f"base image: layer {number} of {len(pairs)}, {blob.size / 1e6:.1f} MB")
                kept = _received(repository, blob, diff_id, layout, tell)
                layout.record(_record(repository, blob, layout), kept)
            layers.append(kept)
    return replace(image, layers=tuple(layers))


def _manifest(repository: Repository, tag: str, architecture: str) -> Mapping[str, Any]:
    """The image's manifest; of an image for several platforms, that for Linux and the processor."""
    content = repository.manifest(tag, (INDEX, DOCKER_LIST, MANIFEST, DOCKER_MANIFEST))
    if content is None:
        raise UserError(reasons.ARTIFACT_NOT_FOUND, f"the registry has nothing there under {tag}")
    manifest: Mapping[str, Any] = json_text.parse(content)
    if "manifests" not in manifest:
        return manifest
    platforms: dict[str, Blob] = {}
    for descriptor in manifest["manifests"]:
        platform = descriptor.get("platform", {})
        platforms.setdefault(f"{platform.get('os')}/{platform.get('architecture')}", artifacts.blob(descriptor))
    wanted = platforms.get(f"linux/{architecture}")
    if wanted is None:
        # what is not an image, such as a signature, is of an unknown platform
        raise _foreign([name for name in platforms if "unknown" not in name and "None" not in name], architecture)
    content = repository.manifest(wanted.digest, (MANIFEST, DOCKER_MANIFEST))
    if content is None:
        raise UserError(reasons.ARTIFACT_NOT_FOUND, f"the registry lacks its manifest for linux/{architecture}")
    image: Mapping[str, Any] = json_text.parse(content)
    return image


def _foreign(platforms: Collection[str], architecture: str) -> UserError:
    names = ", ".join(sorted(platforms)) or "no platform"
    return UserError(reasons.ARTIFACT_UNSUPPORTED, f"it is for {names}, not linux/{architecture}")


def _content(repository: Repository, blob: Blob) -> bytes:
    if blob.size > _MOST_OF_CONFIG:
        raise UserError(reasons.ARTIFACT_UNSUPPORTED, f"its configuration has more than {_MOST_OF_CONFIG} bytes")
    return b"".join(_checked(repository.receive(blob, lambda _: None), blob))


def _kept(repository: Repository, blob: Blob, diff_id: Any, layout: Layout) -> Blob | None:
    """The layer, if the layout has it from this registry, and the repository has it, too.

    The name alone is not enough: an image's configuration can name any layer, also one of an image that is private.
    """
    if not digests.is_digest(diff_id):
        raise UserError(reasons.ARTIFACT_UNSUPPORTED, "its configuration names layers by something else than sha256")
    kept = layout.recorded(_record(repository, blob, layout))
    return kept if kept and kept.digest == diff_id and repository.has(blob) else None


def _record(repository: Repository, blob: Blob, layout: Layout) -> Path:
    """The file that says which layer this blob of the registry is uncompressed."""
    name = digests.of_json([repository.host, blob.digest]).removeprefix("sha256:")
    return layout.root / "received" / f"{name}.json"


def _received(repository: Repository, blob: Blob, diff_id: str, layout: Layout, tell: Tell) -> Blob:
    """The layer, which is kept uncompressed: its digest is the diff id then."""
    try:
        plain = chunks.plain(chunks.reader(_checked(repository.receive(blob, tell), blob)))
        layer = layout.write(_bounded(plain, blob))
    except chunks.DamagedError as error:
        raise UserError(reasons.CONTENT_DAMAGED, f"layer {blob.digest}: {error}") from None
    if layer.digest != diff_id:
        raise UserError(reasons.CONTENT_DAMAGED, f"layer {blob.digest} holds {layer.digest}, not {diff_id}")
    return layer


def _bounded(pieces: Iterator[bytes], blob: Blob) -> Iterator[bytes]:
    """The pieces of an uncompressed layer.

    Raises:
        UserError: ArtifactUnsupported, if they are far more than a layer of files takes uncompressed.
    """
    most, size = max(_SMALL_LAYER, _MOST_GROWTH * blob.size), 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise UserError(reasons.ARTIFACT_UNSUPPORTED, f"layer {blob.digest} takes more than {most} bytes")
        yield piece


def _checked(pieces: Iterator[bytes], blob: Blob) -> Iterator[bytes]:
    """The pieces.

    Raises:
        UserError: ContentDamaged, at their end, if together they are not the blob.
    """
    content, size = hashlib.sha256(), 0
    for piece in pieces:
        content.update(piece)
        size += len(piece)
        if size > blob.size:
            break
        yield piece
    if (size, f"sha256:{content.hexdigest()}") != (blob.size, blob.digest):
        raise UserError(reasons.CONTENT_DAMAGED, f"what arrived is not {blob.digest}")
