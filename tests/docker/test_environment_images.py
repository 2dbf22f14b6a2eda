"""Images of environments: no password in any layer, nothing of the user's own image out of sight, compiled modules,
and for an added package one layer on top of those that the engine has."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.package_index import make_wheel, serving

from localmodel import data, run_coroutine
from localmodel.engine import build_here, environment_image
from localmodel.engine.bases import Origin
from localmodel.engine.client import Connection
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks import wheels
from localmodel.oci.layout import Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk.progress import reporter
from localmodel.store import store_id
from localmodel.updates import archive

PYTHON = "3.11"  # of the base image that hack/engine-up makes where none can be pulled
LOGIN = ("alice", "open-sesame-4711")
PROXY = "http://alice:open-sesame-0815@192.0.2.1:3128"
OWN_BASE = f"""\
FROM python:{PYTHON}-slim
RUN python3 -m venv /venv
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin
ENTRYPOINT ["/bin/false"]
RUN echo "WORD = 'seen; a proxy: ${{HTTP_PROXY:+yes}}'" > "$(echo /venv/lib/python3*/site-packages)/from_base.py"
USER 1234
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layers of all these tests, so that the server's is made once."""
    return tmp_path_factory.mktemp("layers")


@pytest.fixture
def home(tmp_path: Path, engine: Any, layers: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, and so a store, of its own; the engine's images of it are removed afterwards."""
    home = tmp_path / "home"
    (home / "store").mkdir(parents=True)
    (home / "store" / "images").symlink_to(layers)
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
    fitting = [f"--platform={name}" for name in wheels.platforms(engine.version()["Arch"])]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *fitting]
    requirements = data.path("scoring-image") / "requirements.txt"
    subprocess.run([*command, "--python-version", PYTHON, "--dest", folder, "-r", requirements], check=True)
    return folder


def said_in(engine: Any, name: str, code: str) -> str:
    command = ["/opt/env/bin/python", "-c", code]
    output: bytes = engine.containers.run(name, command, entrypoint=[], user="0", remove=True, network_mode="none")
    return output.decode().strip()


def parts(engine: Any, name: str) -> Iterator[bytes]:
    """Everything that an image is: each layer, its configuration, its history; and of the build's other stages, too."""
    label = engine.images.get(name).labels["localmodel.dev/store"]
    for image in engine.images.list(filters={"label": f"localmodel.dev/store={label}"}):
        yield json.dumps([image.attrs, image.history()]).encode()
        yield b"".join(image.save())


