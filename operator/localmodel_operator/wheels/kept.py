"""What was built in a cluster: each namespace has a folder of its own, which goes with its last deployment."""

import contextlib
import logging
import shutil
from collections.abc import Collection
from pathlib import Path

from localmodel import digests

log = logging.getLogger(__name__)

MOST_BYTES = 4 << 30  # of a namespace; it is not exceeded by more than one archive and one wheel


def of_cluster(store: Path, cluster_uid: str) -> Path:
    """The folder of a cluster, which has a folder for each namespace."""
    return store / "built-wheels" / digests.of_json(cluster_uid).removeprefix("sha256:")[:16]


def size(folder: Path) -> int:
    """The bytes of all files in a namespace's folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def sweep(folder: Path, living: Collection[str], served: Collection[str]) -> None:
    """Remove the folders of namespaces that are not among the `living`, which have deployments.

    `served` are the namespaces whose deployments are known; none means all.
    """
    for path in folder.glob("*"):
        if path.name not in living and (not served or path.name in served):
            log.info("%s has no deployment any more: removing the wheels that were built for it", path.name)
            shutil.rmtree(path, ignore_errors=True)
