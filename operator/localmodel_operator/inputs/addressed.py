"""Resolves what a spec names by address: once for each generation of a resource, in the background if it is fetched.

These are models, and the script's folder in a Git repository.
"""

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from localmodel import reasons
from localmodel.addresses import address as addresses
from localmodel.addresses import readers
from localmodel.errors import UserError
from localmodel.resource.spec import DeploymentSpec, GitRef, ModelRef
from localmodel.store import CodeVersion, Store
from localmodel.store.fetched import from_address, from_git
from localmodel_operator.cluster import SECRET, Cluster, Object
from localmodel_operator.inputs import fetches as fetches_
from localmodel_operator.inputs.fetch import KEYS, Request
from localmodel_operator.inputs.fetches import Fetches, Fetching

# The name that a source folder has beside the models'
SOURCE = ""


@dataclass(frozen=True)
class Chosen:
    """The spec with the versions that its addresses lead to.

    `moved` says which addresses lead to another version than before, `notes` which could not be looked at again.
    `again_after`: in how many seconds to look again, if at all. `source` is the code that a repository's folder is.
    """

    spec: DeploymentSpec
    moved: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    again_after: float | None = None
    source: CodeVersion | None = None


@dataclass(frozen=True)
class _Asked:
    """What the spec asks for at one place. `at_hand()` is the version that nobody has to be asked for, or 0."""

    field: str
    name: str
    shown: str
    credentials: str
    refresh: float
    request: Request
    at_hand: Callable[[], int]


async def with_versions(
    cluster: Cluster,
    store: Store,
    fetches: Fetches,
    owner: Object,
    spec: DeploymentSpec,
    resolved: Mapping[str, int],
    done: Callable[[], None],
) -> Chosen:
    """The spec with the versions that its addresses lead to.

    `resolved` are versions that this generation has led to before, by the model's name or SOURCE. `done()` follows
    news of a fetch. An address with a `refresh` is looked at again in the background: what it has led to before serves
    meanwhile, and also if that fails.

    Raises:
        UserError: it cannot be fetched; the message names the field.
        Fetching: something is being fetched.
    """
    metadata = owner["metadata"]
    key, generation = (metadata["namespace"], metadata["name"]), (metadata["uid"], metadata["generation"])
    versions, wishes = dict[str, int](), list[tuple[_Asked, str, Request]]()
    moved, notes = list[_Asked](), list[str]()
    for asked in _asked(store, spec, resolved):
        with _named(asked.field):
            versions[asked.name] = await asyncio.to_thread(asked.at_hand)
            if versions[asked.name] and not asked.refresh:
                continue
            try:
                credentials, secret = await _credentials(cluster, key[0], asked.credentials)
            except UserError as error:
                if not versions[asked.name]:
                    raise
                notes.append(_not_refreshed(asked, str(error)))
                continue
            request = replace(asked.request, credentials=credentials)
            wish = fetches_.wish_of(generation, request, secret)
            wishes.append((asked, wish, request))
            if not versions[asked.name] and asked.name in resolved:
                fetches.forget(wish, resolved[asked.name])
    fetches.want(key, (wish for _, wish, _ in wishes))
    waits, looks = list[Fetching](), list[float]()
    for asked, wish, request in wishes:
        if before := versions[asked.name]:
            look = fetches.look(wish, request, asked.refresh, key, done)
            if look.version and look.version != before:
                versions[asked.name] = look.version
                moved.append(asked)
            notes += [_not_refreshed(asked, look.problem)] if look.problem else []
            looks += [] if look.again_after is None else [look.again_after]
            continue
        try:
            with _named(asked.field):
                versions[asked.name] = fetches.version(wish, request, asked.shown, key, done)
        except Fetching as fetching:  # the others begin, too
            waits.append(fetching)
    if waits:
        raise waits[0]
    models = tuple(replace(model, version=versions.get(model.name, model.version)) for model in spec.models)
    spec, code, now = (
        replace(spec, models=models),
        None,
        {name: f"{name}:{version}" for name, version in versions.items()},
    )
    if git := spec.source.git:
        code = await asyncio.to_thread(store.code.get, from_git.name_of(git), versions[SOURCE])
        spec, now[SOURCE] = from_git.with_code(spec, code), f"commit {code.commit[:12]}"
    causes = tuple(f"{asked.shown} leads to {now[asked.name]} now" for asked in moved)
    return Chosen(spec, causes, tuple(notes), min(looks, default=None), code)


def _asked(store: Store, spec: DeploymentSpec, resolved: Mapping[str, int]) -> Iterator[_Asked]:
    """What has no version in the spec, or comes from a shared store."""
    for index, model in enumerate(spec.models):
        field = f"spec.models[{index}]"
        if model.version:
            if store.models.records.is_shared:
                version = f"{model.name}:{model.version}"
                request = Request(str(store.root), model.name, "", "", {}, version=model.version)
                at_hand = partial(_version_at_hand, store, model.name, model.version)
                yield _Asked(field, version, f"{version} of the shared store", "", 0, request, at_hand)
            continue
        with _named(field):
            shown = addresses.parse(model.uri).shown
        request = Request(str(store.root), model.name, model.uri, model.digest, {})
        at_hand = partial(_model_at_hand, store, model, resolved)
        yield _Asked(field, model.name, shown, model.credentials, model.refresh, request, at_hand)
    if git := spec.source.git:
        with _named(from_git.FIELD):
            name, shown = from_git.name_of(git), from_git.shown(git)
        request = Request(str(store.root), name, git.url, "", {}, git.ref, git.path, spec.entry_script)
        at_hand = partial(_source_at_hand, store, git, spec.entry_script, resolved)
        yield _Asked(from_git.FIELD, SOURCE, shown, git.credentials, git.refresh, request, at_hand)


def _not_refreshed(asked: _Asked, problem: str) -> str:
    return f"{asked.field}: what came last serves, because its address cannot be looked at again: {problem}"


@contextmanager
def _named(field: str) -> Iterator[None]:
    """A block whose errors and news name the field."""
    try:
        yield
    except UserError as error:
        raise UserError(error.reason, f"{field}: {error}") from None
    except Fetching as fetching:
        raise Fetching(f"{field}: {fetching}", f"{field}: {fetching.detail}", fetching.again_after) from None


def _model_at_hand(store: Store, model: ModelRef, resolved: Mapping[str, int]) -> int:
    readers.check(replace(addresses.parse(model.uri), foreign=True))
    if version := resolved.get(model.name):
        try:
            return store.models.get(model.name, version).version
        except UserError:
            return 0  # it was deleted
    version_at_hand = from_address.look(store, model)
    return version_at_hand.version if version_at_hand else 0


def _version_at_hand(store: Store, name: str, version: int) -> int:
    return 0 if store.models.is_elsewhere(name, version) else version


def _source_at_hand(store: Store, git: GitRef, entry: str, resolved: Mapping[str, int]) -> int:
    if version := resolved.get(SOURCE):
        with suppress(UserError):  # it, or its content, is gone
            store.code.files(code := store.code.get(from_git.name_of(git), version))
            return code.version
        return 0
    version_at_hand = from_git.look(store, git, entry)
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
