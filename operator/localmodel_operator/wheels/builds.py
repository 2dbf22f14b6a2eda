"""Builds the wheel of a package that comes as source only, in a Job of the deployment's namespace.

It keeps nothing that the next pass needs: what there is to know stands in the Job and in the folder of wheels.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from localmodel import digests, reasons
from localmodel.cluster_records import revisions
from localmodel.cluster_records.ownership import owns
from localmodel.environments.layers import server
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks.no_wheel import NotBuiltError
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec
from localmodel.updates import image
from localmodel.updates.image import EnvironmentImage, Image
from localmodel_operator.cluster import JOB, POD, Object, PodUnreachableError, RefusedError, TooMuchError
from localmodel_operator.images import delivery_news, sweep_lock
from localmodel_operator.inputs import resolve
from localmodel_operator.operator import Operator
from localmodel_operator.wheels import archive, in_pod, job, kept, source

log = logging.getLogger(__name__)

_LOOK_AGAIN = 10.0  # seconds; a Job without a pod brings no event
_SOON = 2.0
_ALWAYS = ("pip",)  # of the environment, because the base image need not have it


class BuildingWheel(Exception):
    """A wheel is being built; look again after this many seconds at the latest."""

    def __init__(self, message: str, again_after: float | None = _LOOK_AGAIN) -> None:
        super().__init__(message)
        self.again_after = again_after


async def folder(operator: Operator, namespace: str, environment: EnvironmentSpec) -> Path | None:
    """The folder of the wheels that were built in a namespace for a Python and a base image.

    A namespace's own, because whoever may enter its pods can change what they hand out. A base image's own, because
    what a wheel links to is in the image that built it. None: nothing can be built there.
    """
    name = await kept.name_of(operator.cluster, namespace)
    if name is None:
        return None
    place = digests.of_json([operator.cluster_uid, name, environment.python, environment.base, operator.architecture])
    # A lock is found again by the last name, which is therefore of everything.
    return kept.of_cluster(operator.store.root, operator.cluster_uid) / name / place.removeprefix("sha256:")[:16]


async def build(operator: Operator, owner: Object, spec: DeploymentSpec, needed: NotBuiltError, place: Path) -> None:
    """Take the next step towards the wheel. Returns when the folder `place` has it.

    Raises:
        BuildingWheel: it is not there yet.
        UserError: it cannot be built; the message says why.
    """
    namespace = owner["metadata"]["namespace"]
    kind = Kind(spec.environment.python, operator.architecture)
    if _has(place, Requirement(needed.requirement)):
        raise needed.error  # the resolver does not take it
    if await asyncio.to_thread(kept.size, place.parent) > kept.MOST_BYTES:
        raise _failed(
            needed,
            f"namespace {namespace} has more than {kept.MOST_BYTES >> 30} GB of such wheels and their sources, which "
            "go when it has no deployment any more",
        )
    wanted = await _wanted_job(operator, owner, spec, needed.requirement, place)
    name = wanted["metadata"]["name"]
    try:
        there = await operator.cluster.get(JOB, namespace, name)
        if there is None:
            await _begin(operator, owner, wanted, needed)
        elif not owns(owner["metadata"]["uid"], there) or "deletionTimestamp" in there["metadata"]:
            raise BuildingWheel(f"Job {name} of before is being deleted", _SOON)
        else:
            await _take(operator, owner, there, needed, place, kind)
    except RefusedError as error:
        if error.code in (404, 409):
            raise BuildingWheel(_words(needed), _SOON) from None
        raise _failed(needed, f"the API server refuses its Job: {error}") from None


async def drop(operator: Operator, owner: Object) -> None:
    """Delete the deployment's Jobs, which build what it does not wait for any more."""
    namespace, uid = owner["metadata"]["namespace"], owner["metadata"]["uid"]
    try:
        jobs = await operator.cluster.list(JOB, namespace, revisions.selector(owner["metadata"]["name"]))
    except RefusedError as error:
        if error.code != 403:
            raise
        return  # whoever may not list Jobs has made none
    for there in jobs:
        if owns(uid, there) and "deletionTimestamp" not in there["metadata"]:
            await operator.cluster.delete(JOB, namespace, there["metadata"]["name"], there["metadata"]["uid"])


