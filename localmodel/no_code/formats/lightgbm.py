"""Reads LightGBM's own text files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from localmodel.environments.formats.definition import DEFAULT_PYTHON
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table
from localmodel.no_code.refusal import needs_script, unreadable

LONGEST_HEAD = 4 << 20
NO_CATEGORIES = "it has columns of categories, and the file does not say which columns they are"
_LONGEST_TAIL = 1 << 20
_FILE = re.compile(rb"tree\r?\nversion=")
_VERSION = re.compile(rb"version=v(\d+)")
_SIZES = re.compile(rb"\ntree_sizes=([0-9 ]+)")
_CATEGORIES = re.compile(rb"\npandas_categorical:(\[.*\])\s*$")
# The name of an unnamed column.
_COUNTED = re.compile(r"Column_\d+")


def is_file(start: bytes) -> bool:
    """Whether a file with this start is LightGBM's."""
    return _FILE.match(start) is not None


def describe(path: Path, file: str) -> Description:
    """The booster in LightGBM's text format.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded.
    """
    with path.open("rb") as opened:
        head = opened.read(LONGEST_HEAD)
        opened.seek(max(0, path.stat().st_size - _LONGEST_TAIL))
        tail = opened.read(_LONGEST_TAIL)
    if _is_cut(head, path.stat().st_size):
        raise unreadable(path, "it is cut: it ends before its last tree")
    names = _names(head)
    if not names:
        raise unreadable(path, "it has no feature_names, as LightGBM writes them")
    inputs = inputs_of(head, _categories(tail))
    if inputs is None:
        raise needs_script(path, NO_CATEGORIES)
    # Version 4 reads files of version 3.
    version = version_in(head).replace(">=3.3,<4", ">=3.3,<5")
    load = ("model = lightgbm.Booster(model_file=str(path))",)
    loading = Loading(("import lightgbm",), load, "np.asarray(model.predict(data)).tolist()")
    outputs = {"": sample_of_answer(head)}
    return Description("lightgbm", file, loading, inputs, (f"lightgbm{version}",), DEFAULT_PYTHON, outputs=outputs)


def _is_cut(head: bytes, size: int) -> bool:
    """Whether a file of this size cannot have all trees, of which the head gives the sizes."""
    sizes = _SIZES.search(head)
    return sizes is not None and max(0, head.find(b"\nTree=")) + sum(map(int, sizes[1].split())) > size


def sample_of_answer(head: bytes) -> list[Any]:
    """A number for each row, or for each of several classes."""
    return [0.0] if _lines(head).get("num_tree_per_iteration", "1") == "1" else [[0.0]]


def version_in(head: bytes) -> str:
    """The versions that write this format; LightGBM's files do not say more."""
    return {b"3": ">=3.3,<4", b"4": ">=4,<5"}.get(match[1], "") if (match := _VERSION.search(head)) else ""


def inputs_of(head: bytes, categories: Any) -> Inputs | None:
    """The inputs of the booster whose text begins so; None if it does not say which column has which categories.

    `categories` has the values of each column that pandas had categories for.
    """
    names = _names(head)
    if all(_COUNTED.fullmatch(name) for name in names):
        return Arrays((Array((-1, len(names))),))
    if not isinstance(categories, list) or not categories:
        return Table(tuple(Column(name) for name in names))
    infos = _lines(head).get("feature_infos", "").split(" ")
    # A range, or none for a constant column
    of_categories = [name for name, info in zip(names, infos, strict=False) if info[:1] not in ("[", "n")]
    if len(of_categories) != len(categories) or not all(map(_is_plain, categories)):
        return None
    by_name = dict(zip(of_categories, categories, strict=True))
    return Table(
        tuple(Column(name, "category", tuple(by_name[name])) if name in by_name else Column(name) for name in names)
    )


def _is_plain(categories: Any) -> bool:
    return (
        isinstance(categories, list)
        and bool(categories)
        and all(isinstance(value, str | int | float) for value in categories)
    )


def _names(head: bytes) -> list[str]:
    return _lines(head).get("feature_names", "").split()


def _lines(head: bytes) -> dict[str, str]:
    return dict(line.split("=", 1) for line in head.decode(errors="replace").splitlines()[:100] if "=" in line)


def _categories(tail: bytes) -> Any:
    match = _CATEGORIES.search(tail)
    try:
        return json.loads(match[1]) if match else None
    except (ValueError, RecursionError):
        return None
