"""What an operator wrote down that did not sign yet is signed, once for each cluster and key.

Before the first operator that signs has started, all that lies there has been obeyed, so nothing is lost by believing
it once more; from then on what has no signature is not the operator's. The Secret with the key tells whether that was
done: nobody but an administrator of the cluster can have it done again.
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

_SIGNED = f"{names.GROUP}/signed"  # on the Secret: the namespaces in which that was done
_ALL = "*"


async def adopt(cluster: Cluster, signer: Signer, namespaces: Iterable[str]) -> None:
    """Sign decisions and revisions of the resources in these namespaces (none named: all), if that was never done."""
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
    """Go on without what cannot be signed: a resource of one user stops neither the others nor the operator.

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
    for found in await cluster.list(REVISION, metadata["namespace"], labels):
        if not owns(metadata["uid"], found) or history.is_ours(identity, found, signer):
            continue
        if history.read(found) is None:
            log.warning("%s: not a revision: left unsigned", found["metadata"]["name"])
            continue
        signature = history.signature(identity, found, signer)
        annotating = cluster.annotate(REVISION, metadata["namespace"], found["metadata"]["name"], signature)
        await _or_leave(owner, annotating)


async def _sign_decision(cluster: Cluster, signer: Signer, owner: Object) -> None:
    identity, metadata = decision.owner_of(owner), owner["metadata"]
    found = await cluster.get(CONFIG_MAP, metadata["namespace"], config_map_name(metadata["name"]))
    if found is None or not owns(metadata["uid"], found) or decision.read(found, identity, signer):
        return
    decided = decision.read_unsigned(found)
    if decided is None:
        return
    child = children.metadata(owner, config_map_name(metadata["name"]))
    try:
        await cluster.replace(CONFIG_MAP, decision.write(child, identity, signer, decided, found))
    except RefusedError as error:
        if error.code not in (404, 409):  # deleted, or written meanwhile: the first pass writes another
            raise