async def _wanted_job(operator: Operator, owner: Object, spec: DeploymentSpec, requirement: str, place: Path) -> Object:
    """The Job, with its image in the layout.

    Raises:
        BuildingWheel: the image is not there yet.
        UserError: the source, or what building it needs, cannot be had.
    """
    archive_path = await _source(operator, place, requirement, spec.environment.python)
    environment = await _environment(operator, owner, spec, requirement, archive_path)
    async with sweep_lock.shared(operator.layout.root / "lock"):
        built_in = await asyncio.to_thread(_image, operator.layout, environment, archive_path)
    reference = built_in.reference(operator.delivery.repository(owner["metadata"]["uid"]))
    word = _word(operator, owner, requirement)
    return job.body(owner, reference, operator.delivery.pull_policy, archive_path.name, word, spec.pod)


def _word(operator: Operator, owner: Object, requirement: str) -> str:
    """What a build hands out its wheel for: other pods of the cluster reach it, too.

    A signature, so that the next operator knows it as well, and nobody else can.
    """
    return operator.signer.sign("localmodel-wheel", f"{owner['metadata']['uid']} {requirement}".encode())


async def _source(operator: Operator, place: Path, requirement: str, python: str) -> Path:
    """The package's source archive, which is kept until there is a wheel, so that each step is about the same."""
    archives_of = _kept(place, requirement)
    if archives := await asyncio.to_thread(list, archives_of.glob("*")):
        return archives[0]
    where = await source.places()
    async with sweep_lock.shared(operator.layout.root / "lock"):
        return await asyncio.to_thread(_fetched, operator.layout, archives_of, requirement, python, where)


def _fetched(layout: Layout, place: Path, requirement: str, python: str, where: list[str]) -> Path:
    offered = source.find(requirement, python, where)
    with _incoming(layout, place) as (path, file):
        digest = source.fetch(offered, file)
        path.replace(place / offered.file)
    log.info("%s: %s, sha256:%s", requirement, offered.file, digest)
    return place / offered.file


