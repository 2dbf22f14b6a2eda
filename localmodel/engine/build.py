"""Installing an environment with `docker build`: the one step that needs an engine to run something."""

import io
import logging
import os
import re
import ssl
import tarfile
from pathlib import Path
from threading import Event
from typing import Any

import docker
import docker.errors

from localmodel import data, digests
from localmodel.environments.lock import Lock
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec

log = logging.getLogger(__name__)

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN_LINES = 8


class Cancelled(Exception):
    """Nobody wants the result any more."""


def server_digest() -> str:
    """Digest of everything of ours that goes into an environment image."""
    folder = data.folder("scoring-image")
    return digests.of_json(
        {str(path.relative_to(folder)): digests.of_bytes(path.read_bytes()) for path in _own(folder)}
    )


def _own(folder: Path) -> list[Path]:
    names = ("Dockerfile", "tools.txt", "requirements.txt")
    return [*(folder / name for name in names), *sorted(folder.glob("localmodel_*/**/*.py"))]


def pull_base(client: docker.DockerClient, spec: EnvironmentSpec) -> str:
    """Id of the environment's base image, pulled if the engine does not have it.

    Raises:
        UserError: BaseImageUnreadable.
    """
    reference = spec.base
    try:
        return str(client.images.get(reference).id)
    except docker.errors.ImageNotFound:
        log.info("pulling %s", reference)
    except docker.errors.APIError as error:
        raise _unreadable(spec, error) from None
    try:
        # without a tag the SDK would pull every tag there is
        named = "@" in reference or ":" in reference.rpartition("/")[2]
        return str(client.images.pull(reference if named else f"{reference}:latest").id)
    except docker.errors.APIError as error:
        raise _unreadable(spec, error) from None


def _unreadable(spec: EnvironmentSpec, error: docker.errors.APIError) -> UserError:
    field = "baseImage" if spec.base_image else "python"
    words = str(error.explanation or error).strip()
    return UserError(
        "BaseImageUnreadable",
        f"spec.environment.{field}: image {spec.base} cannot be read: {words}. "
        "Check the name, or pull or load it into the engine by hand",
    )


def build(
    client: docker.DockerClient, spec: EnvironmentSpec, lock: Lock, tag: str, store: str, cancelled: Event
) -> None:
    """Build base, server and environment, tagged `tag` and labelled with the store they belong to.

    Raises:
        UserError: EnvironmentBuildFailed, with the last lines of what failed.
        Cancelled: `cancelled` was set.
    """
    arguments = {"BASE": spec.base, "PYTHON": spec.python, "STORE": store}
    output: list[str] = []
    stream = client.api.build(
        fileobj=io.BytesIO(_context(lock)),
        custom_context=True,
        tag=tag,
        buildargs=arguments,
        rm=True,
        forcerm=True,
        decode=True,
        encoding="identity",
    )
    for event in stream:
        if cancelled.is_set():
            stream.close()
            raise Cancelled
        if "error" in event:
            raise UserError("EnvironmentBuildFailed", _failure(output, event))
        for line in _ESCAPES.sub("", event.get("stream", "")).splitlines():
            if line.strip():
                output.append(line.strip())
                log.info("%s: %s", tag.rpartition(":")[2], line.strip())


def _failure(output: list[str], event: dict[str, Any]) -> str:
    """The failed step's own last words; the engine's tell only the exit code."""
    start = max((index for index, line in enumerate(output) if line.startswith("Step ")), default=-1) + 1
    said = [line for line in output[start:] if not line.startswith(("--->", "Removing intermediate"))]
    step = output[start - 1] if start else ""
    field = "requirements" if "/opt/env" in step else "baseImage"
    return f"spec.environment.{field}: {' '.join(said[-_SHOWN_LINES:]) or event['error']}"


def _context(lock: Lock) -> bytes:
    out = io.BytesIO()
    folder = data.folder("scoring-image")
    with tarfile.open(fileobj=out, mode="w") as archive:
        contents = {str(path.relative_to(folder)): path.read_bytes() for path in _own(folder)}
        contents.update({"lock.txt": lock.text.encode(), "ca.pem": _certificates()})
        for name in sorted(contents):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(contents[name]), 0o644
            archive.addfile(info, io.BytesIO(contents[name]))
    return out.getvalue()


def _certificates() -> bytes:
    """The CA bundle this process was told to trust (SSL_CERT_FILE), for builds behind an inspecting proxy."""
    named = os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env)
    return Path(named).read_bytes() if named and Path(named).is_file() else b""
