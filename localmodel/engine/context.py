"""The build contexts that the engine gets for an environment."""

import io
import json
import os
import ssl
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from localmodel import data, digests
from localmodel.environments.locks import wheels
from localmodel.environments.locks.lock import Lock
from localmodel.requirements import sources

BUILD = "/mnt/build"  # as in the Dockerfile
_OFFLINE = f'no-index = true\nfind-links = ["{BUILD}/wheels"]\n'.encode()

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def server_digest() -> str:
    """Digest of all our files in an environment image."""
    folder = data.path("scoring-image")
    return digests.of_json(
        {str(path.relative_to(folder)): digests.of_bytes(path.read_bytes()) for path in _own(folder)}
    )


def _own(folder: Path) -> list[Path]:
    names = ("Dockerfile", "install.py", "tools.txt", "requirements.txt")
    return [*(folder / name for name in names), *sorted(folder.glob("localmodel_*/**/*.py"))]


def environment(
    lock: Lock, python: str, architecture: str, say: Callable[[str], None]
) -> AbstractContextManager[IO[bytes]]:
    """The context of scoring-image/Dockerfile, as a tar.

    If the user has package sources, the wheels are in it, and the build uses nothing else.
    """
    folder = data.path("scoring-image")
    packages = {
        "tools": (folder / "tools.txt").read_text(),
        "server": (folder / "requirements.txt").read_text(),
        "environment": lock.text,
    }
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in _own(folder)}
    return _archive({**contents, "lock.txt": lock.text.encode()}, packages, python, architecture, say)


def tools_digest() -> str:
    """Digest of the files in the Dockerfile's stage "tools", without the base image."""
    return digests.of_bytes((data.path("scoring-image") / "tools.txt").read_bytes())


def tools(python: str, architecture: str, say: Callable[[str], None]) -> AbstractContextManager[IO[bytes]]:
    """Like `environment()`, only for the Dockerfile's stage "tools"."""
    folder = data.path("scoring-image")
    contents = {name: (folder / name).read_bytes() for name in ("Dockerfile", "tools.txt")}
    return _archive(contents, {"tools": contents["tools.txt"].decode()}, python, architecture, say)


def change(
    install: str, remove: Iterable[str], python: str, architecture: str, say: Callable[[str], None]
) -> AbstractContextManager[IO[bytes]]:
    """A tar with what install.py needs besides the tools, to remove packages and to install a part of a lock.

    It is to be unpacked in the folder above BUILD.
    """
    contents = {
        "install.py": (data.path("scoring-image") / "install.py").read_bytes(),
        "lock.txt": install.encode(),
        "remove.txt": "".join(f"{name}\n" for name in sorted(remove)).encode(),
        "variables.json": json.dumps(proxies()).encode(),
    }
    return _archive(contents, {"": install}, python, architecture, say, Path(BUILD).name)


@contextmanager
def _archive(
    contents: Mapping[str, bytes],
    packages: Mapping[str, str],
    python: str,
    architecture: str,
    say: Callable[[str], None],
    inside: str = "",
) -> Iterator[IO[bytes]]:
    """A tar of the contents, with the wheels of the packages (folder below wheels/ -> lock) if they are needed."""
    wanted = sources.read()
    offline = wanted.names_packages
    settings = {"ca.pem": _certificates(wanted), "uv.toml": _OFFLINE if offline else b""}
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryFile() as out:
        for name, text in packages.items():
            fetched = Path(temporary, "wheels", name)
            fetched.mkdir(parents=True)
            if offline:
                wheels.fetch(text, python, architecture, fetched, wanted, say)
        with tarfile.open(fileobj=out, mode="w") as archive:
            _add(archive, {str(Path(inside, name)): content for name, content in {**contents, **settings}.items()})
            for name in packages:
                place = Path("wheels", name)
                archive.add(Path(temporary, place), str(Path(inside, place)), filter=_reproducible)
        out.seek(0)
        yield out


def proxies() -> dict[str, str]:
    """Proxies for the build's commands, without those on this machine, which they cannot reach."""
    configured = sources.proxies(sources.read())
    return {name: value for name, value in configured.items() if urlsplit(value).hostname not in _THIS_MACHINE}


def dockerfile(text: str) -> IO[bytes]:
    """The context of a Dockerfile without other files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        _add(archive, {"Dockerfile": text.encode()})
    out.seek(0)
    return out


def _add(archive: tarfile.TarFile, contents: Mapping[str, bytes]) -> None:
    for name in sorted(contents):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(contents[name]), 0o644
        archive.addfile(info, io.BytesIO(contents[name]))


def _reproducible(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.mtime = 0
    info.mode = 0o755 if info.isdir() else 0o644
    return info


def _certificates(wanted: sources.Sources) -> bytes:
    """The user's CA bundle, for builds behind an inspecting proxy."""
    named = wanted.ca_bundle or os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env)
    return Path(named).read_bytes() if named and Path(named).is_file() else b""
