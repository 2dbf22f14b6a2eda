"""Versions, which the store counts, as texts of a program."""

from localmodel.azure.ai.ml.exceptions import ValidationException
from localmodel.store import EnvironmentVersion, ModelVersion


def reference(call: str, name: str, version: str | int | None, label: str | None) -> str:
    """The version in the store's words: `name`, `name:3` or `name@label`.

    Raises:
        ValidationException: both are given, or the version is not a number.
    """
    if version is not None and label is not None:
        raise ValidationException(f"{call}: version or label, not both")
    if version is not None and not str(version).isdecimal():
        raise ValidationException(f"{call}: the store counts versions 1, 2, 3, and has no {version!r}")
    if version is not None:
        return f"{name}:{int(version)}"
    return name if label in (None, "latest") else f"{name}@{label}"


def numbered(call: str, asked: str | int, would_be: ModelVersion | EnvironmentVersion) -> None:
    """Refuse a version that the store would not count.

    Raises:
        ValidationException: it would be another one.
    """
    if str(asked) != str(would_be.version):
        raise ValidationException(
            f"{call}: {would_be.name}: the store counts versions itself, and this is {would_be.version}, not {asked}: "
            "leave version out"
        )