@contextlib.contextmanager
def _incoming(layout: Layout, place: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file on its way into a folder, which is made. What a kill leaves, a sweep removes."""
    incoming = layout.root / "incoming"
    for needed in (incoming, place):
        needed.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=incoming)
    try:
        with os.fdopen(handle, "wb") as file:
            yield Path(name), file
    finally:
        Path(name).unlink(missing_ok=True)


def _kept(place: Path, requirement: str) -> Path:
    return place / digests.of_json(requirement).removeprefix("sha256:")[:16]


async def _environment(
    operator: Operator, owner: Object, spec: DeploymentSpec, requirement: str, archive_path: Path
) -> EnvironmentImage:
    """The environment with pip and what the build needs, on the deployment's base image.

    Raises:
        BuildingWheel, UserError.
    """
    needs = await asyncio.to_thread(source.build_requirements, archive_path)
    wanted = replace(spec.environment, requirements=(*_ALWAYS, *needs))
    environments, waiting = operator.environments, (owner["metadata"]["namespace"], owner["metadata"]["name"])
    try:
        lock = await resolve.lock(
            operator.store, replace(spec, environment=wanted, environment_ref=None), operator.architecture
        )
    except UserError as error:
        raise UserError(
            error.reason,
            f"spec.environment.requirements: {requirement} has no wheel, and what building it needs "
            f"({', '.join(needs)}) cannot be had: {error}",
        ) from None
    key = environments.key(wanted, lock, server.digest())
    environments.want(waiting, key)
    if made := environments.find(key):
        return made
    environments.start(key, wanted, lock, partial(operator.queue.add, waiting))
    raise BuildingWheel(f"{requirement} has no wheel, and what building it needs is being installed", None)


def _image(layout: Layout, environment: EnvironmentImage, archive_path: Path) -> Image:
    entries = [
        layers.Entry(job.SCRIPT, Path(in_pod.__file__).read_bytes()),
        layers.Entry(f"{job.FOLDER}/{archive_path.name}", archive_path),
    ]
    configuration = {"Env": list(environment.variables), "User": image.USER, "WorkingDir": "/tmp"}  # noqa: S108
    config = {"architecture": environment.architecture, "os": environment.os, "config": configuration}
    return image.packed(layout, config, [*environment.layers, layout.write(layers.tar(entries))])


async def _begin(operator: Operator, owner: Object, wanted: Object, needed: NotBuiltError) -> None:
    await drop(operator, owner)
    await _deliver(operator, owner, wanted, needed)
    await operator.cluster.create(JOB, wanted["metadata"]["namespace"], wanted)
    raise BuildingWheel(_words(needed))


async def _deliver(operator: Operator, owner: Object, wanted: Object, needed: NotBuiltError) -> None:
    """Bring the Job's image to where its pod gets it.

    Raises:
        BuildingWheel: it is on the way.
    """
    delivery, (container,) = operator.delivery, wanted["spec"]["template"]["spec"]["containers"]
    reference = container["image"]
    if not await delivery.lacking(reference):
        return
    composed = await asyncio.to_thread(image.stored, operator.layout, reference)
    waiting = owner["metadata"]["namespace"], owner["metadata"]["name"]
    if composed is None:  # swept between two steps
        raise BuildingWheel(_words(needed), _SOON)
    delivered = await delivery.deliver(composed, reference, {}, partial(operator.queue.add, waiting))
    if not delivered.usable:
        raise BuildingWheel(f"the image that builds {needed.requirement}: {delivered.message}", delivered.again_after)


async def _take(
    operator: Operator, owner: Object, there: Object, needed: NotBuiltError, place: Path, kind: Kind
) -> None:
    """Put the wheel into the folder, and delete the Job.

    Raises:
        BuildingWheel: it is not built yet.
        UserError: the build failed, or gave something else.
    """
    metadata = there["metadata"]
    namespace, name = metadata["namespace"], owner["metadata"]["name"]
    pod = job.pod_of(there, await operator.cluster.list(POD, namespace, job.selector(name)))
    ended = job.has_ended(there)
    if ended == "Failed" or (pod and pod.get("status", {}).get("phase") == "Failed"):
        raise _failed(needed, job.failure(there, pod), f", or delete Job {metadata['name']} to have it tried again")
    if ended:  # nobody has taken it in time
        await operator.cluster.delete(JOB, namespace, metadata["name"], metadata["uid"])
        raise BuildingWheel(_words(needed), _SOON)
    if pod is None or not job.is_built(pod):
        if pod and delivery_news.pull_trouble([pod]):
            operator.delivery.doubt()
            await _deliver(operator, owner, there, needed)
        obstacle = job.obstacle(pod) if pod else ""
        raise BuildingWheel(f"{_words(needed)}; {obstacle}" if obstacle else _words(needed))
    await _receive(operator, pod, _word(operator, owner, needed.requirement), needed, place, kind)
    shutil.rmtree(_kept(place, needed.requirement), ignore_errors=True)
    log.info("%s/%s: the cluster has built a wheel of %s", namespace, name, needed.requirement)
    await operator.cluster.delete(JOB, namespace, metadata["name"], metadata["uid"])


async def _receive(operator: Operator, pod: Object, word: str, needed: NotBuiltError, place: Path, kind: Kind) -> None:
    metadata, port, path = pod["metadata"], f"{pod['metadata']['name']}:{job.PORT}", in_pod.WHEEL.lstrip("/")
    with _incoming(operator.layout, place) as (arrived, file):
        try:
            asks = {in_pod.WORD_HEADER: word}
            headers = await operator.cluster.download(metadata["namespace"], port, path, asks, file, archive.MOST_BYTES)
        except PodUnreachableError as error:
            raise BuildingWheel(f"the wheel of {needed.requirement} cannot be fetched: {error}", _SOON) from None
        except TooMuchError as error:
            raise _failed(needed, f"the wheel cannot be fetched: {error}") from None
        file.flush()
        os.fsync(file.fileno())
        name = headers.get(in_pod.NAME_HEADER, "")
        # Not before, because a pod may take its time, and no sweep runs meanwhile.
        async with sweep_lock.shared(operator.layout.root / "lock"):
            if not arrived.exists():  # swept
                raise BuildingWheel(_words(needed), _SOON)
            await asyncio.to_thread(archive.check, arrived, name, needed.requirement, kind)
            await asyncio.to_thread(arrived.replace, place / name)


def _has(place: Path, wanted: Requirement) -> bool:
    for path in place.glob("*.whl"):
        with contextlib.suppress(InvalidWheelFilename):
            name, version, *_ = parse_wheel_filename(path.name)
            if name == wanted.name and wanted.specifier.contains(version, prereleases=True):
                return True
    return False


def _words(needed: NotBuiltError) -> str:
    return f"{needed.requirement} has no wheel, and is being built from source in the cluster"


def _failed(needed: NotBuiltError, why: str, also: str = "") -> UserError:
    return UserError(
        reasons.ENVIRONMENT_BUILD_FAILED,
        f"spec.environment.requirements: {needed.requirement} has no wheel, and building it from source in the cluster "
        f"failed: {why}; ask for another version, name a base image that has what the build needs "
        f"(spec.environment.baseImage), or put a wheel into a folder that packages.toml names (find-links){also}",
    )
