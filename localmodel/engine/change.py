"""Makes an environment image from a similar one: changes a container of that image, and commits it.

Only the changes become a new layer, so that whoever has the layers of the first image needs little for the second.
"""

import contextlib
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import IO, Any, cast

import docker
import docker.errors
from docker.types import Mount

from localmodel import digests
from localmodel.disk import state_file
from localmodel.engine import build, context, names, saved, toolbox
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import nearest
from localmodel.environments.venvs.nearest import Packages
from localmodel.errors import UserError
from localmodel.oci.layers import CHUNK
from localmodel.oci.layout import Blob, Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel_untrusted import json_text

_MOST_CHANGES = 8
# Folders that every image has, so that the engine creates nothing in the image.
_VOLUME, _TOOLS = "/mnt", "/media"
_LAYER = f"{context.BUILD}/layer.tar"
_PLACE = "/opt/env"


class ChangeError(Exception):
    """The image cannot be made by a change, but perhaps from scratch; the text is one line that says why."""


@dataclass(frozen=True)
class WantedImage:
    """The environment image to make. `base` is its base image's id."""

    key: str
    tag: str
    store: str
    base: str
    spec: EnvironmentSpec
    lock: Lock

    @property
    def family(self) -> str:
        """The value that two images must share for one to be made from the other."""
        return digests.of_json([self.base, self.spec.python, self.spec.is_own_base, context.server_digest()])


@dataclass(frozen=True)
class _History:
    """An image's number of changes, and the hidden and the used bytes of its environment."""

    changes: int
    dead: int
    live: int


@dataclass(frozen=True)
class Near:
    """An image in the engine with its packages, and the number of `changes` since one was made from scratch."""

    key: str
    image: str
    packages: Packages
    changes: int


def labels(wanted: WantedImage, changes: int = 0, dead: int = 0, live: int = 0) -> dict[str, str]:
    """The labels of an environment image; `live` bytes of the environment are in use, `dead` ones are hidden."""
    return {
        names.FAMILY_LABEL: wanted.family,
        names.PACKAGES_LABEL: digests.canonical_json(nearest.packages(wanted.lock)).decode(),
        names.CHANGES_LABEL: json.dumps({"changes": changes, "dead": dead, "live": live}),
    }


def near(client: docker.DockerClient, wanted: WantedImage, usable: Callable[[str], bool]) -> Near | None:
    """The image to make the wanted one from, with a `usable` key; None if it is best made from scratch."""
    filters = {"label": [f"{names.STORE_LABEL}={wanted.store}", f"{names.FAMILY_LABEL}={wanted.family}"]}
    candidates = dict(_candidates(client.api.images(filters=filters), usable))
    packages = {key: candidate.packages for key, candidate in candidates.items()}
    best = nearest.fewest_changes(packages, nearest.packages(wanted.lock))
    return candidates[best] if best else None


def _candidates(images: list[dict[str, Any]], usable: Callable[[str], bool]) -> Iterator[tuple[str, Near]]:
    for image in images:
        try:
            history = _history(image["Labels"])
            packages = state_file.typed(_label(image["Labels"], names.PACKAGES_LABEL), dict[str, str])
        except ValueError:  # its labels were not written by us
            continue
        if history.changes >= _MOST_CHANGES or history.dead > history.live:
            continue
        for name in image["RepoTags"] or ():
            repository, _, key = name.rpartition(":")
            if repository.startswith(names.ENVIRONMENT_REPOSITORY) and usable(key):
                yield image["Id"], Near(key, image["Id"], packages, history.changes)


def _history(labels: Mapping[str, str]) -> _History:
    return state_file.typed(_label(labels, names.CHANGES_LABEL), _History)


def _label(labels: Mapping[str, str], name: str) -> Any:
    return json_text.parse(labels.get(name, "").encode(errors="replace"))


def make(
    client: docker.DockerClient,
    wanted: WantedImage,
    before: Near,
    layout: Layout | None,
    say: build.Say,
    cancelled: Event,
) -> Blob | None:
    """Make the wanted image from another one; put its new layer into the layout, if there is one.

    Raises:
        ChangeError: it cannot be made so; nothing is left of the attempt.
        build.BuildCancelledError: `cancelled` was set.
    """
    _remove_leftovers(client, wanted)
    try:
        container = _container(client, wanted, before, say, cancelled)
        sizes = _run(client, container, say, cancelled)
        layer = _layer(client, container, layout) if layout else None
        _commit(client, container, wanted, before, sizes)
        return layer
    except (docker.errors.APIError, UserError, ValueError) as error:
        raise ChangeError(str(error)) from None
    finally:
        _remove_leftovers(client, wanted)


