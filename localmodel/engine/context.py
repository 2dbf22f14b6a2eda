"""What the engine is sent to build an environment from."""

import io
import os
import ssl
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from localmodel import data, digests
from localmodel.environments import sources, wheels
from localmodel.environments.lock import Lock

_OFFLINE = b'no-index = true\nfind-links = ["/build/wheels"]\n'


def server_digest() -> str:
    """Digest of everything of ours that goes into an environment image."""
    folder = data.folder("scoring-image")
    return digests.of_json(
        {str(path.relative_to(folder)): digests.of_bytes(path.read_bytes()) for path in _own(folder)}
    )


def _own(folder: Path) -> list[Path]:
    names = ("Dockerfile", "tools.txt", "requirements.txt")
    return [*(folder / name for name in names), *sorted(folder.glob("localmodel_*/**/*.py"))]


@contextmanager
def environment(lock: Lock, python: str, architecture: str, say: Callable[[str], None]) -> Iterator[IO[bytes]]:
    """The context of scoring-image/Dockerfile, as a tar.

    With package sources of the user's the wheels are in it, and the build uses nothing else.
    """
    folder = data.folder("scoring-image")
    wanted = sources.read()
    offline = wanted.names_packages
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryFile() as out:
        fetched = Path(temporary)
        locks = {
            "tools": (folder / "tools.txt").read_text(),
            "server": (folder / "requirements.txt").read_text(),
            "environment": lock.text,
        }
        for name, text in locks.items():
            (fetched / name).mkdir()
            if offline:
                wheels.fetch(text, python, architecture, fetched / name, wanted, say)
        contents = {str(path.relative_to(folder)): path.read_bytes() for path in _own(folder)}
        contents |= {"lock.txt": lock.text.encode(), "ca.pem": _certificates(wanted)}
        contents |= {"uv.toml": _OFFLINE if offline else b""}
        with tarfile.open(fileobj=out, mode="w") as archive:
            _add(archive, contents)
            for name in locks:
                archive.add(fetched / name, f"wheels/{name}", filter=_reproducible)
        out.seek(0)
        yield out


def dockerfile(text: str) -> IO[bytes]:
    """The context of a Dockerfile that needs nothing beside it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        _add(archive, {"Dockerfile": text.encode()})
    out.seek(0)
    return out


def _add(archive: tarfile.TarFile, contents: dict[str, bytes]) -> None:
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
    """The CA bundle that the user told us to trust, for builds behind an inspecting proxy."""
    named = wanted.ca_bundle or os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env)
    return Path(named).read_bytes() if named and Path(named).is_file() else b""
