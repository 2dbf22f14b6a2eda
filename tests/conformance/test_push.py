"""Delivery by push, to a real registry."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import oci_registry

from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.store import Store
from localmodel.updates import image
from localmodel.updates.image import EnvironmentImage, Image
from localmodel_operator.images.delivery import Delivered
from localmodel_operator.images.push import Push, Registry

NAME = "team/ml/deployments"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with oci_registry.serving(tmp_path_factory.mktemp("registry")) as host:
        yield host


class Bench:
    """An image of three layers, of which the code is the last; every run has bytes of its own."""

    def __init__(self, folder: Path) -> None:
        self.layout, self.store = Layout(folder / "images"), Store(folder / "store")
        base, packages = (self.layout.write(layers.tar([layers.Entry("f", os.urandom(300_000))])) for _ in range(2))
        self.environment = EnvironmentImage("sha256:base", "amd64", "linux", ("PATH=/bin",), (base, packages))

    def image(self, code: str = "x = 1") -> Image:
        files = {"score.py": code.encode()}
        return image.compose(self.layout, self.environment, self.store, [], "score.py", files)

    def push(self, host: str, **registry: Any) -> Push:
        return Push(self.layout, Registry(host, host, "team/ml", **registry))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def get(host: str, path: str, method: str = "GET") -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    try:
        with opener.open(urllib.request.Request(f"http://{host}/v2/{path}", headers=accept, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


async def deliver(push: Push, made: Image) -> Delivered:
    return await push.deliver(made, made.reference(push.repository("uid")), {}, list)


async def test_an_image_can_be_pulled_by_the_name_that_pods_have(bench: Bench, host: str) -> None:
    push, made = bench.push(host), bench.image()
    reference = made.reference(push.repository("uid"))
    assert reference == f"{host}/{NAME}@{made.manifest.digest}"
    assert await push.lacking(reference) == [host]
    assert (await deliver(push, made)).complete
    assert await push.lacking(reference) == []
    status, manifest = get(host, f"{NAME}/manifests/{made.manifest.digest}")
    assert (status, manifest) == (200, bench.layout.read(made.manifest.digest))
    for blob in (made.config, *made.layers):
        assert get(host, f"{NAME}/blobs/{blob.digest}") == (200, bench.layout.read(blob.digest))


async def test_an_edit_sends_what_is_new(bench: Bench, host: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await deliver(bench.push(host), bench.image())
    # another operator, which has to ask the registry
    edited = bench.image("x = 2")
    assert (await deliver(bench.push(host), edited)).complete
    sent = edited.layers[-1].size + edited.config.size
    assert f"sending 2 of 4 blobs, {sent} bytes" in caplog.text
    assert sent < 8192


async def test_a_layer_that_the_registry_has_lost_is_sent_again(bench: Bench, host: str) -> None:
    push = bench.push(host)
    first = bench.image()
    await deliver(push, first)
    for blob in (first.layers[0], first.config):
        assert get(host, f"{NAME}/blobs/{blob.digest}", "DELETE")[0] == 202
    edited = bench.image("x = 3")
    assert (await deliver(push, edited)).complete
    assert get(host, f"{NAME}/blobs/{first.layers[0].digest}", "HEAD")[0] == 200


async def test_an_image_that_the_registry_has_lost_is_found_out(bench: Bench, host: str) -> None:
    push, made = bench.push(host), bench.image("x = 4")
    reference = made.reference(push.repository("uid"))
    await deliver(push, made)
    assert get(host, f"{NAME}/manifests/{made.manifest.digest}", "DELETE")[0] == 202
    push.doubt()
    assert await push.lacking(reference) == [host]
    assert (await deliver(push, made)).complete
    assert await push.lacking(reference) == []


async def test_a_registry_that_goes_away_takes_nothing_with_it(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with oci_registry.serving(folder) as host:
        push, made = bench.push(host, help="https://example.com/help"), bench.image()
        reference = made.reference(push.repository("uid"))
        await deliver(push, made)
    monkeypatch.setattr("localmodel_operator.images.push._BELIEVED", -1.0)
    assert await push.lacking(reference) == []
    edited = bench.image("x = 5")
    assert await push.lacking(edited.reference(push.repository("uid"))) == [host]
    delivered = await deliver(push, edited)
    assert not delivered.usable
    assert delivered.message.startswith(f"delivered to 0 of 1 registries; {host}: does not answer: Connection refused")
    assert " 0x" not in delivered.message, "the status would change with every try"
    assert delivered.message.endswith("; see https://example.com/help")
    assert delivered.again_after


async def test_a_registry_that_hangs_holds_no_pass_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localmodel_operator.images.push._PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        push, made = bench.push(host), bench.image()
        async with asyncio.timeout(20):
            assert await push.lacking(made.reference(push.repository("uid"))) == [host]
            delivered = await deliver(push, made)
        assert delivered.message == f"delivered to 0 of 1 registries; on its way to {host}"
    push.stop()


async def test_the_engine_s_login_is_used(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with oci_registry.serving(folder, login=True) as host:
        refused = await deliver(bench.push(host), bench.image())
        assert f"docker login {host}" in refused.message
        login = base64.b64encode(f"{oci_registry.USER}:{oci_registry.PASSWORD}".encode()).decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
        assert (await deliver(bench.push(host), bench.image())).complete
