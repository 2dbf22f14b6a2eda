"""Base images of a real registry, where no engine answers: what is kept of them, and what a wrong one is told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import pytest
from support import oci_registry
from support.images import COMPRESSED, Images, layer
from support.web_server import Answer, serving

from localmodel import digests
from localmodel.engine import base_image, bases, build, registry_base, saved
from localmodel.engine.base_image import BaseImage
from localmodel.engine.bases import Base, Origin
from localmodel.engine.build import BuildCancelledError
from localmodel.engine.client import Connection
from localmodel.environments.layers.base_python import BasePython
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.updates.image import EnvironmentImage

T = TypeVar("T")

SLIM = [layer(bin="usr/bin", usr_local_bin_python3="python3.9"), layer(usr_local_bin_python3011="")]
LINKED = layer(usr_local_bin_python3="python3.11")
PYTHON = BasePython("/usr/local/bin/python3.11", "3.11")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    with oci_registry.serving(folder) as host:
        yield host


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))


class Reader:
    """Reads base images into a layout of its own; `lines` are those of the build log."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "layout")
        self.lines: list[str] = []
        self.python, self.engine = "3.11", Connection()

    def read(self, reference: str, cancelled: bool = False, dockerfile: str | None = None) -> Base:
        event = Event()
        if cancelled:
            event.set()
        spec = EnvironmentSpec(self.python, (), reference, dockerfile)
        return bases.find(self.engine, spec, "store", self.layout, Origin("amd64"), self.lines.append, event)

    def error(self, reference: str, dockerfile: str | None = None) -> UserError:
        with pytest.raises(UserError) as raised:
            self.read(reference, dockerfile=dockerfile)
        return raised.value


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.mark.parametrize("how", COMPRESSED)
def test_layers_are_kept_uncompressed(host: str, reader: Reader, how: str) -> None:
    images = Images(host, f"kinds{len(how)}")
    images.push("1", [*SLIM, LINKED], how)
    base = reader.read(f"{host}/{images.name}:1")
    assert base.python == PYTHON
    assert [blob.digest for blob in base.image.layers] == [digests.of_bytes(content) for content in [*SLIM, LINKED]]
    assert [reader.layout.read(blob.digest) for blob in base.image.layers] == [*SLIM, LINKED]
    assert (base.image.architecture, base.image.variables) == ("amd64", ("PATH=/usr/local/bin:/bin",))


def test_of_several_platforms_that_of_the_nodes(host: str, reader: Reader) -> None:
    images = Images(host, "index")
    here = images.push("here", [LINKED, *SLIM[1:]])
    there = images.push("there", SLIM, architecture="arm64")
    images.index("latest", unknown=there, arm64=there, amd64=here)
    images.index("arm", unknown=there, arm64=there)
    assert reader.read(f"{host}/index").image.architecture == "amd64"
    assert "it is for linux/arm64, not linux/amd64" in str(reader.error(f"{host}/index:arm"))
    assert "it is for linux/arm64, not linux/amd64" in str(reader.error(f"{host}/index:there"))


