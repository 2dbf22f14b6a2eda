"""What all entities have in common."""

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Self

import yaml

# What a target reports, and other spellings of `code_configuration`.
_NOT_IN_A_DOCUMENT = ("id", "provisioning_state", "scoring_uri", "openapi_uri", "code_path", "scoring_script")


class Entity:
    """A thing with fields, which `str()` shows as YAML."""

    def _document(self) -> dict[str, Any]:
        """The fields that are set, as Azure ML's YAML has them."""
        return _document(self, _NOT_IN_A_DOCUMENT)

    def __str__(self) -> str:
        return yaml.safe_dump(_document(self, ("code_path", "scoring_script")), sort_keys=False, allow_unicode=True)

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


def _document(entity: Any, left_out: tuple[str, ...]) -> dict[str, Any]:
    values = {field.name: getattr(entity, field.name) for field in fields(entity) if field.name not in left_out}
    return {name: _plain(value, left_out) for name, value in values.items() if value not in (None, {}, [])}


def _plain(value: Any, left_out: tuple[str, ...]) -> Any:
    if is_dataclass(value):
        return _document(value, left_out)
    if isinstance(value, dict):
        return {str(name): _plain(child, left_out) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child, left_out) for child in value]
    return value if isinstance(value, str | int | float | None) else str(value)
