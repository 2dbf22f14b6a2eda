"""debugpy on this machine, in a folder of its own, outside the environments of the user and the server."""

import io
import sys
import tarfile
from pathlib import Path

from localmodel import digests, reasons, run_coroutine
from localmodel.disk import files, home
from localmodel.environments.locks.uv import run_uv
from localmodel.errors import UserError

_WANTED = Path(__file__).with_name("debugpy.txt")


def folder() -> Path:
    """The folder with the package debugpy, which is downloaded if necessary.

    Raises:
        UserError: DebuggerNotInstallable.
    """
    place = home.debuggers() / digests.of_bytes(_WANTED.read_bytes()).removeprefix("sha256:")[:32]
    return files.made_once(place, _install)


def archive(place: Path) -> bytes:
    """The folder's content as a compressed tar."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as tar:
        tar.add(place, arcname=".", filter=lambda entry: None if "__pycache__" in entry.name else entry)
    return content.getvalue()


def _install(built: Path) -> None:
    arguments = [
        "pip",
        "install",
        "--quiet",
        "--no-progress",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        # It runs in any Python. uv needs one to install with, and cannot find it without PATH.
        "--python",
        sys.executable,
    ]
    code, _, err = run_coroutine.run(run_uv([*arguments, "--target", str(built), "--requirements", str(_WANTED)]))
    if code != 0:
        raise UserError(reasons.DEBUGGER_NOT_INSTALLABLE, f"debugpy cannot be installed: {' '.join(err.split())}")
