"""lmd.toml: the settings of a folder."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.addresses.address import is_address
from localmodel.errors import UserError
from localmodel.project.place import SETTINGS
from localmodel.project.settings import VARIABLE, Settings
from localmodel.resource.server_settings import ServerSettings
from localmodel.target_table import TARGETS
from localmodel_untrusted.files import UnreadableError, decoded, read_file


def read(folder: Path) -> Settings:
    """The folder's settings; none without a file. Paths in it are relative to the folder.

    Raises:
        UserError: SettingsFileInvalid, with file and line.
    """
    file = folder / SETTINGS
    try:
        content = read_file(file)
        text = decoded(content or b"").removeprefix("\ufeff")
    except UnreadableError as error:
        raise UserError(reasons.SETTINGS_FILE_INVALID, f"{file}: cannot be read: {error}") from None
    if content is None and file.is_symlink():
        raise UserError(reasons.SETTINGS_FILE_INVALID, f"{file}: cannot be read: it links to nothing")
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r" \(at line (\d+), column \d+\)", str(error))
        where, what = (f":{line[1]}", str(error).replace(line[0], "")) if line else ("", str(error))
        raise UserError(reasons.SETTINGS_FILE_INVALID, f"{file}{where}: not TOML: {what}") from None
    return _settings(values, folder, partial(_place_in, file, text))


def place_of(folder: Path, key: str) -> str:
    """Where the folder's file sets a key: file, line and key."""
    file = folder / SETTINGS
    return _place_in(file, file.read_text("utf-8", "replace"), key)


def _place_in(file: Path, text: str, key: str) -> str:
    return f"{file}:{line_of(text, key)}: {key}"


def line_of(text: str, key: str) -> int:
    """The line that sets a key, `server.workers` for one of a table; 1 where it cannot be told."""
    table, last, key = "", key.rpartition(".")[2], re.sub(r"\s", "", key)
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            table = header[1].replace('"', "").replace(" ", "")
            if table == key:
                return number
        elif assigned := re.match(r"""\s*((?:"[^"]*"|'[^']*'|[\w.\s-])+)=""", line):
            name = re.sub(r"[\"'\s]", "", assigned[1])
            whole = f"{table}.{name}" if table else name
            if whole == key or (key.startswith(f"{whole}.") and re.search(rf"\b{re.escape(last)}\b", line)):
                return number
    return 1


def _settings(values: Mapping[str, Any], folder: Path, place: Callable[[str], str]) -> Settings:
    _known(values, _READ, "", place)
    if "environment" in values and "requirements" in values:
        raise _wrong(place("requirements"), "give one of environment and requirements")
    environment = _optional(values, "environment", place, _text)
    requirements = values.get("requirements")
    packages: str | Path | tuple[str, ...] | None = None
    if environment is not None:
        packages = _there(folder, environment) or environment
    elif isinstance(requirements, str):
        packages = folder / requirements
    elif requirements is not None:
        packages = _texts(requirements, place("requirements"))
    gate = values.get("gate")
    if gate is not None and not isinstance(gate, str) and not _is_list_of(gate, dict):
        raise _wrong(place("gate"), "give the path of a file, or requests")
    request = _optional(values, "request", place, _text)
    return Settings(
        name=_optional(values, "name", place, _text),
        entry_script=_optional(values, "entry_script", place, _text),
        models=_models(values["models"], folder, place("models")) if "models" in values else None,
        environment=packages,
        python=_optional(values, "python", place, _python),
        port=_optional(values, "port", place, _port),
        variables=_variables(values["variables"], place) if "variables" in values else None,
        server=_server(values["server"], place) if "server" in values else None,
        capture=_optional(values, "capture", place, _capture),
        update={name: _update(values[name], place(name)) for name in UPDATE_TABLES if name in values} or None,
        gate=folder / gate if isinstance(gate, str) else None if gate is None else tuple(gate),
        request=folder / request if request is not None else None,
        target=_optional(values, "target", place, _target),
    )


# Those of spec.update
UPDATE_TABLES = ("replay", "shadow", "canary")
_READ = (
    *("name", "entry_script", "models", "environment", "requirements", "python", "port"),
    *("variables", "server", "capture", *UPDATE_TABLES, "gate", "request", "target"),
)
# Fields of them that are decimal numbers, which are text in a manifest: ratios without an exponent.
_DECIMALS: dict[str, Callable[[float], str]] = {
    "tolerance": str,
    **dict.fromkeys(("errorRatio", "latencyRatio", "changedRatio"), lambda ratio: f"{Decimal(str(ratio)):f}"),
}


