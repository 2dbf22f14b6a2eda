"""What the operator sends: a tar of a revision's code, of the models that the pod lacks, and of what it is called."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Optional

from localmodel_untrusted import json_text, tar

DESCRIPTION = "bundle.json"
GATE = "gate.json"
CODE = "code"
MODELS = "models"
# A folder may take a millisecond to make.
_LIMITS = tar.Limits(members=100_000, folders=10_000)
# Of the two files that are read as a whole.
MOST_WORDS = 4 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class BadBundleError(Exception):
    """No pod can use the bundle; the text says why."""


class Model(NamedTuple):
    """A model's version; digest is `sha256:...`."""

    name: str
    version: str
    digest: str


class BundleDescription(NamedTuple):
    """bundle.json. A variable without a value is removed from those that the container was started with."""

    revision: str
    entry: str
    models: tuple[Model, ...]
    variables: Mapping[str, Optional[str]]
    content: str
    environment: str


def digest_hex(digest: str) -> str:
    """The hex part of `sha256:...`, which is safe as a file's name.

    Raises:
        BadBundleError
    """
    if not _DIGEST.fullmatch(digest):
        raise BadBundleError(f"{digest!r} is not a digest (sha256: and 64 hex digits)")
    return digest[7:]


def read_description(text: bytes) -> BundleDescription:
    """Read bundle.json.

    Raises:
        BadBundleError
    """
    try:
        content = json_text.parse(text)
        models = tuple(_model(model) for model in content["models"])
        variables = {str(name): _value(name, value) for name, value in content["variables"].items()}
        texts = [_text(content, name) for name in ("revision", "entry", "content", "environment")]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadBundleError(f"{DESCRIPTION} cannot be read: {type(error).__name__}: {error}") from error
    revision, entry, content, environment = texts
    digest_hex(content)
    _path(entry)
    return BundleDescription(revision, entry, models, variables, content, environment)


def unpack(path: Path, target: Path, most_bytes: int) -> BundleDescription:
    """Unpack a bundle into an empty folder, as files that nobody can write to; returns its bundle.json.

    Only files and folders below `code/` and `models/<hex>/`, bundle.json and gate.json are taken, of at most
    most_bytes in all.

    Raises:
        BadBundleError
        OSError: there is no room.
    """
    left = most_bytes

    def accept(member: tar.Member) -> None:
        nonlocal left
        _check_place(member)
        left -= member.size
        if left < 0:
            raise BadBundleError(f"more than {most_bytes} bytes when unpacked (LOCALMODEL_MAX_BUNDLE_BYTES)")

    try:
        with path.open("rb") as file:
            tar.unpack(file.fileno(), target, _LIMITS, 0o444, accept)
        return read_description((target / DESCRIPTION).read_bytes())
    except tar.RefusedError as error:
        raise BadBundleError(str(error)) from error
    except FileNotFoundError as error:
        raise BadBundleError(f"it has no {DESCRIPTION}") from error


def _check_place(member: tar.Member) -> None:
    top, *rest = member.path.parts
    if top == MODELS and rest:
        digest_hex(f"sha256:{rest[0]}")
    elif not (top in (CODE, MODELS) or (top in (DESCRIPTION, GATE) and not rest)):
        raise BadBundleError(f"{tar.shown(member.path)} belongs neither to {CODE}/ nor to {MODELS}/")
    if not (rest or member.is_folder) and member.size > MOST_WORDS:
        raise BadBundleError(f"{top} is larger than {MOST_WORDS} bytes")


def _path(name: str) -> PurePosixPath:
    """A relative path that stays below its folder.

    Raises:
        BadBundleError
    """
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise BadBundleError(f"the path {name!r} leads out of the bundle")
    return path


def _model(content: Any) -> Model:
    model = Model(_text(content, "name"), _text(content, "version"), _text(content, "digest"))
    digest_hex(model.digest)
    for part in model[:2]:
        if len(_path(part).parts) != 1:
            raise BadBundleError(f"{part!r} is not the name of a model or version")
    return model


def _value(name: str, value: Any) -> str | None:
    if (value is not None and not isinstance(value, str)) or "\0" in f"{name}{value}" or "=" in name or not name:
        raise BadBundleError(f"the variable {name!r} cannot be {json.dumps(value)}")
    return value


def _text(content: Any, name: str) -> str:
    value = content[name]
    if not isinstance(value, str):
        raise BadBundleError(f"{DESCRIPTION}: {name} must be a string, not {json.dumps(value)}")
    return value
