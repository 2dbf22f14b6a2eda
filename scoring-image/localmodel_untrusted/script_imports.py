"""What a script imports from elsewhere, and which of it must be there: read from its source, without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple, Optional

_CODE = (".py", ".pyc", ".pyx", ".so", ".pyd", ".zip", ".egg")
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
# What else than the environment may decide whether an import is wanted, or is there.
_OTHER_SYSTEMS = {"version_info", "platform", "name", "python_version", "system", "PY2", "PY3"}
_MODULES_OF_SYS = {"path", "modules", "meta_path", "path_hooks"}
_MAKERS = {"addsitedir", "install_as_MySQLdb", "pip", "ensurepip", "zipimport"}


class Import(NamedTuple):
    """An import statement. `names` are what `from module import ...` takes of it; `needed`: no start without it."""

    module: str
    names: tuple[str, ...]
    file: str
    line: int
    needed: bool


def elsewhere(paths: Collection[str], read: Callable[[str], bytes], entry: str) -> list[Import]:
    """The imports of the script and of the files that it imports, of modules that are none of the files themselves.

    `paths` are those of all files of the source folder. An import is needed where it runs whenever the script loads:
    neither under a condition, nor in a function other than the script's init(), nor where the script may add modules
    of its own while it runs. Left out are imports whose absence the script handles itself.
    """
    modules = _Modules(paths, entry)
    reached: dict[str, bool] = {}
    imports: list[Import] = []
    certain = True
    pending = [(entry, True)]
    while pending:
        file, needed = pending.pop(0)
        if reached.get(file, False) or (file in reached and not needed):
            continue
        reached[file] = needed
        try:
            tree = ast.parse(read(file))
        except (SyntaxError, ValueError, RecursionError, OSError):
            continue
        certain = certain and not _makes_modules(tree)
        for wanted in _of_file(tree, file, is_entry=file == entry):
            own = modules.files(wanted)
            if own is None:
                imports.append(wanted._replace(needed=wanted.needed and needed))
            else:
                pending += [(path, wanted.needed and needed) for path in own]
    # A file that is reached twice is read twice, where only the second way to it is certain.
    settled = {(item.file, item.line, item.module): item for item in sorted(imports, key=lambda item: item.needed)}
    kept = [item._replace(needed=item.needed and certain) for item in settled.values()]
    order = {file: number for number, file in enumerate(reached)}
    return sorted(kept, key=lambda item: (order[item.file], item.line, item.module))


class _Modules:
    """The modules that lie in the source folder."""

    def __init__(self, paths: Collection[str], entry: str) -> None:
        self._paths = frozenset(paths)
        self._roots = [f"{entry.rpartition('/')[0]}/".lstrip("/"), ""]
        # A folder that is put on Python's path while the script runs may be any of them.
        self._names = {
            part.partition(".")[0] for path in self._paths if path.endswith(_CODE) for part in path.split("/")
        }

    def files(self, wanted: Import) -> Optional[list[str]]:
        """The files that the import runs; None where the module comes from elsewhere."""
        if wanted.module.partition(".")[0] not in self._names:
            return None
        modules = [wanted.module, *(f"{wanted.module}.{name}" for name in wanted.names)]
        return list(dict.fromkeys(file for module in modules for file in self._sources(module)))

    def _sources(self, module: str) -> Iterator[str]:
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            path = "/".join(parts[:length])
            for root in self._roots:
                for file in (f"{root}{path}.py", f"{root}{path}/__init__.py"):
                    if file in self._paths:
                        yield file


def _of_file(tree: ast.Module, file: str, is_entry: bool) -> Iterator[Import]:
    package = file.split("/")[:-1]
    for node, needed in _statements(tree.body, True, is_entry):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, (), file, node.lineno, needed)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            if module:
                yield Import(module, names, file, node.lineno, needed)
            for name in () if module else names:
                yield Import(name, (), file, node.lineno, needed)


def _statements(body: Iterable[ast.stmt], needed: bool, is_entry: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Every import statement whose absence is not handled, and whether it runs as the body does."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, needed
        elif isinstance(node, ast.If):
            yield from _of_if(node, needed, is_entry)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if is_entry and needed and node.name == "init":
                yield from _of_init(node)
            else:
                yield from _statements(node.body, False, False)
        elif isinstance(node, ast.ClassDef):
            yield from _statements(node.body, needed, False)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            yield from _of_with(node, needed, is_entry)
        elif hasattr(node, "handlers"):
            yield from _of_try(node, needed, is_entry)
        else:
            for part in ("body", "orelse"):
                yield from _statements(getattr(node, part, ()), False, False)
            for case in getattr(node, "cases", ()):
                yield from _statements(case.body, False, False)


def _of_init(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[ast.stmt, bool]]:
    goes_on = True
    for node in function.body:
        yield from _statements([node], goes_on, False)
        goes_on = goes_on and not any(isinstance(child, (ast.Return, ast.Raise)) for child in ast.walk(node))


def _of_if(node: ast.If, needed: bool, is_entry: bool) -> Iterator[tuple[ast.stmt, bool]]:
    words = _words(node.test)
    if words & {"TYPE_CHECKING", "__name__"}:
        yield from _statements(node.orelse, needed, is_entry)
    elif not words & _OTHER_SYSTEMS:
        yield from _statements([*node.body, *node.orelse], False, False)


def _of_with(node: ast.With | ast.AsyncWith, needed: bool, is_entry: bool) -> Iterator[tuple[ast.stmt, bool]]:
    words = set[str]().union(*(_words(item.context_expr) for item in node.items))
    if not words & _IMPORT_ERRORS:
        yield from _statements(node.body, needed and "catch_warnings" in words, is_entry)


def _of_try(node: ast.stmt, needed: bool, is_entry: bool) -> Iterator[tuple[ast.stmt, bool]]:
    if not isinstance(node, ast.Try):  # try: ... except*
        return
    if not any(handler.type is None or _words(handler.type) & _IMPORT_ERRORS for handler in node.handlers):
        yield from _statements(node.body, needed, is_entry)
        for handler in node.handlers:
            yield from _statements(handler.body, False, False)
        yield from _statements(node.orelse, False, False)
    yield from _statements(node.finalbody, needed, is_entry)


def _makes_modules(tree: ast.AST) -> bool:
    """Whether modules may come from where nobody can see them in the source."""
    harmless: set[Any] = set()  # nodes that are parts of what was seen before
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            harmless.add(node.value)  # a text that stands alone is a comment
        elif isinstance(node, ast.Call):
            changed = getattr(node.func, "value", None)
            if getattr(changed, "attr", "") == "path" and _is_own_folder(node.args):
                harmless.add(changed)
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            if any(alias.name in _MODULES_OF_SYS for alias in node.names):
                return True
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            if node.attr in _MODULES_OF_SYS and not (node.attr == "path" and node in harmless):
                return True
        elif isinstance(node, ast.Constant):
            if _installs(node.value) and node not in harmless:
                return True
        elif any(word in _MAKERS for word in _own_words(node)):
            return True
    return False


def _is_own_folder(arguments: Iterable[ast.expr]) -> bool:
    """Whether they are the folder of the script's own file, as in `sys.path.append(dirname(__file__))`."""
    words = {word.lower() for argument in arguments for word in _words(argument)}
    return "__file__" in words and not any("model" in word for word in words)


def _installs(value: object) -> bool:
    return isinstance(value, str) and (value == "pip" or "pip install" in value)


def _words(node: ast.AST) -> set[str]:
    return {word for child in ast.walk(node) for word in _own_words(child)}


def _own_words(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.alias):
        yield node.name
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
