"""What a revision's workers will import before any other code of the user runs, read without running anything.

An import ahead must not differ from the script's own. So only those count that come before the script does anything
else, and a pickle's where loading it is the first thing that init() does.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from localmodel_server.configuration.settings import Settings
from localmodel_untrusted.files import read_file

# An object of a module in a pickle of protocol 4 or 5 (PEP 3154): two short texts, each memoized, and STACK_GLOBAL.
_PICKLE = re.compile(rb"\x80[\x04\x05]")
_GLOBAL = re.compile(rb"\x8c.([A-Za-z_][\w.]*)\x94\x8c.[A-Za-z_]\w*\x94\x93", re.DOTALL)
_STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())  # since Python 3.10
_BYTES = 4 << 20  # of each pickle: most of what it needs is named early
_MOST_ENTRIES = 2000  # of a folder
# Modules whose functions change nothing that a package sees, and methods that do, whosever they are.
_HARMLESS = {
    *("collections", "dataclasses", "datetime", "functools", "glob", "json", "os", "pathlib", "re", "time", "typing"),
}
_HARMLESS_FUNCTIONS = {
    *("Path", "getLogger", "getenv", "int", "iter", "len", "list", "next", "print", "str"),
    *("exists", "glob", "is_dir", "is_file", "iterdir", "joinpath", "rglob"),
}
_CHANGES = {"chdir", "clear", "pop", "popitem", "putenv", "setdefault", "umask", "unsetenv", "update"}
_LOADS = re.compile("load|open$|read_|get_model_path$")


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
    """What the script imports before it does anything else, and what the pickles that it then loads name.

    Empty where a worker may as well import all of it alone: nothing of it comes from a package, or the script's
    logging.json has to come before.
    """
    root = settings.app_root
    script = root / settings.environment.get("AZUREML_ENTRY_SCRIPT", "score.py")
    if any((folder / "logging.json").exists() for folder in (root, script.parent)):
        return []
    try:
        reading = _Reading({path.relative_to(root).as_posix(): path for path in _files(root) if path.suffix == ".py"})
        likely = list(reading.imports(script.relative_to(root).as_posix()))
        if reading.loads_first:
            modules = _pickled(settings.environment.get("AZUREML_MODEL_DIR", ""), reading.texts)
            likely += [LikelyImport(module) for module in modules]
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return []  # the worker says what is wrong
    likely = list(dict.fromkeys(likely))
    is_worth_it = any(item.module.partition(".")[0] not in _STANDARD for item in likely)
    return likely if is_worth_it else []


class _Reading:
    """Reads the files of a script in the order in which they run, until one does something else than import.

    `loads_first`: nothing else is done, and init() begins by loading a model. `texts` are those in the script.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._own = {path.partition("/")[0].removesuffix(".py") for path in paths}
        self._seen: set[str] = set()
        self.loads_first = False
        self.texts: set[str] = set()

    def imports(self, script: str) -> Iterator[LikelyImport]:
        """What comes first in the script, and in the files of its own that it imports there."""
        tree = self._parse(script)
        self.texts = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str
        }
        ends = yield from self._of(tree, script)
        init = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "init"), None)
        self.loads_first = ends and init is not None and _loads_first(init)

    def _of(self, tree: ast.Module, file: str) -> Generator[LikelyImport, None, bool]:
        """Returns whether the file does nothing but import, define and compute."""
        for node in tree.body:
            for module, names, level in _imported(node):
                if level or module.partition(".")[0] in self._own:
                    if not (yield from self._of_own(module, file, level)):
                        return False
                else:
                    yield LikelyImport(module, names, True)
            if not _is_harmless(node):
                return False
        return True

    def _of_own(self, module: str, file: str, level: int) -> Generator[LikelyImport, None, bool]:
        folder = file.rpartition("/")[0]
        places = [f"{folder}/{module}.py".lstrip("/"), f"{module}.py"]
        path = next((path for path in places if path in self._paths), None)
        if level or path is None:
            return False  # a package of its own: several files run, in an order of theirs
        if path in self._seen:
            return True
        self._seen.add(path)
        return (yield from self._of(self._parse(path), path))

    def _parse(self, file: str) -> ast.Module:
        if file not in self._paths:
            raise ValueError("no such script")
        return ast.parse(read_file(self._paths[file]) or b"")


def _imported(node: ast.stmt) -> Iterable[tuple[str, tuple[str, ...], int]]:
    if isinstance(node, ast.Import):
        return [(alias.name, (), 0) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names if alias.name != "*")
        return [(node.module or "", names, node.level)]
    return []


def _is_harmless(node: ast.stmt) -> bool:
    """Whether a statement of a module is an import, a definition, or computes something that no package sees."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return not node.decorator_list
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return _is_local(node) and all(map(_changes_nothing, _calls(node)))


def _is_local(node: ast.stmt) -> bool:
    """Whether it assigns to variables of the script, and not to what belongs to a package."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(isinstance(target, ast.Name) for target in targets)


def _loads_first(init: ast.FunctionDef) -> bool:
    """Whether the first call of init() that may change something loads a file."""
    for node in init.body:
        if not (_is_local(node) or isinstance(node, (ast.Expr, ast.Global, ast.With))):
            return False
        for call in _calls(node):
            if not _changes_nothing(call):
                return bool(_LOADS.match(_name(call.func)))
    return False


def _calls(node: ast.AST) -> list[ast.Call]:
    """The calls in the order in which they are made: those in the arguments first."""
    calls: list[ast.Call] = []
    for child in ast.iter_child_nodes(node):
        calls += _calls(child)
    return [*calls, node] if isinstance(node, ast.Call) else calls


def _changes_nothing(call: ast.Call) -> bool:
    name, owner = _name(call.func), call.func
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    if isinstance(owner, ast.Call):
        return name not in _CHANGES and _changes_nothing(owner)
    return name not in _CHANGES and (_name(owner) in _HARMLESS or name in _HARMLESS_FUNCTIONS)


def _name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _pickled(folder: str, texts: set[str]) -> list[str]:
    """The modules that the only pickle in the folder names, or those whose names are in the script."""
    pickles: list[Path] = []
    for path in _files(Path(folder)) if folder else ():
        with path.open("rb") as file:
            if _PICKLE.match(file.read(2)):
                pickles.append(path)
    wanted = [path for path in pickles if len(pickles) == 1 or any(path.name in text for text in texts)]
    modules: dict[str, None] = {}
    for path in wanted[:4]:
        with path.open("rb") as file:
            modules.update((name.decode(), None) for name in _GLOBAL.findall(file.read(_BYTES)))
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
