"""Resolves models by address: once for each generation of a resource, in the background if they must be fetched."""

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from localmodel import reasons
from localmodel.addresses import address as addresses
from localmodel.addresses import readers
from localmodel.errors import UserError
from localmodel.resource.spec import ModelRef
from localmodel.store import Store, from_address
from localmodel_operator.cluster import SECRET, Cluster, Object
from localmodel_operator.inputs import fetches as fetches_
from localmodel_operator.inputs.fetch import KEYS, Request
from localmodel_operator.inputs.fetches import Fetches, Fetching


@dataclass(frozen=True)
class Chosen:
    """The models with their versions.

    `moved` says which addresses lead to another version than before, `notes` which could not be looked at again.
    `again_after`: in how many seconds to look again, if at all.
    """

    models: tuple[ModelRef, ...]
    moved: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    again_after: float | None = None


async def with_versions(
    cluster: Cluster,
    store: Store,
    fetches: Fetches,
    owner: Object,
    models: Sequence[ModelRef],
    resolved: Mapping[str, int],
    done: Callable[[], None],
) -> Chosen:
    """The models with the versions that their addresses lead to.

    `resolved` are versions that this generation has led to before, by name. `done()` follows news of a fetch. An
    address with a `refresh` is looked at again in the background: what it has led to before serves meanwhile, and also
    if that fails.

    Raises:
        UserError: it cannot be fetched; the message names the field.
        Fetching: something is being fetched.
    """
    metadata = owner["metadata"]
    key = metadata["namespace"], metadata["name"]
    versions, wishes = dict[int, int](), dict[int, tuple[str, Request]]()
    moved, notes = list[str](), list[str]()
    for index, model in enumerate(models):
        with _named(index):
            versions[index] = model.version or await asyncio.to_thread(_at_hand, store, model, resolved)
            if versions[index] and not model.refresh:
                continue
            try:
                credentials, secret = await _credentials(cluster, key[0], model.credentials)
            except UserError as error:
                if not versions[index]:
                    raise
                notes.append(_not_refreshed(index, str(error)))
                continue
            request = Request(str(store.root), model.name, model.uri, model.digest, credentials)
            wish = fetches_.wish_of((metadata["uid"], metadata["generation"]), request, secret)
            wishes[index] = wish, request
            if not versions[index] and model.name in resolved:
                fetches.forget(wish, resolved[model.name])
    fetches.want(key, (wish for wish, _ in wishes.values()))
    waits, looks = list[Fetching](), list[float]()
    for index, (wish, request) in wishes.items():
        if versions[index]:
            look = fetches.look(wish, request, models[index].refresh, key, done)
            if look.version and look.version != versions[index]:
                versions[index] = look.version
                moved.append(f"{addresses.parse(request.uri).shown} leads to {request.name}:{look.version} now")
            notes += [_not_refreshed(index, look.problem)] if look.problem else []
            looks += [] if look.again_after is None else [look.again_after]
            continue
        try:
            with _named(index):
                versions[index] = fetches.version(wish, request, addresses.parse(request.uri).shown, key, done)
        except Fetching as fetching:  # the others begin, too
            waits.append(fetching)
    if waits:
        raise waits[0]
    chosen = tuple(replace(model, version=versions[index]) for index, model in enumerate(models))
    return Chosen(chosen, tuple(moved), tuple(notes), min(looks, default=None))


def _not_refreshed(index: int, problem: str) -> str:
    return f"spec.models[{index}]: what came last serves, because its address cannot be looked at again: {problem}"


@contextmanager
def _named(index: int) -> Iterator[None]:
    """A block whose errors and news name the field."""
    field = f"spec.models[{index}]"
    try:
        yield
    except UserError as error:
        raise UserError(error.reason, f"{field}: {error}") from None
    except Fetching as fetching:
        raise Fetching(f"{field}: {fetching}", f"{field}: {fetching.detail}", fetching.again_after) from None


def _at_hand(store: Store, model: ModelRef, resolved: Mapping[str, int]) -> int:
    """The version that nobody has to be asked for, or 0."""
    readers.check(replace(addresses.parse(model.uri), foreign=True))
    if version := resolved.get(model.name):
        try:
            return store.models.get(model.name, version).version
        except UserError:
            return 0  # it was deleted
    version_at_hand = from_address.look(store, model)
    return version_at_hand.version if version_at_hand else 0


async def _credentials(cluster: Cluster, namespace: str, name: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the Secret has for the readers, and its version."""
    if not name:
        return {}, ()
    secret = await cluster.get(SECRET, namespace, name)
    data = secret.get("data", {}) if secret else {}
    try:
        credentials = {key: base64.b64decode(data[key]).decode().strip() for key in KEYS if key in data}
    except ValueError:
        credentials = {}
    if secret is None or not credentials:
        what = f"has none of the keys {', '.join(KEYS)}" if secret else f"does not exist in namespace {namespace}"
        raise UserError(reasons.CREDENTIALS_MISSING, f"credentials: Secret {name} {what}")
    return credentials, (secret["metadata"]["uid"], secret["metadata"]["resourceVersion"])
