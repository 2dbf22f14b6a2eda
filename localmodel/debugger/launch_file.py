"""Edits entries in VS Code's launch.json (JSON with comments), and leaves everything else exactly as it is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localmodel.debugger.debuggee import Wish

_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[\]}])')


class NotMergeableError(ValueError):
    """The file is not valid for VS Code; the text says where."""


def entry(name: str, wish: Wish, port: int, local: str, remote: str) -> dict[str, Any]:
    """The configuration that attaches to the deployment. `local` and `remote` name the same folder of code."""
    where = {"listen": wish.connect} if wish.connect else {"connect": ("127.0.0.1", port)}
    ((kind, (host, port)),) = where.items()
    return {
        "name": f"lmd debug {name}",
        "type": "debugpy",
        "request": "attach",
        kind: {"host": host, "port": port},
        "pathMappings": [{"localRoot": local, "remoteRoot": remote}],
    }


def local_root(code: Path, workspace: Path) -> str:
    """The folder in the form of launch.json."""
    if not code.is_relative_to(workspace):
        return str(code)
    inside = code.relative_to(workspace)
    return "${workspaceFolder}" if inside == Path() else f"${{workspaceFolder}}/{inside.as_posix()}"


def merge(text: str, configuration: dict[str, Any]) -> str:
    """Add the configuration to the text of a launch.json, or replace the one of the same name.

    Raises:
        NotMergeableError: the text is not a valid launch.json.
    """
    if not text.strip():
        return json.dumps({"version": "0.2.0", "configurations": [configuration]}, indent=4) + "\n"
    plain = _plain(text)
    try:
        content = json.loads(plain)
    except (ValueError, RecursionError) as error:
        raise NotMergeableError(f"it is not JSON with comments: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("configurations", []), list):
        raise NotMergeableError("it has no list of configurations")
    new = json.dumps(configuration, indent=4).replace("\n", "\n        ")
    root = plain.index("{")
    if "configurations" not in content:
        comma = "," if content else ""
        return f'{text[: root + 1]}\n    "configurations": [\n        {new}\n    ]{comma}{text[root + 1 :]}'
    start = next(at for key, at in _members(plain, root) if key == "configurations")
    for item, begin, end in _items(plain, start):
        if isinstance(item, dict) and item.get("name") == configuration["name"]:
            return text[:begin] + new + text[end:]
    after = "," if content["configurations"] else "\n    "
    return f"{text[: start + 1]}\n        {new}{after}{text[start + 1 :]}"


def _plain(text: str) -> str:
    """The text as plain JSON of the same length, with blanks for comments and trailing commas."""
    without = _COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else re.sub(r"\S", " ", match[0]), text)
    return _LAST_COMMA.sub(lambda match: match[0] if match[0][0] == '"' else " ", without)


def _members(plain: str, at: int) -> Iterator[tuple[str, int]]:
    """For each member of the object at `at`: its key, and where its value begins."""
    at = _skip(plain, at + 1)
    while plain[at] != "}":
        key, end = _decode(plain, at)
        at = _skip(plain, _skip(plain, end) + 1)
        yield key, at
        at = _after(plain, _decode(plain, at)[1])


def _items(plain: str, at: int) -> Iterator[tuple[Any, int, int]]:
    """For each item of the list at `at`: its value, begin and end."""
    at = _skip(plain, at + 1)
    while plain[at] != "]":
        item, end = _decode(plain, at)
        yield item, at, end
        at = _after(plain, end)


_decode = json.JSONDecoder().raw_decode


def _after(plain: str, end: int) -> int:
    """The position of the next part, or of the closing bracket."""
    at = _skip(plain, end)
    return _skip(plain, at + 1) if plain[at] == "," else at


def _skip(plain: str, at: int) -> int:
    """The first position from `at` on that is not blank."""
    return len(plain) - len(plain[at:].lstrip())
