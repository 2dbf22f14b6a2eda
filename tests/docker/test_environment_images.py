"""Images of environments: no password in any layer, and nothing of the user's own image out of sight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from package_index import make_wheel, serving

from localmodel import data, store_id
from localmodel.environments import local, sources, wheels
from localmodel.sdk.progress import reporter
from localmodel.spec import EnvironmentSpec

PYTHON = "3.11"  # of the base image that hack/engine-up makes where none can be pulled
LOGIN = ("alice", "open-sesame-4711")
PROXY = "http://alice:open-sesame-0815@192.0.2.1:3128"
OWN_BASE = f"""\
FROM python:{PYTHON}-slim
RUN python3 -m venv /venv
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin
RUN echo "WORD = 'seen; a proxy: ${{HTTP_PROXY:+yes}}'" > "$(echo /venv/lib/python3*/site-packages)/from_base.py"
USER 1234
"""


@pytest.fixture
def home(tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, and so a store, of its own; the engine's images of it are removed afterwards."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    yield home
    label = f"localmodel.dev/store={store_id.of(home / 'store')}"
    for image in engine.images.list(filters={"label": label}):
        for tag in image.tags:
            engine.images.remove(tag)
    engine.images.prune(filters={"dangling": True, "label": label})


@pytest.fixture(scope="module")
def wheel_folder(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that goes into an image, from wherever this machine has its packages."""
    folder = tmp_path_factory.mktemp("index") / "wheels"
    make_wheel(folder, "ours", "1.0")
    for name in ("tools.txt", "requirements.txt"):
        text = (data.folder("scoring-image") / name).read_text()
        wheels.fetch(text, PYTHON, engine.version()["Arch"], folder, sources.Sources(), lambda line: None)
    return folder


def said_in(engine: Any, name: str, code: str) -> str:
    output: bytes = engine.containers.run(name, ["/opt/env/bin/python", "-c", code], remove=True, network_mode="none")
    return output.decode().strip()


def parts(engine: Any, name: str) -> Iterator[bytes]:
    """Everything that an image is: each layer, its configuration, its history; and of the build's other stages, too."""
    label = engine.images.get(name).labels["localmodel.dev/store"]
    for image in engine.images.list(filters={"label": f"localmodel.dev/store={label}"}):
        yield json.dumps([image.attrs, image.history()]).encode()
        yield b"".join(image.save())


def test_a_private_index_leaves_no_trace(engine: Any, home: Path, wheel_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {LOGIN[0]} password {LOGIN[1]}\n")
    (tmp_path / "netrc").chmod(0o600)
    said: list[str] = []
    with serving(wheel_folder, LOGIN) as index:
        (home / "packages.toml").write_text(f'index-url = "{index}"\n')
        name = local.image(EnvironmentSpec(PYTHON, ("ours",)), reporter(False), said.append)
    assert said_in(engine, name, "import ours; print(ours.VERSION)") == "1.0"
    for part in parts(engine, name):
        assert LOGIN[1].encode() not in part
        assert index.encode() not in part
    (log,) = (home / "build-logs").iterdir()
    assert log.read_text() == "".join(f"{line}\n" for line in said)
    assert not any(LOGIN[1].encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_an_image_of_ones_own_is_seen_and_a_proxys_password_stays_out_of_it(
    engine: Any, home: Path, wheel_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    spec = EnvironmentSpec(PYTHON, ("ours",), dockerfile=OWN_BASE)
    try:
        name = local.image(spec, reporter(False))
        assert said_in(engine, name, "import ours, from_base; print(from_base.WORD)") == "seen; a proxy: yes"
        assert b"open-sesame" not in b"".join(engine.images.get(spec.base).save())
        assert "open-sesame" not in json.dumps(engine.images.get(spec.base).history())
        for part in parts(engine, name):
            assert b"open-sesame" not in part
    finally:
        engine.images.remove(spec.base)
