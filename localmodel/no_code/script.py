"""Generates the entry script of a model, short and plain, because users start their own from it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from localmodel.no_code.description import Description
from localmodel.no_code.run_schema import RunSchema, of_inputs, quoted

_STANDARD_LIBRARY = {"import json", "import os", "import pickle", "import sys", "from pathlib import Path"}


def write(model: Description, name: str) -> str:
    """The text of the script for the deployment of this name."""
    schema = of_inputs(model.inputs)
    functions = [text.strip("\n") for text in (model.loading.functions, schema.functions) if text]
    parts = [*functions, _init(model), *([schema.sample] if schema.sample else []), _run(model, schema)]
    body = "\n\n\n".join(parts)
    imports = {"import os", "from pathlib import Path", "import numpy as np", *model.loading.imports, *schema.imports}
    if model.code:
        imports.add("import sys")
    head = f'"""Serves {_words(name)}: the model {_words(model.file)} ({model.flavor})."""'
    return f"{head}\n\n{_ordered(imports, body)}\n\n\n{body}\n"


def _init(model: Description) -> str:
    loading = model.loading
    lines = [f"global {'predict' if loading.method else 'model'}", 'folder = Path(os.environ["AZUREML_MODEL_DIR"])']
    if model.code:
        lines.append(f"sys.path.insert(0, str(folder / {quoted(model.code)}))")
    lines += [f"path = folder / {quoted(model.file)}", *loading.load]
    if loading.method:
        lines.append(f'predict = getattr(model, os.environ.get("PREDICT_METHOD", {quoted(loading.method)}))')
    return "\n    ".join(["def init():", *lines])


def _run(model: Description, schema: RunSchema) -> str:
    first = f"def run({', '.join(schema.parameters)}):"
    lines = "\n    ".join([first, *schema.lines, f"return {model.loading.answer}"])
    return "\n".join([*schema.decorators, lines])


def _ordered(imports: Iterable[str], text: str) -> str:
    """The import lines in the usual order, without unused aliases."""
    used = [line for line in imports if " as " not in line or re.search(rf"\b{line.split()[-1]}\.", text)]
    used.sort(key=lambda line: (line.startswith("from"), line))
    standard = [line for line in used if line in _STANDARD_LIBRARY]
    return "\n".join([*standard, "", *(line for line in used if line not in _STANDARD_LIBRARY)]).rstrip()


def _words(name: str) -> str:
    """A name in the words of a docstring."""
    return re.sub(r'["\\]', "_", name if name.isprintable() else ascii(name)[1:-1])
