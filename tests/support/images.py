"""Small images, brought to a registry in the ways that builders do."""

from __future__ import annotations

import functools
import gzip
import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterable
from typing import Any

import requests

from localmodel import digests
from localmodel.oci.layout import Blob
from localmodel.oci.media_types import INDEX, MANIFEST
from localmodel.oci.registry import Repository

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LAYER = "application/vnd.oci.image.layer.v1.tar"
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "+gzip": functools.partial(gzip.compress, mtime=0),  # the same layer has the same digest a second later
    "+zstd": zstd.compress,
}


def layer(**links: str) -> bytes:
    """A tar of files, name -> what it is a link to ("" for a file), with `_` for a slash and `0` for a dot."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, target in links.items():
            info = tarfile.TarInfo(name.replace("_", "/").replace("0", "."))
            info.type, info.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            archive.addfile(info, io.BytesIO())
    return content.getvalue()


class Images:
    """The repository `name` of a registry, to which images are pushed."""

    def __init__(self, host: str, name: str, login: tuple[str, str] | None = None, insecure: bool = False) -> None:
        self.host, self.name = host, name
        self.repository = Repository(f"{host}/{name}:latest", insecure)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = login

    def push(
        self,
        tag: str,
        layers: Iterable[bytes],
        how: str = "+gzip",
        architecture: str = "amd64",
        variables: Iterable[str] = ("PATH=/usr/local/bin:/bin",),
        diff_ids: list[str] | None = None,
    ) -> str:
        """Push an image; return its manifest's digest. `diff_ids` are those of the layers unless given."""
        layers = list(layers)
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": list(variables)},
            "rootfs": {"type": "layers", "diff_ids": diff_ids or [digests.of_bytes(content) for content in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [self._blob(COMPRESSED[how](content), LAYER + how) for content in layers],
        }
        return self.put(tag, manifest, MANIFEST)

    def index(self, tag: str, **images: str) -> str:
        """Push an index of images, architecture -> digest; return its digest."""
        entries = [
            {
                "mediaType": MANIFEST,
                "digest": digest,
                "size": len(self.repository.manifest(digest) or b""),
                "platform": {"os": "unknown" if name == "unknown" else "linux", "architecture": name},
            }
            for name, digest in images.items()
        ]
        return self.put(tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX)

    def put(self, tag: str, manifest: dict[str, Any], kind: str) -> str:
        content = json.dumps(manifest).encode()
        url = f"http://{self.host}/v2/{self.name}/manifests/{tag}"
        self._session.put(url, content, headers={"Content-Type": kind}, timeout=60).raise_for_status()
        return digests.of_bytes(content)

    def _blob(self, content: bytes, kind: str) -> dict[str, Any]:
        blob = Blob(digests.of_bytes(content), len(content))
        self.repository.send(blob, content, lambda _: None)
        return blob.descriptor(kind)
