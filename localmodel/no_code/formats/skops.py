"""Reads skops' files: archives with the object as JSON, and its arrays beside it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from localmodel.environments.formats.definition import DEFAULT_PYTHON
from localmodel.no_code import packages
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.formats import estimator
from localmodel.no_code.formats.pickled import check_modules
from localmodel.no_code.refusal import needs_script, unreadable
from localmodel.no_code.source import quoted
from localmodel.pickles.outline import class_of
from localmodel.pickles.values import UNKNOWN, Global, Made, Value
from localmodel_untrusted import distributions

_LARGEST = 64 << 20
_DEEPEST = 100
_SCHEMA = "schema.json"


def describe(path: Path, file: str, trusted: tuple[str, ...] = ()) -> Description:
    """The estimator in skops' file. `trusted` are the types that the model's metadata declares as trusted.

    Without them, types of well-known packages are trusted, because skops' own list lacks trees.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded.
    """
    content = _content(path)
    seen = _Seen()
    try:
        root = seen.value(content, 0)
    except RecursionError:
        raise unreadable(path, "it is nested too deeply") from None
    whole = class_of(root)
    if whole is None:
        raise needs_script(path, "it does not hold an estimator")
    check_modules(path, sorted(seen.globals))
    modules = {module for module, _ in seen.globals}
    versions = {"scikit-learn": seen.version} if seen.version else {}
    python = packages.python_for(versions) or DEFAULT_PYTHON
    skops = str(content.get("_skops_version", ""))
    known = trusted or tuple(str(name) for name in sorted(seen.globals) if distributions.of_module(name.module))
    load = f"model = skops.io.load(path, trusted=[{', '.join(map(quoted, known))}])"
    return Description(
        distributions.of_module(whole.module).replace("scikit-learn", "sklearn"),
        file,
        Loading(("import skops.io",), (load,), "np.asarray(predict(data)).tolist()", method="predict"),
        estimator.inputs_of(root),
        (*packages.of_modules(modules, versions), f"skops=={skops}" if packages.is_version(skops) else "skops"),
        python,
        outputs=estimator.outputs_of(root),
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_SCHEMA) as schema:
            text = schema.read(_LARGEST + 1)
        content = json.loads(text) if len(text) <= _LARGEST else None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError, OSError, RecursionError) as error:
        raise unreadable(path, f"it is not an archive of skops' ({error})") from None
    if not isinstance(content, dict):
        raise unreadable(path, f"its {_SCHEMA} is too large, or not an object")
    return content


class _Seen:
    """Converts the nodes of skops' JSON to stand-ins for objects, and records their classes."""

    def __init__(self) -> None:
        self.globals: set[Global] = set()
        self.version = ""

    def value(self, node: Any, depth: int) -> Value:
        if not isinstance(node, dict) or depth > _DEEPEST:
            return node
        kind, content = node.get("__loader__"), node.get("content")
        match kind:
            case "JsonNode":
                return _loaded(content)
            case "DictNode" | "DefaultDictNode" | "OrderedDictNode":
                return self._items(content, depth)
            case "ListNode" | "SetNode":
                return self._list(content, depth)
            case "TupleNode":
                return tuple(self._list(content, depth))
            case "NdArrayNode" if node.get("type") == "json":
                return self.value(content, depth + 1)
            case "TypeNode" | "FunctionNode" | "MethodNode" | "PartialNode":
                self._note(node)
                return UNKNOWN
        if not isinstance(node.get("__class__"), str) or not isinstance(node.get("__module__"), str):
            return UNKNOWN
        made = Made(self._note(node), ())
        state = self.value(content, depth + 1)
        made.state = state if isinstance(state, dict) else {}
        if isinstance(version := made.state.get("_sklearn_version"), str) and packages.is_version(version):
            self.version = version
        return made

    def _note(self, node: dict[str, Any]) -> Global:
        imported = Global(str(node.get("__module__")), str(node.get("__class__")))
        self.globals.add(imported)
        return imported

    def _items(self, content: Any, depth: int) -> dict[str, Value]:
        items = content.items() if isinstance(content, dict) else ()
        return {key: self.value(item, depth + 1) for key, item in items}

    def _list(self, content: Any, depth: int) -> list[Value]:
        return [self.value(item, depth + 1) for item in content] if isinstance(content, list) else []


def _loaded(text: Any) -> Value:
    try:
        return json.loads(text) if isinstance(text, str) else UNKNOWN
    except ValueError:
        return UNKNOWN