def test_nobody_is_asked_again(host: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    reader = Reader(tmp_path)
    with oci_registry.serving(tmp_path_factory.mktemp("short")) as short:
        images = Images(short, "kept")
        digest = images.push("1", [LINKED, *SLIM[1:]])
        first, pinned = reader.read(f"{short}/kept:1"), reader.read(f"{short}/kept@{digest}")
        images.push("1", [LINKED, *SLIM[1:], layer(new="")])
        assert reader.read(f"{short}/kept:1") == first == pinned, "as with an image that an engine has pulled"
        assert len(reader.read(f"{short}/kept:1").image.layers) == 2
    assert reader.read(f"{short}/kept:1") == first
    assert reader.read(f"{short}/kept@{digest}") == first
    reader.layout.remove(first.image.layers[0].digest)
    assert "RegistryUnreachable" not in str(reader.error(f"{short}/kept:1"))


def test_only_layers_that_the_store_lacks_are_received(host: str, reader: Reader) -> None:
    images = Images(host, "shared")
    images.push("1", [LINKED, *SLIM[1:]])
    images.push("2", [LINKED, *SLIM[1:], layer(new="")])
    reader.read(f"{host}/shared:1")
    assert sum("base image: layer" in line for line in reader.lines) == 2
    reader.read(f"{host}/shared:2")
    assert [line for line in reader.lines if "base image: layer" in line][2:] == ["base image: layer 3 of 3, 0.0 MB"]


def test_a_layer_is_not_given_to_who_only_names_it(host: str, folder: Path, reader: Reader) -> None:
    """An image's configuration can name a layer that came with another's private image, or that is a model."""
    private = layer(usr_local_bin_python3="python3.11", private="")
    Images(host, "private").push("1", [private, *SLIM[1:]])
    reader.read(f"{host}/private:1")
    Images(host, "thief").push("1", [layer(junk="")], diff_ids=[digests.of_bytes(private)])
    assert "not sha256:" in str(reader.error(f"{host}/thief:1"))
    model = reader.layout.add(LINKED)
    Images(host, "thief").push("2", [layer(junk="")], diff_ids=[model.digest])
    assert "not sha256:" in str(reader.error(f"{host}/thief:2"))


def test_layers_say_where_python_is(host: str, reader: Reader) -> None:
    """Over links, removed files and a virtual environment."""
    images = Images(host, "venv")
    lower = layer(bin="usr/bin", usr_bin_python3="python3.9", usr_bin_python309="", usr_bin_python3011="")
    upper = layer(usr_bin_0wh0python309="", usr_bin_python3="python3.11", venv_bin_python3="/bin/python3")
    images.push("1", [lower, upper, layer(venv_pyvenv0cfg="")], variables=["PATH=/venv/bin:/bin"])
    python = reader.read(f"{host}/venv:1").python
    assert python == BasePython("/usr/bin/python3.11", "3.11", "/venv/lib/python3.11/site-packages")


def test_a_python_that_does_not_say_its_version(host: str, reader: Reader) -> None:
    Images(host, "silent").push("1", [layer(usr_local_bin_python3="")])
    error = reader.error(f"{host}/silent:1")
    assert error.reason == "EnvironmentBuildFailed"
    assert "has no python3 that is a link to pythonX.Y" in str(error) and "no Docker engine answers" in str(error)


def test_another_python_than_the_specs(host: str, reader: Reader) -> None:
    Images(host, "other").push("1", [LINKED, *SLIM[1:]])
    reader.read(f"{host}/other:1")
    reader.python = "3.12"
    assert str(reader.error(f"{host}/other:1")) == "spec.environment.baseImage: base image has Python 3.11, not 3.12"


def test_a_dockerfile_needs_an_engine(reader: Reader) -> None:
    error = reader.error("ignored", dockerfile="FROM scratch")
    assert error.reason == "EngineUnreachable"
    assert str(error).startswith("the environment's Dockerfile needs a Docker engine: no Docker engine answers")


def test_what_is_not_there(host: str, reader: Reader) -> None:
    error = reader.error(f"{host}/nosuch:1")
    assert error.reason == "BaseImageUnreadable"
    assert f"spec.environment.baseImage: image {host}/nosuch:1 cannot be read: " in str(error)
    assert "localhost:1/x" in str(reader.error("localhost:1/x:1"))


def test_credentials_are_dockers(
    reader: Reader, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{")
    assert "Docker's credentials for localhost:1 cannot be read" in str(reader.error("localhost:1/x:1"))
    (tmp_path / "docker" / "config.json").write_text("{}")
    with oci_registry.serving(tmp_path_factory.mktemp("closed"), login=True) as closed:
        assert "docker login" in str(reader.error(f"{closed}/private:1"))
        words = base64.b64encode(f"{oci_registry.USER}:{oci_registry.PASSWORD}".encode()).decode()
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {closed: {"auth": words}}}))
        Images(closed, "private", (oci_registry.USER, oci_registry.PASSWORD)).push("1", [LINKED, *SLIM[1:]])
        assert reader.read(f"{closed}/private:1").python == PYTHON


def test_other_content_than_promised_is_not_kept(host: str, folder: Path, reader: Reader) -> None:
    images = Images(host, "bad")
    images.push("diff", [LINKED], diff_ids=[f"sha256:{'1' * 64}"])
    assert f"not sha256:{'1' * 64}" in str(reader.error(f"{host}/bad:diff"))
    content = layer(usr_local_bin_python3="python3.11", unique_to_this="")
    images.push("blob", [content], how="")
    (stored,) = (folder / "data").rglob(f"{digests.of_bytes(content).removeprefix('sha256:')}/data")
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    assert f"what arrived is not {digests.of_bytes(content)}" in str(reader.error(f"{host}/bad:blob"))
    assert not reader.layout.path(digests.of_bytes(content)).exists()
    images.push("gzip", [b"\x1f\x8b\x08 broken"], how="")
    assert "it is compressed with gzip, and cannot be read" in str(reader.error(f"{host}/bad:gzip"))
    images.push("tar", [b"\1" * 2000])
    assert reader.error(f"{host}/bad:tar").reason == "BaseImageUnreadable"


