"""Signs the records of operators that did not sign yet, once for each cluster and key.

Until the first operator that signs has started, all records were obeyed, so nothing is lost by trusting them once more.
From then on a record without a signature is not the operator's. The Secret with the key records that this was done, so
that only an administrator of the cluster can have it done again.
"""

import logging
from collections.abc import Awaitable, Iterable

from localmodel.cluster_records import names
from localmodel.cluster_records.decision import config_map_name
from localmodel.cluster_records.ownership import owns
from localmodel.cluster_records.revisions import selector
from localmodel_operator import children
from localmodel_operator.cluster import (
    CONFIG_MAP,
    LMD,
    REVISION,
    SECRET,
    Cluster,
    Object,
    RefusedError,
    UnreachableError,
    UnreadableAnswerError,
)
from localmodel_operator.records import decision, history, keys
from localmodel_operator.records.keys import Signer

log = logging.getLogger(__name__)

_SIGNED = f"{names.GROUP}/signed"  # on the Secret: the namespaces in which this was done
_ALL = "*"


async def adopt(cluster: Cluster, signer: Signer, namespaces: Iterable[str]) -> None:
    """Sign the decisions and revisions in these namespaces (none means all), unless this was done before."""
    secret = await keys.secret(cluster)
    annotations = secret["metadata"].get("annotations", {})
    done = set(filter(None, annotations.get(_SIGNED, "").split(",")))
    due = set(namespaces or (_ALL,)) - done
    if not due or _ALL in done:
        return
    for namespace in sorted(due):
        for owner in await cluster.list(LMD, None if namespace == _ALL else namespace):
            await _or_leave(owner, _sign_revisions(cluster, signer, owner))
            await _or_leave(owner, _sign_decision(cluster, signer, owner))
    annotations = {**annotations, _SIGNED: ",".join(sorted(done | due))}
    await cluster.replace(SECRET, {**secret, "metadata": {**secret["metadata"], "annotations": annotations}})


async def _or_leave(owner: Object, signing: Awaitable[None]) -> None:
    """Skip a resource that cannot be signed, so that it stops neither the others nor the operator.

    Raises:
        UnreachableError: the API server does not answer.
    """
    try:
        await signing
    except Exception as error:
        if isinstance(error, UnreachableError) and not isinstance(error, UnreadableAnswerError):
            raise
        where = f"{owner['metadata']['namespace']}/{owner['metadata']['name']}"
        log.warning("%s: left unsigned: %s: %s", where, type(error).__name__, error)


async def _sign_revisions(cluster: Cluster, signer: Signer, owner: Object) -> None:
    identity, metadata = decision.owner_of(owner), owner["metadata"]
    labels = selector(metadata["name"])
    for record in await cluster.list(REVISION, metadata["namespace"], labels):
        if not owns(metadata["uid"], record) or history.is_ours(identity, record, signer):
            continue
        if history.read(record) is None:
            log.warning("%s: not a revision: left unsigned", record["metadata"]["name"])
            continue
        signature = history.signature(identity, record, signer)
        annotating = cluster.annotate(REVISION, metadata["namespace"], record["metadata"]["name"], signature)
        await _or_leave(owner, annotating)


async def _sign_decision(cluster: Cluster, signer: Signer, owner: Object) -> None:
    identity, metadata = decision.owner_of(owner), owner["metadata"]
    config_map = await cluster.get(CONFIG_MAP, metadata["namespace"], config_map_name(metadata["name"]))
    if config_map is None or not owns(metadata["uid"], config_map) or decision.read(config_map, identity, signer):
        return
    decided = decision.read_unsigned(config_map)
    if decided is None:
        return
    child = children.metadata(owner, config_map_name(metadata["name"]))
    try:
        await cluster.replace(CONFIG_MAP, decision.write(child, identity, signer, decided, config_map))
    except RefusedError as error:
        if error.code not in (404, 409):  # deleted or written meanwhile: the first pass writes another one
            raise
