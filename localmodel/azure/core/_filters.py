"""Filters versions of models by tags, properties and framework, in the forms of Azure ML's calls."""

from collections.abc import Mapping, Sequence

from localmodel.azure.core._framework import Framework
from localmodel.azure.exceptions import ModelNotFoundException, UserErrorException
from localmodel.store import ModelVersion, Store

# As in Azure ML's lists: keys, or [key, value]; a mapping, too.
Filter = Mapping[str, str | None] | Sequence[str | Sequence[str]]


def fitting(
    store: Store,
    name: str | None,
    tags: Filter | None,
    properties: Filter | None,
    framework: str | None,
    newest: bool,
) -> list[ModelVersion]:
    """The matching versions, oldest first; with `newest`, only the newest matching one of each model."""
    wanted = _pairs(properties)
    versions = [
        model
        for model in store.models.list(name=name, tags=_pairs(tags))
        if all(key in model.properties and value in (None, model.properties[key]) for key, value in wanted.items())
        and framework in (None, model.framework or Framework.CUSTOM)
    ]
    versions.sort(key=lambda model: model.version)
    # A tag that only version 1 has matches version 1, as in Azure ML.
    return list({model.name: model for model in versions}.values()) if newest else versions


def latest(
    store: Store, reference: str, tags: Filter | None, properties: Filter | None, framework: str | None
) -> ModelVersion:
    """The version of "name:version", or the newest matching one of "name".

    Raises:
        ModelNotFoundException: there is none.
    """
    name, _, version = reference.partition(":")
    versions = fitting(store, name, tags, properties, framework, newest=not version)
    versions = [model for model in versions if version in ("", str(model.version))]
    if not versions:
        raise ModelNotFoundException(
            f"Model: no version of {reference} has these tags, properties and this framework; "
            f"see Model.list(workspace, name={name!r})"
        )
    return versions[-1]


def _pairs(given: Filter | None) -> dict[str, str | None]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, str):
        raise UserErrorException(f"a filter is a list: [{given!r}]")
    return dict(_pair(entry) for entry in given)


def _pair(entry: str | Sequence[str]) -> tuple[str, str | None]:
    if isinstance(entry, str):
        return entry, None
    if len(entry) != 2:
        raise UserErrorException(f"a filter is a key or [key, value], not {entry!r}")
    return entry[0], entry[1]