def test_a_layer_that_fills_the_disk_is_not_kept(host: str, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_base, "_SMALL_LAYER", 1 << 20)
    images = Images(host, "large")
    images.push("zeros", [bytes(8 << 20)], how="+zstd")
    assert "takes more than 1048576 bytes" in str(reader.error(f"{host}/large:zeros"))
    assert not list(reader.layout.path(digests.of_bytes(b"")).parent.glob("*"))


class Engine(Connection):
    """An engine that answers, and whose images are `images`, by the name; what it pulls is there then."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.images: set[str] = set()
        self.pulled: list[str] = []
        self._layout = Layout(folder / "layout")
        monkeypatch.setattr(build, "base_in", lambda _, spec: self._has(spec))
        monkeypatch.setattr(build, "pull_base", lambda _, spec, *__: self._has(spec) or self._pull(spec))
        monkeypatch.setattr(base_image, "read", lambda *_: BaseImage("sha256:1", "amd64", "linux", {}, (), PYTHON))
        monkeypatch.setattr(saved, "keep", lambda *_: self._saved())

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(None, *arguments)

    def _has(self, spec: EnvironmentSpec) -> str | None:
        return "sha256:1" if spec.base in self.images else None

    def _pull(self, spec: EnvironmentSpec) -> str:
        self.pulled.append(spec.base)
        return "sha256:1"

    def _saved(self) -> EnvironmentImage:
        return EnvironmentImage("sha256:1", "amd64", "linux", (), (self._layout.add(b"of the engine"),))


def test_the_engines_own_image_counts_and_is_kept(
    host: str, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Images(host, "both").push("1", [LINKED, *SLIM[1:]])
    nobody, engine = reader.engine, Engine(tmp_path, monkeypatch)
    reader.engine = engine
    of_registry = reader.read(f"{host}/both:1")
    assert len(of_registry.image.layers) == 2 and engine.pulled == [], "an engine need not have it"
    engine.images.add(f"{host}/both:1")  # built here, or pulled anew
    of_engine = reader.read(f"{host}/both:1")
    assert reader.layout.read(of_engine.image.layers[0].digest) == b"of the engine"
    reader.engine = nobody
    assert reader.read(f"{host}/both:1") == of_engine, "also when the engine is gone"


def test_an_engine_is_asked_for_what_the_registry_does_not_give(
    host: str, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Images(host, "mute").push("1", [layer(usr_local_bin_python3="")])
    engine = reader.engine = Engine(tmp_path, monkeypatch)
    for name in (f"{host}/nosuch:1", f"{host}/mute:1", "localhost:1/x:1"):
        assert reader.layout.read(reader.read(name).image.layers[0].digest) == b"of the engine"
    assert engine.pulled == [f"{host}/nosuch:1", f"{host}/mute:1", "localhost:1/x:1"]


def test_a_connection_that_is_cut_leaves_nothing_and_the_next_try_goes_on(reader: Reader, tmp_path: Path) -> None:
    content = LINKED + bytes(3 << 20)
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [digests.of_bytes(content)]}}
    ).encode()
    manifest = json.dumps({"config": descriptor(config), "layers": [descriptor(content)]}).encode()
    with serving() as web:
        reference = f"{web.url.removeprefix('http://')}/cut:1"
        web.answers = [Answer(body=body, headers={}) for body in (manifest, config)]
        web.answers.append(Answer(body=content, headers={}, sent=2 << 20))
        error = reader.error(reference)
        assert error.reason == "BaseImageUnreadable" and "IncompleteRead" in str(error)
        assert reader.layout.blobs() == [] and list((tmp_path / "layout" / "incoming").iterdir()) == []
        web.answers = [Answer(body=body, headers={}) for body in (manifest, config, content)]
        with pytest.raises(BuildCancelledError):
            reader.read(reference, cancelled=True)
        web.answers = [Answer(body=body, headers={}) for body in (manifest, config, content)]
        assert reader.error(reference).reason == "EnvironmentBuildFailed", "it has no file python3.11"
        assert reader.layout.blobs() == [digests.of_bytes(content)]


def descriptor(content: bytes) -> dict[str, object]:
    return {"mediaType": "application/octet-stream", "digest": digests.of_bytes(content), "size": len(content)}
