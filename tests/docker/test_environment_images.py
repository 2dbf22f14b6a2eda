"""Images of environments: no password in any layer, nothing of the user's own image out of sight, and what one that
was made from another one is: the same as from nothing, with little on top of the other one's layers."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.package_index import make_wheel, serving

from localmodel import data, run_coroutine
from localmodel.engine import build_here, environment_image, toolbox
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks import wheels
from localmodel.oci.layout import Layout
from localmodel.requirements import sources
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk.progress import reporter
from localmodel.store import store_id
from localmodel.updates.image import EnvironmentImage

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
    toolbox.remove(engine, store_id.of(home / "store"))


@pytest.fixture(scope="module")
def wheel_folder(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that goes into an image, from wherever this machine has its packages."""
    folder = tmp_path_factory.mktemp("index") / "wheels"
    make_wheel(folder, "ours", "1.0")
    for name in ("tools.txt", "requirements.txt"):
        text = (data.path("scoring-image") / name).read_text()
        wheels.fetch(text, PYTHON, engine.version()["Arch"], folder, sources.Sources(), lambda line: None)
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


def test_a_private_index_leaves_no_trace(engine: Any, home: Path, wheel_folder: Path, tmp_path: Path) -> None:
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
    assert not any(LOGIN[1].encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


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


# Every file of an image, as path -> kind, mode, owner and content; compiled ones as what they were compiled of.
LIST = """
import hashlib, importlib.util, json, os, stat
found = {}
for root, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(root, name) not in ("/proc", "/sys", "/dev")]
    for path in (os.path.join(root, name) for name in (*folders, *files)):
        status = os.lstat(path)
        what = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
        if stat.S_ISREG(status.st_mode) and path.startswith("/opt"):
            content = open(path, "rb").read()
            if path.endswith(".pyc"):
                source = open(importlib.util.source_from_cache(path), "rb").read()
                assert content[4:8] == bytes([1, 0, 0, 0]), path + ": compared with its module again"
                assert content[8:16] == importlib.util.source_hash(source), path + ": not compiled of its module"
            elif path.endswith("RECORD"):
                # the order is any, and the installer notes in uv_cache.json when a wheel in a folder was last changed
                content = b"".join(sorted(line for line in content.splitlines() if b"uv_cache.json" not in line))
            what = hashlib.sha256(b"" if path.endswith((".pyc", "uv_cache.json")) else content).hexdigest()
        found[path] = [status.st_mode, status.st_uid, what]
print(json.dumps(found))
"""


def listed(engine: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said_in(engine, name, LIST))
    return found


def made(engine: Any, layout: Layout, spec: EnvironmentSpec, known: dict[str, EnvironmentImage]) -> str:
    """Make the environment's image as the operator does; its name. What it is goes into `known`, by key."""
    name = locks.PLATFORMS[engine.version()["Arch"]]
    lock = run_coroutine.run(locks.resolve(spec, name, layout.root / "locks"))
    key, store = environment_image.key(spec, lock), store_id.of(layout.root)
    known[key] = environment_image.make(engine, spec, lock, store, Event(), layout, known.get)
    return environment_image.tag(store, key)


def in_layers(layout: Layout, image: EnvironmentImage) -> dict[str, str]:
    """Every file below /opt/env as a node unpacks it: path -> digest of its content, or what it links to."""
    found: dict[str, str] = {}
    for layer in image.layers:
        with tarfile.open(layout.path(layer.digest)) as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                if name.startswith(".wh."):
                    gone = f"{folder}/{name.removeprefix('.wh.')}"
                    found = {path: what for path, what in found.items() if f"{path}/".find(f"{gone}/") != 0}
                elif member.name.startswith("opt/env/"):
                    content = archive.extractfile(member) if member.isfile() else None
                    what = hashlib.sha256(content.read()).hexdigest() if content else member.linkname
                    found[member.name.rstrip("/")] = what
    return found


def test_one_made_from_another_one_is_as_from_nothing(
    engine: Any, home: Path, wheel_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheel_folder}"]\n')
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    more = {"space/old.py": "", "space/deep/old.py": "", "space/deep/of/old.txt": "old", "old.py": "def {{ no }}:"}
    for name, version, files in (
        ("ours", "2.0", None),
        ("old", "1.0", more),
        ("same", "1.0", None),
        ("kept", "1.0", {"space/kept.py": "WORD = 'kept'\n", "space/deep/kept.py": ""}),
        ("new", "1.0", {"space/new.py": "", "new.py": "WORD = 'new'\n"}),
    ):
        make_wheel(wheel_folder, name, version, files)
    layout, known = Layout(home / "store"), dict[str, EnvironmentImage]()
    first = EnvironmentSpec(PYTHON, ("ours==1.0", "old", "kept", "same"), dockerfile=OWN_BASE)
    second = EnvironmentSpec(PYTHON, ("ours==2.0", "kept", "same", "new"), dockerfile=OWN_BASE)
    try:
        before = made(engine, layout, first, known)
        after = made(engine, layout, second, known)
        one, two = known.values()
        assert two.layers[:-1] == one.layers, home.joinpath("build-logs", [*known][1] + ".log").read_text()
        assert two.layers[-1].size < 200_000
        assert replace(two, layers=()) == replace(one, layers=())
        code = "import ours, new, from_base, space.kept; print(ours.VERSION, new.WORD, space.kept.WORD, from_base.WORD)"
        assert said_in(engine, after, code) == "2.0 new kept seen; a proxy: yes"
        old, changed = listed(engine, before), listed(engine, after)
        assert not [
            path for path in {**old, **changed} if old.get(path) != changed.get(path) and "/opt/env" not in path
        ]
        config, theirs = (dict(engine.images.get(name).attrs["Config"]) for name in (after, before))
        assert {**config, "Labels": {}} == {**theirs, "Labels": {}}
        for part in parts(engine, after):
            assert b"open-sesame" not in part
        own = f"localmodel.dev/store={store_id.of(home / 'store')}"
        assert engine.containers.list(all=True, filters={"label": ["localmodel.dev/change", own]}) == []
        unpacked = in_layers(layout, two)

        environment_image.remove(engine, store_id.of(home / "store"), list(known))
        known.clear()
        assert made(engine, layout, second, known) == after
        assert listed(engine, after) == changed, "made from nothing it is the same"
        fresh = in_layers(layout, *known.values())
        assert unpacked.keys() == fresh.keys()
        differ = {path for path in fresh if fresh[path] != unpacked[path]}
        assert not {path for path in differ if not path.endswith((".pyc", "RECORD", "uv_cache.json"))}
        environment_image.remove(engine, store_id.of(home / "store"), list(known))
        assert engine.volumes.list(filters={"label": own}) == []
    finally:
        engine.images.remove(first.base)