def _container(
    client: docker.DockerClient,
    wanted: WantedImage,
    before: Near,
    say: build.Say,
    cancelled: Event,
) -> str:
    """The id of a container of the earlier image, ready to start. Its tools are in volumes, and so in no image."""
    image = client.images.get(before.image)
    tools = toolbox.volume(client, wanted.spec, wanted.base, wanted.store, say, cancelled)
    mounts = [Mount(_VOLUME, None), Mount(_TOOLS, tools, read_only=True)]
    container = client.api.create_container(
        before.image,
        entrypoint=["python3", "-I", f"{context.BUILD}/install.py", _PLACE, f"{context.BUILD}/lock.txt"],
        command=["--tools", _TOOLS, "--remove", f"{context.BUILD}/remove.txt", "--layer", _LAYER],
        user="0" if image.attrs["Config"].get("User") else None,
        labels=_marks(wanted),
        # mounts, because volumes would become part of the image's configuration
        host_config=client.api.create_host_config(mounts=mounts),
    )
    change = nearest.change(before.packages, nearest.packages(wanted.lock))
    fresh = nearest.text(wanted.lock, change.fresh)
    machine = build.architecture(client, wanted.spec)
    with context.change(fresh, change.gone, wanted.spec.python, machine, say) as archive:
        client.api.put_archive(container["Id"], _VOLUME, archive)
    return str(container["Id"])


def _run(client: docker.DockerClient, container: str, say: build.Say, cancelled: Event) -> dict[str, int]:
    """Run the container to its end; return the sizes in its program's last line."""
    lines = [""]
    client.api.start(container)
    for chunk in client.api.logs(container, stream=True, follow=True):
        if cancelled.is_set():
            raise build.BuildCancelledError
        *ended, rest = (lines.pop() + chunk.decode(errors="replace")).split("\n")
        for line in filter(None, map(build.clean, ended)):
            say(line)
            lines.append(line)
        lines.append(rest)
    if client.api.wait(container)["StatusCode"]:
        raise ChangeError(" ".join(lines[-8:]))
    try:
        return state_file.typed(json_text.parse(next(filter(None, reversed(lines)), "").encode()), dict[str, int])
    except ValueError as error:
        raise ChangeError(f"its program's output cannot be read: {error}") from None


def _layer(client: docker.DockerClient, container: str, layout: Layout) -> Blob:
    stream, _ = client.api.get_archive(container, _LAYER)
    with tarfile.open(fileobj=cast(IO[bytes], saved.Stream(stream)), mode="r|") as archive:
        member = archive.next()
        content = archive.extractfile(member) if member else None
        if content is None:
            raise ChangeError("the engine does not return the layer")
        return layout.write(iter(lambda: content.read(CHUNK), b""))


def _commit(
    client: docker.DockerClient, container: str, wanted: WantedImage, before: Near, sizes: Mapping[str, int]
) -> None:
    """Commit the container as the wanted image, with the configuration of the earlier one."""
    image = client.images.get(before.image).attrs
    dead = _history(image["Config"]["Labels"]).dead + sizes["dead"]
    marks = {names.STORE_LABEL: wanted.store, **labels(wanted, before.changes + 1, dead, sizes["live"])}
    kept = {name: value for name, value in image["Config"]["Labels"].items() if name not in marks}
    config = {**image["Config"], "Labels": {**kept, **marks}, "Entrypoint": image["Config"].get("Entrypoint") or []}
    repository, _, tag = wanted.tag.rpartition(":")
    client.api.commit(container, repository, tag, conf=config)


def _marks(wanted: WantedImage) -> dict[str, str]:
    return {names.STORE_LABEL: wanted.store, names.CHANGE_LABEL: wanted.key}


def _remove_leftovers(client: docker.DockerClient, wanted: WantedImage) -> None:
    """Remove the container for this image, also one that a killed process has left."""
    _remove(client, [f"{name}={value}" for name, value in _marks(wanted).items()])


def remove_ended(client: docker.DockerClient, store: str) -> None:
    """Remove the ended containers that killed processes have left."""
    _remove(client, [f"{names.STORE_LABEL}={store}", names.CHANGE_LABEL], status=["created", "exited", "dead"])


def _remove(client: docker.DockerClient, labels: list[str], **filters: list[str]) -> None:
    for container in client.api.containers(all=True, filters={"label": labels, **filters}):
        with contextlib.suppress(docker.errors.APIError):
            client.api.remove_container(container["Id"], v=True, force=True)
