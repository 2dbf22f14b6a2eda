"""What a revision's workers will import, read from its script and its pickles without running anything."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from localmodel_server.configuration.settings import Settings
from localmodel_untrusted import script_imports
from localmodel_untrusted.files import read_file

# An object of a module in a pickle of protocol 4 or 5 (PEP 3154): two short texts, each memoized, and STACK_GLOBAL.
_PICKLE = re.compile(rb"\x80[\x04\x05]")
_GLOBAL = re.compile(rb"\x8c.([A-Za-z_][\w.]*)\x94\x8c.[A-Za-z_]\w*\x94\x93", re.DOTALL)
_BYTES = 16 << 20  # of each pickle: most of what it needs is named early
_MOST_ENTRIES = 2000  # of a folder
_CHANGE = {"putenv", "unsetenv", "load_dotenv"}
_CHANGE_OF_ENVIRON = {"update", "setdefault", "pop", "popitem", "clear"}


class LikelyImport(NamedTuple):
    """`import module`, or `from module import names`; `is_named`: by an import statement of the script."""

    module: str
    names: tuple[str, ...] = ()
    is_named: bool = False

    @property
    def full_names(self) -> list[str]:
        """Every name that may be a module."""
        parts = self.module.split(".")
        parents = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        return [*parents, *(f"{self.module}.{name}" for name in self.names)]


def likely_imports(settings: Settings) -> list[LikelyImport]:
    """What the script imports whenever it loads, and what its pickles name.

    Empty where a worker may as well import all of it alone: nothing of it comes from a package, the script may set
    variables that packages read, or its logging.json has to come before them.
    """
    root = settings.app_root
    script = root / settings.environment.get("AZUREML_ENTRY_SCRIPT", "score.py")
    if any((folder / "logging.json").exists() for folder in (root, script.parent)):
        return []
    try:
        imports = _script_imports(root, script)
        modules = _pickled(settings.environment.get("AZUREML_MODEL_DIR", ""))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return []  # the worker says what is wrong
    likely = list(dict.fromkeys([*imports, *map(LikelyImport, modules)]))
    is_worth_it = any(item.module.partition(".")[0] not in sys.stdlib_module_names for item in likely)
    return likely if is_worth_it else []


def _script_imports(root: Path, script: Path) -> list[LikelyImport]:
    paths = {path.relative_to(root).as_posix(): path for path in _files(root) if path.suffix == ".py"}
    entry = script.relative_to(root).as_posix()
    if entry not in paths:
        raise ValueError("no such script")
    trees: list[ast.AST] = []

    def read(name: str) -> bytes:
        source = read_file(paths[name]) or b""
        trees.append(ast.parse(source))
        return source

    imports = script_imports.elsewhere(paths, read, entry)
    if any(map(_sets_variables, trees)):
        raise ValueError("variables come first")
    return [LikelyImport(item.module, item.names, True) for item in imports if item.needed]


def _sets_variables(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load) and _name(node.value) == "environ":
            return True
        if isinstance(node, ast.Call):
            name = _name(node.func)
            owner = _name(getattr(node.func, "value", None))
            if name in _CHANGE or (name in _CHANGE_OF_ENVIRON and owner == "environ"):
                return True
    return False


def _name(node: object) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _pickled(folder: str) -> list[str]:
    modules: dict[str, None] = {}
    for path in _files(Path(folder)) if folder else ():
        with path.open("rb") as file:
            content = file.read(2)
            if _PICKLE.match(content):
                content += file.read(_BYTES)
                modules.update((name.decode(), None) for name in _GLOBAL.findall(content))
    return list(modules)


def _files(folder: Path) -> Iterator[Path]:
    """The files in a folder.

    Raises:
        ValueError: there are too many of them to look at before anything serves.
    """
    entries = 0
    for place, folders, names in os.walk(folder):
        entries += len(folders) + len(names)
        if entries > _MOST_ENTRIES:
            raise ValueError("too many files")
        yield from (path for path in (Path(place, name) for name in names) if path.is_file())
