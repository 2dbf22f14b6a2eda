"""What was built in a cluster: a folder for each namespace, which goes with it or with its last deployment."""

import contextlib
import logging
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from localmodel import digests
from localmodel_operator.cluster import NAMESPACE, Cluster, RefusedError

log = logging.getLogger(__name__)

MOST_BYTES = 4 << 30  # of a namespace; it is not exceeded by more than one archive and one wheel


def of_cluster(store: Path, cluster_uid: str) -> Path:
    """The folder of a cluster, which has a folder for each namespace."""
    return store / "built-wheels" / digests.of_json(cluster_uid).removeprefix("sha256:")[:16]


async def name_of(cluster: Cluster, namespace: str) -> str | None:
    """The name of a namespace's folder, which another namespace that is given its name later does not have.

    None: it is gone, or the operator may not look at it.
    """
    try:
        there = await cluster.get(NAMESPACE, None, namespace)
    except RefusedError as error:
        if error.code != 403:
            raise
        return None
    return f"{namespace}.{there['metadata']['uid']}" if there else None


def namespaces(folder: Path) -> set[str]:
    """The namespaces that have, or had, folders."""
    return {_namespace(path) for path in folder.glob("*")}


def size(folder: Path) -> int:
    """The bytes of all files in a namespace's folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def sweep(folder: Path, living: Mapping[str, str | None], served: Collection[str]) -> None:
    """Remove the folders of namespaces without deployments, and those of earlier namespaces with the same name.

    `living` has what name_of() says by namespace; if it says nothing, all with this name stay. `served` are the
    namespaces whose deployments are known; none means all.
    """
    for path in folder.glob("*"):
        namespace = _namespace(path)
        stays = namespace in living and living[namespace] in (None, path.name)
        if not stays and (not served or namespace in served):
            log.info("%s has no deployment any more: removing the wheels that were built for it", namespace)
            shutil.rmtree(path, ignore_errors=True)


def _namespace(path: Path) -> str:
    return path.name.partition(".")[0]  # a namespace's name has no dot
