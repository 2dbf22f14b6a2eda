"""The models of a spec that are named by addresses, as versions of the store."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from localmodel.disk import size
from localmodel.errors import UserError
from localmodel.oci.layout import Meter
from localmodel.output import progress as progress_
from localmodel.output.progress import Progress
from localmodel.resource.spec import ModelRef
from localmodel.store.fetched import from_address
from localmodel.store.models import ModelVersion
from localmodel.store.staged import StagedStore
from localmodel.store.store import Store


def fetched(store: Store, models: Iterable[ModelRef], progress: Progress) -> tuple[ModelRef, ...]:
    """The models with the versions that their addresses lead to now. What this machine lacks is downloaded.

    Raises:
        UserError: as `from_address.fetch()`; the message names the field.
    """

    def find(model: ModelRef) -> ModelVersion:
        arrived = 0

        def meter(done: int, total: int) -> None:
            nonlocal arrived
            arrived = done
            progress_.check(progress)
            progress_.now(progress, f"{size.words(done)} of {size.words(total)}")

        with progress.step(f"model {model.name}") as done:
            version = _fetched(store, model, meter)
            how = f"{size.words(arrived)} downloaded" if arrived else "nothing to download"
            done(f"{version.name}:{version.version}, {how}")
        return version

    def is_at_hand(model: ModelRef) -> bool:
        return bool(model.version) and not store.models.is_elsewhere(model.name, model.version)

    return _with_versions(models, find, is_at_hand)


def _fetched(store: Store, model: ModelRef, meter: Meter) -> ModelVersion:
    if model.version:
        return store.models.fetch(model.name, model.version, meter)
    return from_address.fetch(store, model, meter)


def planned(store: StagedStore, models: Iterable[ModelRef], foreign: bool = False) -> tuple[ModelRef, ...]:
    """The same, where nothing is downloaded: a version that would be stands in the store without its content.

    `foreign`: whether a cluster will fetch it; see `Address`.

    Raises:
        UserError: as `from_address.ask()`; the message names the field.
    """

    def find(model: ModelRef) -> ModelVersion:
        return from_address.ask(store, model, foreign) or store.stand_in(model.name, model.digest)

    return _with_versions(models, find, lambda model: bool(model.version))


def _with_versions(
    models: Iterable[ModelRef], find: Callable[[ModelRef], ModelVersion], is_at_hand: Callable[[ModelRef], bool]
) -> tuple[ModelRef, ...]:
    versions = list[ModelRef]()
    for index, model in enumerate(models):
        try:
            versions.append(model if is_at_hand(model) else replace(model, version=find(model).version))
        except UserError as error:
            raise UserError(error.reason, f"spec.models[{index}]: {error}") from None
    return tuple(versions)
