"""Pulls the base images of environments, and builds those that have a Dockerfile."""

import io
import re
from collections.abc import Callable
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layers import Entry
from localmodel.requirements import image_name, sources
from localmodel.resource.spec import EnvironmentSpec

Say = Callable[[str], None]

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN_LINES = 8
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class BuildCancelledError(Exception):
    """The build was cancelled, because nobody needs its result any more."""


def pull_base(client: docker.DockerClient, spec: EnvironmentSpec, say: Say, cancelled: Event) -> str:
    """The id of the environment's base image, which is pulled, or built from its Dockerfile, if necessary.

    Raises:
        UserError: BaseImageUnreadable; EnvironmentBuildFailed, with the last lines of the Dockerfile's build.
        BuildCancelledError: `cancelled` was set.
    """
    if present := base_in(client, spec):
        return present
    if spec.dockerfile is not None:
        if failure := _build(client, spec.base, spec.dockerfile, say, cancelled):
            raise UserError(reasons.ENVIRONMENT_BUILD_FAILED, f"the environment's Dockerfile: {failure}")
        return str(client.images.get(spec.base).id)
    say(f"pulling {spec.base}")
    return _pull(client, spec)


def base_in(client: docker.DockerClient, spec: EnvironmentSpec) -> str | None:
    """The id of the environment's base image, if the engine has it.

    Raises:
        UserError: BaseImageUnreadable.
    """
    try:
        return str(client.images.get(spec.base).id)
    except docker.errors.ImageNotFound:
        return None
    except docker.errors.APIError as error:
        raise _unreadable(spec, error) from None


def _pull(client: docker.DockerClient, spec: EnvironmentSpec) -> str:
    wanted = mirrored(spec.base, sources.read().image_mirrors)
    # without a tag the SDK would pull all tags
    named = "@" in wanted or ":" in wanted.rpartition("/")[2]
    try:
        image = client.images.pull(wanted if named else f"{wanted}:latest")
        if wanted != spec.base and "@" not in spec.base:
            image.tag(spec.base)
    except docker.errors.APIError as error:
        raise _unreadable(spec, error, wanted) from None
    return str(image.id)


def mirrored(reference: str, mirrors: Any) -> str:
    """The image's name with its beginning replaced by the longest matching key of `mirrors`.

    Keys are beginnings of full names: docker.io, docker.io/library, ghcr.io/team.
    """
    name = image_name.full(reference)
    for start in sorted(mirrors, key=len, reverse=True):
        if name.startswith(start.rstrip("/") + "/"):
            return str(mirrors[start]).rstrip("/") + name[len(start.rstrip("/")) :]
    return reference


def _unreadable(spec: EnvironmentSpec, error: docker.errors.APIError, asked: str = "") -> UserError:
    advice = "Check the name, or pull or load it into the engine by hand"
    return unreadable(spec, str(error.explanation or error), asked, advice)


def unreadable(spec: EnvironmentSpec, why: str, asked: str, advice: str) -> UserError:
    """The error for a base image, which may have been asked for by another name."""
    field = "baseImage" if spec.base_image else "python"
    where = f" (asked for as {asked}, by image-mirrors in {sources.path()})" if asked not in ("", spec.base) else ""
    words = sources.scrub(why.strip())
    return UserError(
        reasons.BASE_IMAGE_UNREADABLE,
        f"spec.environment.{field}: image {spec.base}{where} cannot be read: {words}. {advice}",
    )


class _Output:
    """The output of a build: its `failure`, if there is one."""

    def __init__(self) -> None:
        self.failure = ""
        self._printed: list[str] = []

    def add(self, line: str) -> None:
        if line.startswith("Step "):
            self._printed = []
        elif not line.startswith(("--->", "Removing intermediate")):
            self._printed.append(line)

    def fail(self, error: str) -> None:
        """Note the engine's error, if the build has not said more: it has only the exit code."""
        self.failure = " ".join(self._printed[-_SHOWN_LINES:]) or error


def _build(client: docker.DockerClient, tag: str, dockerfile: str, say: Say, cancelled: Event) -> str:
    """Build a Dockerfile without other files; return why it failed, or ""."""
    output = _Output()
    stream = client.api.build(
        fileobj=io.BytesIO(b"".join(layers.tar([Entry("Dockerfile", dockerfile.encode())]))),
        custom_context=True,
        tag=tag,
        # Docker does not record these arguments in the image's history
        buildargs=_proxies(),
        rm=True,
        forcerm=True,
        decode=True,
        encoding="identity",
    )
    begun = ""
    for event in stream:
        if cancelled.is_set():
            stream.close()
            raise BuildCancelledError
        # a command's output comes in pieces that may end within a line
        *lines, begun = (begun + event.get("stream", "")).split("\n")
        if "error" in event:
            lines, begun = [*lines, begun], ""
        for line in filter(None, map(_clean, lines)):
            output.add(line)
            say(line)
        if "error" in event:
            output.fail(sources.scrub(event["error"]))
            break
    return output.failure


def _proxies() -> dict[str, str]:
    """Proxies for the build's commands, without those on this machine, which they cannot reach."""
    configured = sources.proxies(sources.read())
    return {name: value for name, value in configured.items() if urlsplit(value).hostname not in _THIS_MACHINE}


def _clean(line: str) -> str:
    """The line without colours and secrets."""
    return sources.scrub(_ESCAPES.sub("", line).strip())