def _known(values: Mapping[str, Any], known: tuple[str, ...], table: str, place: Callable[[str], str]) -> None:
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key.replace("-", "_").lower(), known, 1, 0.5)
            advice = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise _wrong(place(f"{table}{key}"), f"unknown key; {advice}")


def _optional(
    values: Mapping[str, Any], key: str, place: Callable[[str], str], check: Callable[[Any, str], Any]
) -> Any:
    return check(values[key], place(key)) if key in values else None


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(where, f"give a text in quotes, not {value!r}")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not _is_list_of(value, str):
        raise _wrong(where, 'give texts, such as ["numpy==2.4.6"]')
    return tuple(value)


def _python(value: Any, where: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"3\.\d+", value):
        quotes = "" if isinstance(value, str) else "in quotes, "
        raise _wrong(where, f'give a minor version {quotes}such as "3.12", not {value!r}')
    return value


def _port(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
        raise _wrong(where, f"give a number from 1 to 65535, not {value!r}")
    return value


def _target(value: Any, where: str) -> str:
    if value not in TARGETS:
        raise _wrong(where, f"give one of {', '.join(TARGETS)}, not {value!r}")
    return str(value)


def _models(value: Any, folder: Path, where: str) -> tuple[str, ...]:
    """A list, each as the option has it, or a table of names and paths."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, dict) and _is_list_of([*value.values()], str):
        return tuple(f"{name}={_place(folder, text)}" for name, text in value.items())
    if not _is_list_of(value, str):
        raise _wrong(where, 'give names or paths, such as ["model.pkl"], or a table with NAME = "PATH"')
    return tuple(_model(folder, text) for text in value)


def _model(folder: Path, text: str) -> str:
    if is_address(text):
        return text
    if place := _there(folder, text):
        return str(place)
    name, equals, path = text.partition("=")
    if equals:
        return f"{name}={_place(folder, path)}"
    return str(folder / text) if "/" in text else text


def _place(folder: Path, text: str) -> str:
    """An address as it is, a path as one in the folder."""
    return text if is_address(text) else str(_there(folder, text) or folder / text)


def _there(folder: Path, text: str) -> Path | None:
    """The path in the folder, if there is something."""
    path = folder / Path(text).expanduser()
    return path if path.exists() or path.is_symlink() else None


def _variables(value: Any, place: Callable[[str], str]) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _wrong(place("variables"), 'give a table, such as [variables] with NAME = "value"')
    for name, text in value.items():
        if not VARIABLE.fullmatch(name):
            raise _wrong(place(f"variables.{name}"), "not a name of a variable: use letters, digits and _")
        if not isinstance(text, str):
            raise _wrong(place(f"variables.{name}"), f'give a text: "{text}"')
    return dict(value)


def _server(value: Any, place: Callable[[str], str]) -> dict[str, int]:
    if not isinstance(value, dict):
        raise _wrong(place("server"), "give a table, such as [server] with workers = 2")
    _known(value, tuple(ServerSettings.__dataclass_fields__), "server.", place)
    for name, number in value.items():
        if not isinstance(number, int) or isinstance(number, bool):
            raise _wrong(place(f"server.{name}"), f"give a number, not {number!r}")
    return dict(value)


def _capture(value: Any, where: str) -> dict[str, Any]:
    """The table as it is: the manifest's schema checks it."""
    if not isinstance(value, dict):
        raise _wrong(where, "give a table, such as [capture] with percent = 100")
    return value


def _update(value: Any, where: str) -> dict[str, Any]:
    """The table as it is, but for decimal numbers: the manifest's schema checks it."""
    if not isinstance(value, dict) or not value:
        raise _wrong(where, "give a table, such as [replay] with maxChanged = 0")
    return _with_decimals_as_text(value)


def _with_decimals_as_text(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _as_in_a_manifest(name, value) for name, value in table.items()}


def _as_in_a_manifest(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return _with_decimals_as_text(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _DECIMALS[name](value) if name in _DECIMALS and is_number else value


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _wrong(where: str, what: str) -> UserError:
    return UserError(reasons.SETTINGS_FILE_INVALID, f"{where}: {what}")
