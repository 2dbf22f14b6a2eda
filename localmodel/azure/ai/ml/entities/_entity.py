"""What all entities have in common."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Self

import yaml


class Entity:
    """A thing with fields, which `str()` shows as YAML."""

    # Fields that a document of the thing does not have, because they are reported and not asked for.
    _REPORTED: ClassVar[tuple[str, ...]] = ("id",)

    def _document(self) -> dict[str, Any]:
        """The fields that are set, as Azure ML's YAML has them; what is in the store is a reference to it."""
        asked = [field.name for field in fields(self) if field.name not in self._REPORTED]  # type: ignore[arg-type]
        values = {name: _plain(getattr(self, name)) for name in asked}
        return {name: value for name, value in values.items() if value not in (None, {}, [])}

    def __str__(self) -> str:
        reported = {name: value for name in self._REPORTED if (value := getattr(self, name, None)) is not None}
        return yaml.safe_dump({**self._document(), **reported}, sort_keys=False, allow_unicode=True)

    def __repr__(self) -> str:
        shown = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        arguments = ", ".join(f"{name}={value!r}" for name, value in shown.items() if value not in (None, {}))
        return f"{type(self).__name__}({arguments})"


class Created(Entity):
    """An entity that local calls return when all is done, and that can be used as the poller of a cloud call."""

    def result(self, timeout: float | None = None) -> Self:
        """The entity itself."""
        return self

    def wait(self, timeout: float | None = None) -> None:
        """Return at once."""

    def done(self) -> bool:
        """True."""
        return True

    def status(self) -> str:
        """The word `Succeeded`."""
        return "Succeeded"


def absolute(place: str | os.PathLike[str] | None) -> str | None:
    """The path as it is seen from the current folder; addresses and references stay as they are."""
    if place is None or "://" in str(place) or str(place).startswith("azureml:"):
        return None if place is None else str(place)
    return os.path.normpath(Path(place).expanduser().absolute())


def _plain(value: Any) -> Any:
    if isinstance(value, Entity):
        return getattr(value, "id", None) or value._document()
    if isinstance(value, dict):
        return {str(name): _plain(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child) for child in value]
    return value if isinstance(value, str | int | float | None) else str(value)