def test_a_private_index_leaves_no_trace(
    engine: Any, home: Path, layers: Path, wheel_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {LOGIN[0]} password {LOGIN[1]}\n")
    (tmp_path / "netrc").chmod(0o600)
    said: list[str] = []
    with serving(wheel_folder, LOGIN) as index:
        (home / "packages.toml").write_text(f'index-url = "{index}"\n')
        name = build_here.image(EnvironmentSpec(PYTHON, ("ours",)), reporter(False), said.append)
    assert said_in(engine, name, "import ours; print(ours.VERSION)") == "1.0"
    for part in parts(engine, name):
        assert LOGIN[1].encode() not in part
        assert index.encode() not in part
    (log,) = (home / "build-logs").iterdir()
    assert log.read_text() == "".join(f"{line}\n" for line in said)
    kept = [path for folder in (home, layers) for path in folder.rglob("*") if path.is_file()]
    assert any(path.stat().st_size > 1_000_000 for path in kept)
    assert not any(LOGIN[1].encode() in path.read_bytes() for path in kept)


def test_an_image_of_ones_own_is_seen_and_a_proxys_password_stays_out_of_it(
    engine: Any, home: Path, wheel_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    spec = EnvironmentSpec(PYTHON, ("ours",), dockerfile=OWN_BASE)
    try:
        name = build_here.image(spec, reporter(False))
        assert said_in(engine, name, "import ours, from_base; print(from_base.WORD)") == "seen; a proxy: yes"
        assert b"open-sesame" not in b"".join(engine.images.get(spec.base).save())
        assert "open-sesame" not in json.dumps(engine.images.get(spec.base).history())
        for part in parts(engine, name):
            assert b"open-sesame" not in part
    finally:
        engine.images.remove(spec.base)


# Fails unless every compiled module is of its source and never compared with it again; prints how many there are.
CHECK = """
import importlib.util, pathlib, sys
found = [path for place in ("/opt/env", "/opt/localmodel") for path in pathlib.Path(place).rglob("*.pyc")]
for path in found:
    content, source = path.read_bytes(), pathlib.Path(importlib.util.source_from_cache(path)).read_bytes()
    assert content[4:8] == bytes([1, 0, 0, 0]), f"{path}: compared with its module again"
    assert content[8:16] == importlib.util.source_hash(source), f"{path}: not compiled of its module"
print(len(found))
"""


def test_an_added_package_is_one_layer_more(
    engine: Any, home: Path, wheel_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    make_wheel(wheel_folder, "kept", "1.0", {"space/kept.py": "WORD = 'kept'\n"})
    make_wheel(wheel_folder, "new", "1.0", {"space/new.py": "", "new.py": "WORD = 'new'\n"})
    sent: list[int] = []
    load_image = type(engine.api).load_image

    def counted(self: Any, archive: Iterable[bytes]) -> Any:
        chunks = list(archive)
        sent.append(sum(map(len, chunks)))
        return load_image(self, iter(chunks))

    monkeypatch.setattr(type(engine.api), "load_image", counted)
    before = build_here.image(EnvironmentSpec(PYTHON, ("ours", "kept")), reporter(False))
    spec = EnvironmentSpec(PYTHON, ("ours", "kept", "new"))
    after = build_here.image(spec, reporter(False))
    assert sent[1] < 100_000 < sent[0]
    stacks = [engine.images.get(name).attrs["RootFS"]["Layers"] for name in (before, after)]
    assert stacks[1][:-1] == stacks[0]
    code = "import ours, new, space.kept, space.new; print(ours.VERSION, new.WORD, space.kept.WORD)"
    assert said_in(engine, after, code) == "1.0 new kept"
    assert int(said_in(engine, after, CHECK)) > 500

    lock = run_coroutine.run(locks.resolve(spec, locks.PLATFORMS[engine.version()["Arch"]], home / "store" / "locks"))
    layout = Layout(home / "store" / "images")
    origin = Origin(engine.version()["Arch"])
    made = environment_image.make(Connection(), spec, lock, store_id.of(home / "store"), Event(), layout, origin)
    assert [layer.digest for layer in made.layers] == stacks[1], "pods get the layers that the engine has"
    assert all(map(layout.has, made.layers))
    assert made.variables == tuple(engine.images.get(after).attrs["Config"]["Env"])
    own = f"localmodel.dev/store={store_id.of(home / 'store')}"
    assert engine.containers.list(all=True, filters={"label": own}) == []


def test_what_the_engine_has_lost_is_sent_again(
    engine: Any, home: Path, wheel_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    missing = archive.missing
    monkeypatch.setattr(archive, "missing", lambda image, known: [] if known else missing(image, known))
    name = build_here.image(EnvironmentSpec(PYTHON, ("ours",)), reporter(False))
    assert said_in(engine, name, "import ours; print(ours.VERSION)") == "1.0"


def test_scikit_learn_is_imported_from_compiled_modules(engine: Any, home: Path) -> None:
    name = build_here.image(EnvironmentSpec(PYTHON, ("scikit-learn==1.9.1", "joblib==1.6.0")), reporter(False))
    code = (
        "import sys, sklearn.ensemble; "
        "print([name for name, module in sys.modules.items() if (getattr(module, '__file__', None) or '')"
        ".startswith('/opt/env') and module.__file__.endswith('.py') "
        "and not __import__('os').path.exists(module.__cached__)])"
    )
    assert said_in(engine, name, code) == "[]"
    assert said_in(engine, name, "import os; print(os.popen('/opt/env/bin/f2py -v').read().strip() != '')") == "True"


SHIM = f"""\
FROM python:{PYTHON}-slim
RUN mkdir /shims && printf '#!/bin/sh\\nexec /usr/local/bin/python3 "$@"' > /shims/python3 && chmod 755 /shims/python3
ENV PATH=/shims:/usr/bin:/bin
"""


def test_a_python_that_its_files_do_not_tell_is_asked(engine: Any, home: Path, wheel_folder: Path) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    said: list[str] = []
    spec = EnvironmentSpec(PYTHON, ("ours",), dockerfile=SHIM)
    try:
        name = build_here.image(spec, reporter(False), said.append)
        (line,) = [line for line in said if line.startswith(f"Python {PYTHON} of {spec.base} at /usr/")]
        assert line.endswith(f"/python{PYTHON}")
        assert said_in(engine, name, "import ours; print(ours.VERSION)") == "1.0"
    finally:
        environment_image.remove(engine, store_id.of(home / "store"), {name.rpartition(":")[2]})
        engine.images.remove(spec.base)
