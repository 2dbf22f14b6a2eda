"""A manifest's fields in the words of a caller from Python, who gave arguments and may have seen no manifest."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields

from localmodel.errors import UserError
from localmodel.resource.server_settings import ServerSettings

_OPTIONS = {setting.metadata["name"]: setting.name for setting in fields(ServerSettings)}
_FIELDS = {
    "environment": re.compile(r"\bspec\.environment(?:\.requirements)?\b"),
    "models": re.compile(r"\bspec\.models\b"),
    "port": re.compile(r"\bspec\.service\.localPort\b"),
    "replicas": re.compile(r"\bspec\.replicas\b"),
    "script": re.compile(r"\bspec\.scoring(?:\.entryScript)?\b"),
    "variables": re.compile(r"\bspec\.env\b(?:\[\d+\](?:\.(?:name|value)\b)?)?"),
}
_OPTION = re.compile(r"\bspec\.server\.(\w+)")


@contextmanager
def told_of(arguments: Mapping[str, object]) -> Iterator[None]:
    """Have errors of the block name the arguments that were given, which are not None, in the place of fields."""
    try:
        yield
    except UserError as error:
        text = str(error)
        for argument, field in _FIELDS.items():
            if arguments.get(argument) is not None:
                text = field.sub(argument, text)
        if arguments.get("server") is not None:
            text = _OPTION.sub(lambda match: f"server: {_OPTIONS.get(match[1], match[1])}", text)
        error.args = (text,)
        raise
