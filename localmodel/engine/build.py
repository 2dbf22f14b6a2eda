"""Installs an environment with `docker build`, the only step for which an engine must run something."""

import logging
import re
from collections.abc import Callable, Mapping
from threading import Event
from typing import IO, Any

import docker
import docker.errors

from localmodel import reasons
from localmodel.engine import context
from localmodel.engine.context import server_digest as server_digest
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.requirements import sources
from localmodel.resource.spec import EnvironmentSpec

log = logging.getLogger(__name__)

Say = Callable[[str], None]

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN_LINES = 8


class BuildCancelledError(Exception):
    """The build was cancelled, because nobody needs its result any more."""


def pull_base(client: docker.DockerClient, spec: EnvironmentSpec, say: Say, cancelled: Event) -> str:
    """The id of the environment's base image, which is pulled, or built from its Dockerfile, if necessary.

    Raises:
        UserError: BaseImageUnreadable; EnvironmentBuildFailed, with the last lines of the Dockerfile's build.
        BuildCancelledError: `cancelled` was set.
    """
    reference = spec.base
    try:
        return str(client.images.get(reference).id)
    except docker.errors.ImageNotFound:
        pass
    except docker.errors.APIError as error:
        raise _unreadable(spec, error) from None
    if spec.dockerfile is not None:
        output = _run(client, reference, context.dockerfile(spec.dockerfile), {}, say, cancelled)
        if output.failure:
            raise UserError(reasons.ENVIRONMENT_BUILD_FAILED, f"the environment's Dockerfile: {output.failure}")
        return str(client.images.get(reference).id)
    say(f"pulling {reference}")
    return _pull(client, spec)


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
    first, slash, _ = reference.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    full = reference if has_host else f"docker.io/{reference if slash else 'library/' + reference}"
    for start in sorted(mirrors, key=len, reverse=True):
        if full.startswith(start.rstrip("/") + "/"):
            return str(mirrors[start]).rstrip("/") + full[len(start.rstrip("/")) :]
    return reference


def _unreadable(spec: EnvironmentSpec, error: docker.errors.APIError, asked: str = "") -> UserError:
    field = "baseImage" if spec.base_image else "python"
    words = sources.scrub(str(error.explanation or error).strip())
    where = f" (asked for as {asked}, by image-mirrors in {sources.path()})" if asked not in ("", spec.base) else ""
    return UserError(
        reasons.BASE_IMAGE_UNREADABLE,
        f"spec.environment.{field}: image {spec.base}{where} cannot be read: {words}. "
        "Check the name, or pull or load it into the engine by hand",
    )


def build(
    client: docker.DockerClient,
    spec: EnvironmentSpec,
    lock: Lock,
    tag: str,
    store: str,
    labels: Mapping[str, str],
    say: Say,
    cancelled: Event,
) -> None:
    """Build base, server and environment, tagged `tag`, with the labels and the label of their store.

    Raises:
        UserError: EnvironmentBuildFailed, with the last lines of the build; the errors of fetching wheels.
        BuildCancelledError: `cancelled` was set.
    """
    arguments = _arguments(spec, store)
    if spec.is_own_base:
        arguments["OWN_BASE"] = "1"
    with context.environment(lock, spec.python, architecture(client, spec), say) as archive:
        if cancelled.is_set():
            raise BuildCancelledError
        # these labels come last in the image, so that what is below can be reused for other environments
        output = _run(client, tag, archive, arguments, say, cancelled, labels=dict(labels))
    if output.failure:
        field = "requirements" if "/opt/env" in output.step else "baseImage"
        raise UserError(reasons.ENVIRONMENT_BUILD_FAILED, f"spec.environment.{field}: {output.failure}")


def tools(client: docker.DockerClient, spec: EnvironmentSpec, store: str, say: Say, cancelled: Event) -> str:
    """The id of an image with the installer of `build()` in `context.BUILD`, which is built if necessary.

    Raises:
        UserError: EnvironmentBuildFailed; the errors of fetching wheels.
        BuildCancelledError: `cancelled` was set.
    """
    with context.tools(spec.python, architecture(client, spec), say) as archive:
        output = _run(client, None, archive, _arguments(spec, store), lambda line: None, cancelled, target="tools")
    if output.failure:
        raise UserError(reasons.ENVIRONMENT_BUILD_FAILED, f"spec.environment.baseImage: {output.failure}")
    return output.image


def architecture(client: docker.DockerClient, spec: EnvironmentSpec) -> str:
    """Docker's name for the processor of the base image."""
    return str(client.images.get(spec.base).attrs["Architecture"])


def _arguments(spec: EnvironmentSpec, store: str) -> dict[str, str]:
    return {"BASE": spec.base, "PYTHON": spec.python, "STORE": store}


class _Output:
    """The output of a build: the last `step` begun, and the `failure`, or the id of the `image`."""

    def __init__(self) -> None:
        self.step, self.failure, self.image = "", "", ""
        self._printed: list[str] = []

    def add(self, line: str) -> None:
        if line.startswith("Step "):
            self.step, self._printed = line, []
        elif not line.startswith(("--->", "Removing intermediate")):
            self._printed.append(line)

    def fail(self, error: str) -> None:
        """Note the engine's error, if the build has not said more: it has only the exit code."""
        self.failure = " ".join(self._printed[-_SHOWN_LINES:]) or error


def _run(
    client: docker.DockerClient,
    tag: str | None,
    archive: IO[bytes],
    arguments: dict[str, str],
    say: Say,
    cancelled: Event,
    **options: Any,
) -> _Output:
    output = _Output()
    stream = client.api.build(
        fileobj=archive,
        custom_context=True,
        tag=tag,
        # Docker does not record these arguments in the image's history
        buildargs={**arguments, **context.proxies()},
        rm=True,
        forcerm=True,
        decode=True,
        encoding="identity",
        **options,
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
        for line in filter(None, map(clean, lines)):
            output.add(line)
            say(line)
            log.info("%s: %s", (tag or "tools").rpartition(":")[2], line)
        output.image = event.get("aux", {}).get("ID", output.image)
        if "error" in event:
            output.fail(sources.scrub(event["error"]))
            break
    return output


def clean(line: str) -> str:
    """The line without colours and secrets."""
    return sources.scrub(_ESCAPES.sub("", line).strip())
