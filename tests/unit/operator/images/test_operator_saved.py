"""Reading the engine's archives, in every form that engines write."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.images import COMPRESSED

from localmodel import digests
from localmodel.engine.saved import keep
from localmodel.oci.layout import Layout
from localmodel.updates.image import EnvironmentImage

LOWER, UPPER = b"lower" * 1000, b"upper" * 400_000  # one is read in one piece, the other is not
PLAIN = [LOWER, UPPER, LOWER]
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["PATH=/bin", "LANG=C"]},
    "rootfs": {"type": "layers", "diff_ids": [digests.of_bytes(layer) for layer in PLAIN]},
}


@dataclass
class Link:
    """A member that only points to another."""

    to: str
    kind: bytes = tarfile.SYMTYPE


Files = dict[str, "bytes | Link"]


def packed(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, Link):
                info.type, info.linkname = content.kind, content.to
                made.addfile(info)
            else:
                info.size = len(content)
                made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def engine(files: Files, chunk: int = 65536) -> Any:
    """A client whose `docker save` gives these files, in pieces of `chunk` bytes."""
    content = packed(files)

    def get_image(tag: str) -> Iterator[bytes]:
        assert tag == "env:key"
        return (content[start : start + chunk] for start in range(0, len(content), chunk))

    return SimpleNamespace(api=SimpleNamespace(get_image=get_image))


def manifest(config: str, layers: list[str]) -> bytes:
    return json.dumps([{"Config": config, "RepoTags": ["env:key"], "Layers": layers}]).encode()


def old_layout() -> Files:
    """Up to Docker 24: a folder a layer; a repeated layer is a link to its first copy."""
    return {
        "aaa/VERSION": b"1.0",
        "aaa/json": b"{}",
        "aaa/layer.tar": LOWER,
        "bbb/layer.tar": UPPER,
        "ccc/layer.tar": Link("../aaa/layer.tar"),
        "config.json": json.dumps(CONFIG).encode(),
        "manifest.json": manifest("config.json", ["aaa/layer.tar", "bbb/layer.tar", "ccc/layer.tar"]),
        "repositories": b"{}",
    }


def hard_links() -> Files:
    return {**old_layout(), "ccc/layer.tar": Link("aaa/layer.tar", tarfile.LNKTYPE)}


def oci_layout(pack: Callable[[bytes], bytes] = bytes) -> Files:
    """From Docker 25 on: an OCI layout with a manifest.json beside its index."""
    blobs = {digests.of_bytes(pack(layer)).replace(":", "/"): pack(layer) for layer in PLAIN}
    order = [digests.of_bytes(pack(layer)).replace(":", "/") for layer in PLAIN]
    config = json.dumps(CONFIG).encode()
    named = digests.of_bytes(config).replace(":", "/")
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": b"{}",
        **{f"blobs/{name}": blob for name, blob in blobs.items()},
        f"blobs/{named}": config,
        "manifest.json": manifest(f"blobs/{named}", [f"blobs/{name}" for name in order]),
    }


def gzipped() -> Files:
    """The containerd store keeps layers as they were pulled."""
    return oci_layout(lambda content: gzip.compress(content, mtime=0))


def gzipped_in_parts() -> Files:
    """Some compressors write one gzip member after the other."""
    return oci_layout(lambda content: gzip.compress(content[:9999], mtime=0) + gzip.compress(content[9999:], mtime=0))


def zstd_compressed() -> Files:
    """The newer one of the two compressions that layers have."""
    return oci_layout(COMPRESSED["+zstd"])


def manifest_first() -> Files:
    files = oci_layout()
    return {"manifest.json": files.pop("manifest.json"), **files}


@pytest.mark.parametrize("chunk", [1000, 1 << 20, 1 << 30])
@pytest.mark.parametrize(
    "made", [old_layout, hard_links, oci_layout, gzipped, gzipped_in_parts, zstd_compressed, manifest_first]
)
def test_every_form_gives_the_same_image(tmp_path: Path, made: Callable[[], Files], chunk: int) -> None:
    layout = Layout(tmp_path)
    image = keep(engine(made(), chunk), "env:key", "sha256:base", layout)
    assert image == EnvironmentImage(
        "sha256:base", "amd64", "linux", ("PATH=/bin", "LANG=C"), tuple(map(layout.add, PLAIN))
    )


def test_layers_are_kept_uncompressed_once_each(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    image = keep(engine(gzipped()), "env:key", "sha256:base", layout)
    assert [layout.read(layer.digest) for layer in image.layers] == PLAIN
    assert image.layers[0] == image.layers[2]


def test_an_image_without_variables(tmp_path: Path) -> None:
    config = {**CONFIG, "config": {"Env": None}}
    files = {**old_layout(), "config.json": json.dumps(config).encode()}
    assert keep(engine(files), "env:key", "sha256:base", Layout(tmp_path)).variables == ()


def test_a_damaged_layer_is_noticed(tmp_path: Path) -> None:
    files = {**old_layout(), "aaa/layer.tar": LOWER[:-1] + b"!"}
    with pytest.raises(OSError, match="archive is damaged: layer aaa/"):
        keep(engine(files), "env:key", "sha256:base", Layout(tmp_path))


def test_a_compression_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    files = {**old_layout(), "aaa/layer.tar": b"\x28\xb5\x2f\xfd" + LOWER}
    with pytest.raises(OSError, match="zstd"):
        keep(engine(files), "env:key", "sha256:base", Layout(tmp_path))


def test_an_archive_that_breaks_off_is_noticed(tmp_path: Path) -> None:
    whole = packed(old_layout())
    client = SimpleNamespace(api=SimpleNamespace(get_image=lambda tag: iter([whole[: len(LOWER) + 3000]])))
    with pytest.raises((OSError, tarfile.ReadError, KeyError)):
        keep(client, "env:key", "sha256:base", Layout(tmp_path))  # type: ignore[arg-type]
