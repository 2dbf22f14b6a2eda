"""What a deployment is made with: what options, lmd.toml, or the apply before say."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from localmodel.project.place import SCRIPT

# The name of an environment variable, as the custom resource has it
VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Settings:
    """One source of settings; None where it says nothing.

    Attributes:
        name: the deployment's.
        entry_script: its path in the folder.
        models: each NAME, NAME:VERSION, NAME@ALIAS, a path, or NAME=PATH.
        environment: NAME[:VERSION] of the store, the path of a file, or a tuple of requirements.
        python: the version, as `major.minor`.
        port: on this machine.
        variables: the script's environment variables.
        server: options of the server, by their names in Python.
        capture: which requests are kept, as in the manifest.
        update: the tables replay, shadow and canary that there are, by their names, as in the manifest's spec.update.
        gate: the path of a file with requests, or the requests.
        request: the path of a file with a sample request.
        target: where it runs.
    """

    name: str | None = None
    entry_script: str | None = None
    models: tuple[str, ...] | None = None
    environment: str | Path | tuple[str, ...] | None = None
    python: str | None = None
    port: int | None = None
    variables: Mapping[str, str] | None = None
    server: Mapping[str, int] | None = None
    capture: Mapping[str, Any] | None = None
    update: Mapping[str, Mapping[str, Any]] | None = None
    gate: Path | tuple[Mapping[str, Any], ...] | None = None
    request: Path | None = None
    target: str | None = None


def merge(options: Settings, file: Settings = Settings(), before: Settings = Settings()) -> Settings:
    """What holds: the option, else lmd.toml, else what was applied before.

    Variables are added up: an option sets one of them. Those of lmd.toml are all that there are beside the options'.
    """
    names = [field.name for field in fields(Settings)]
    merged = {
        name: next((value for one in (options, file, before) if (value := getattr(one, name)) is not None), None)
        for name in names
    }
    below = file.variables if file.variables is not None else before.variables
    if options.variables is not None or below is not None:
        merged["variables"] = {**(below or {}), **(options.variables or {})}
    return replace(Settings(), **merged)


def kept_notes(named: Settings, wanted: Settings, before: Settings) -> Iterator[str]:
    """What to say of settings that stay as they were applied before, and of variables that do not."""
    kept = [
        *([f"--entry-script {before.entry_script}"] if wanted.entry_script not in (named.entry_script, SCRIPT) else []),
        *(f"--model {model}" for model in (before.models or () if named.models is None else ())),
        *([f"--env {before.environment}"] if isinstance(before.environment, str) and named.environment is None else []),
        *([f"--python {before.python}"] if before.python and named.python is None else []),
        *(
            f"--variable {name}"
            for name in (before.variables or {})
            if name not in (named.variables or {}) and name in (wanted.variables or {})
        ),
        *([f"--port {before.port}"] if before.port and named.port is None else []),
    ]
    if kept:
        yield f"kept from before: {'; '.join(kept)}"
    for name in sorted({*(before.variables or {})} - {*(wanted.variables or {})}):
        yield f"{name} is not set any more: the variables of lmd.toml do not name it"
