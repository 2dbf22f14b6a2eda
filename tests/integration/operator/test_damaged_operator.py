"""What an operator, or a crash, has left damaged: its pass and its sweep go on, and remove nothing for that."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localmodel import digests
from localmodel.disk import files
from localmodel.engine.bases import Origin
from localmodel.engine.client import Engine
from localmodel.oci.layout import Layout
from localmodel.store import Store
from localmodel.updates.image import EnvironmentImage, stored
from localmodel_operator import sweep
from localmodel_operator.images.environments import Environments

USE = sweep.Use((), ("key",), ())


def text(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": text(b""),
    "half": text(b"{"),
    "list": text(b"[]"),
    "null": text(b"null"),
    "other": text(b'{"x": 1}'),
    "FF": text(b"\xff"),
    "deep": text(b"[" * 200_000),
    "types": text(b'{"layers": 5, "config": 5, "images": 5}'),
    "infinite": text(b'{"layers": [{"digest": "a", "size": 1e400}]}'),
    "surrogate": text(b'{"base": "\\ud800"}'),
    "folder": lambda path: path.mkdir(),
    "fifo": os.mkfifo,
    "dangling": lambda path: path.symlink_to("nowhere"),
}


class Nobody:
    """An engine that does nothing."""

    async def call(self, *_: object) -> None:
        return None


class Empty:
    """A cluster that has no objects."""

    async def list(self, *_: object) -> list[object]:
        return []


@pytest.mark.parametrize("damage", DAMAGE)
def test_nothing_goes_because_it_cannot_be_read(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    layout = Layout(tmp_path)
    layer, manifest = layout.add(b"layer"), layout.add(b"manifest")
    image = f"repository@{manifest.digest}"
    note, record, path = tmp_path / "uses" / "other.json", tmp_path / "environments" / "key.json", tmp_path / "blobs"
    path = layout.path(manifest.digest)
    environments = Environments(cast(Engine, Nobody()), layout, "store", tmp_path / "environments", 0, Origin("amd64"))
    place = {"layout": layout, "environments": environments, "store": Store(tmp_path)}
    site = cast(Any, SimpleNamespace(**place, engine=Nobody(), cluster=Empty(), namespaces=()))

    async def look(*_: object) -> sweep.Use:
        return sweep.Use((image,), ("key",), ())

    monkeypatch.setattr(sweep, "_look", look)
    for damaged in (note, record, path):
        files.write(note, digests.canonical_json(USE.__dict__))
        whole = EnvironmentImage("base", "amd64", "linux", ("A=b",), (layer,))
        files.write(
            record, digests.canonical_json({**whole.__dict__, "layers": [{"digest": layer.digest, "size": layer.size}]})
        )
        files.write(path, b'{"config": {"digest": "%s", "size": 5}, "layers": []}' % layer.digest.encode())
        assert environments.find("key") == whole
        damaged.unlink()
        DAMAGE[damage](damaged)
        caplog.clear()
        asyncio.run(sweep._sweep_here(site, "own", ()))
        assert f"{damaged} is damaged (" in caplog.text
        assert layout.has(layer) and os.path.lexists(path) and os.path.lexists(note) and os.path.lexists(record)
        assert (environments.find("key") is None) == (damaged == record)
        if damaged == path:
            assert stored(layout, image) is None
        if damage == "folder":
            damaged.rmdir()
        else:
            damaged.unlink()
